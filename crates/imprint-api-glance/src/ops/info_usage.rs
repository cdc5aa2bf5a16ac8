//! `GET /v2/info/usage`: what the caller's project uses, against what it may.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;
use serde_json::json;

use super::{Outcome, Row, asked};
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[Op::new("info_usage", Method::GET, "/v2/info/usage", asked!(info_usage))];

const MIB_BYTES: u64 = 1 << 20;

async fn info_usage(parts: Arc<Parts>, caller: Caller, _request: Request) -> Outcome {
    let usage = parts.service.usage(&caller).await?;
    let total_limit = mib_or_unlimited(usage.limits.account_bytes);
    let usage = json!({
        "usage": {
            "image_size_total": {"usage": usage.bytes / MIB_BYTES, "limit": total_limit},
            // bytes put aside count against the same limit as those in use
            "image_stage_total": {"usage": usage.staged_bytes / MIB_BYTES, "limit": total_limit},
            "image_count_total": {"usage": usage.images, "limit": usage.limits.account_images.max(-1)},
            "image_count_uploading": {"usage": usage.uploading, "limit": usage.limits.account_uploads.max(-1)},
        },
    });
    Ok(Response::json(StatusCode::OK, &usage))
}

fn mib_or_unlimited(bytes: i64) -> i64 {
    u64::try_from(bytes).map_or(-1, |bytes| i64::try_from(bytes / MIB_BYTES).unwrap_or(i64::MAX))
}
