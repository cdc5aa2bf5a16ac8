//! `POST /imprint/v1/images/{id}/content`: makes stored chunks the data of a queued image. Answers 409 `incomplete`
//! when a chunk is missing or not proven: ask again which ones to send.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Act, Outcome, Row, created, image_id};
use crate::error::Refusal;
use crate::frames::Description;
use crate::parts::Parts;
use crate::wire;

pub(super) const OPS: &[Row] = &[Op::new(
    "push_content",
    Method::POST,
    "/imprint/v1/images/{id}/content",
    Act::Asked(|parts, caller, request| Box::pin(push(parts, caller, request))),
)];

async fn push(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let id = image_id(&request)?;
    // whoever may not write it is told before anything of the description is kept
    parts.service.missing_chunks(&caller, id, Vec::new()).await?;
    let _room = parts.assemblies.acquire().await.expect("never closed");
    let mut description = Description::default();
    while let Some(piece) = request.body.next_chunk().await {
        description.feed(&piece?).map_err(Refusal::invalid)?;
    }
    let (size_bytes, chunks) = description.finish().map_err(Refusal::invalid)?;
    let image = parts.service.push_content(&caller, id, size_bytes, chunks).await?;
    created(&wire::Pushed { id: image.id.to_string(), size_bytes })
}
