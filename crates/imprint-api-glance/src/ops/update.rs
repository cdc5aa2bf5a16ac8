//! `PATCH /v2/images/{id}`: changes of the record, all or none.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked, image_id, image_response};
use crate::body;
use crate::error::{Refusal, status_forbids};
use crate::parts::Parts;
use crate::patch::{self, Grammar};

pub(super) const OPS: &[Row] = &[Op::new("update_image", Method::PATCH, "/v2/images/{id}", asked!(update))];

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

async fn update(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let grammar = request.content_type().as_deref().and_then(Grammar::of).ok_or_else(unknown_media_type)?;
    let changes = patch::read(grammar, body::read_json(&mut request).await?)?;
    let image = parts.service.update_image(&caller, image_id(&request)?, changes).await.map_err(status_forbids(
        "Attributes disk_format and container_format can be only replaced for a queued image.",
    ))?;
    Ok(image_response(StatusCode::OK, &image))
}

fn unknown_media_type() -> Refusal {
    let text = format!("Image PATCH expects Content-Type one of: {}", patch::MEDIA_TYPES);
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        .with_header(ACCEPT_PATCH, HeaderValue::from_static(patch::MEDIA_TYPES))
}
