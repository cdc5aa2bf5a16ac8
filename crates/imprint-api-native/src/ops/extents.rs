//! `GET /imprint/v1/images/{id}/extents`: where an image has data, so that a client fetches that alone and writes a
//! sparse file. A page at a time: `from` is where it begins, `next` in the answer where the one after it does.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Act, Outcome, Row, image_id, number, ok};
use crate::parts::Parts;
use crate::wire;

/// Part of an image that one page covers at most.
const PAGE_BYTES: u64 = 64 << 30;

pub(super) const OPS: &[Row] = &[Op::new(
    "list_extents",
    Method::GET,
    "/imprint/v1/images/{id}/extents",
    Act::Asked(|parts, caller, request| Box::pin(list(parts, caller, request))),
)];

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let from = number(&request, "from", 0_u64)?;
    let download = parts.service.download(&caller, image_id(&request)?).await?;
    let size_bytes = download.content.as_ref().map_or(0, |content| content.size_bytes);
    let end = from.saturating_add(PAGE_BYTES).min(size_bytes);
    let extents = if from < end { download.extents(from..end).await? } else { Vec::new() };
    // the engine may end a page early
    let reached = extents.last().map_or(end, |last| last.offset + last.len);
    let data = extents.iter().filter(|extent| extent.data).map(|extent| (extent.offset, extent.len)).collect();
    ok(&wire::Extents { size_bytes, data, next: (reached < size_bytes).then_some(reached) })
}
