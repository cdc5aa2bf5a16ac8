//! What a push does before an image can be put together: how to cut, which chunks are missing, and these themselves.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;

use super::{Act, Outcome, Row, done, image_id, ok};
use crate::error::Refusal;
use crate::frames;
use crate::parts::Parts;
use crate::wire;

/// The greatest chunk is so many times the mean one.
const GREATEST_PER_MEAN: u32 = 4;

pub(super) const OPS: &[Row] = &[
    Op::new(
        "push_parameters",
        Method::GET,
        "/imprint/v1/push",
        Act::Asked(|parts, _, _| Box::pin(async move { parameters(&parts) })),
    ),
    Op::new(
        "missing_chunks",
        Method::POST,
        "/imprint/v1/images/{id}/chunks/missing",
        Act::Asked(|parts, caller, request| Box::pin(missing(parts, caller, request))),
    ),
    Op::new(
        "put_chunks",
        Method::PUT,
        "/imprint/v1/images/{id}/chunks",
        Act::Asked(|parts, caller, request| Box::pin(put(parts, caller, request))),
    ),
];

fn parameters(parts: &Parts) -> Outcome {
    ok(&wire::PushParameters {
        chunk_mean_bytes: parts.service.chunk_mean_bytes(),
        ids_max: frames::IDS_MAX,
        batch_bytes_max: frames::BATCH_BYTES_MAX,
        batch_chunks_max: frames::BATCH_CHUNKS_MAX,
        entries_max: frames::ENTRIES_MAX,
    })
}

async fn missing(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let id = image_id(&request)?;
    let body = request.body.read_all((frames::IDS_MAX * 32) as u64).await?;
    let ids = frames::read_ids(&body).map_err(Refusal::invalid)?;
    let missing = parts.service.missing_chunks(&caller, id, ids).await?;
    Ok(Response::full(StatusCode::OK, "application/octet-stream", frames::write_ids(&missing)))
}

async fn put(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let id = image_id(&request)?;
    let body = request.body.read_all(frames::BATCH_BYTES_MAX).await?;
    let longest = parts.service.chunk_mean_bytes().saturating_mul(GREATEST_PER_MEAN);
    let chunks = frames::read_chunks(body, longest).map_err(Refusal::invalid)?;
    parts.service.put_chunks(&caller, id, chunks).await?;
    done()
}
