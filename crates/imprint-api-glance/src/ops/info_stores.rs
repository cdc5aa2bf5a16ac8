//! `GET /v2/info/stores` and `…/detail`: there is one store, so there is no choice to tell of.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked};
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[
    Op::new("info_stores", Method::GET, "/v2/info/stores", asked!(info_stores)),
    Op::new("info_stores_detail", Method::GET, "/v2/info/stores/detail", asked!(info_stores)),
];

async fn info_stores(_parts: Arc<Parts>, _caller: Caller, _request: Request) -> Outcome {
    Err(Refusal::not_found("Multi backend is not supported at this site."))
}
