//! `GET /imprint/v1/images/{id}/export?format=F[&compress[=zlib|zstd]]`: an image's disk as a file of some format, made
//! while it is sent. Its length and ranges of it are known for every format without compression, and for the others
//! from the second time on; the first time they are sent in chunks.

use std::io;
use std::sync::Arc;

use futures_util::StreamExt;
use http::{HeaderName, Method, StatusCode, header};
use imprint_http::{ByteRange, Op, Request, Response};
use imprint_model::Caller;
use imprint_service::ExportFormat;

use super::{Act, Outcome, Row, done, image_id};
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[Op::new(
    "export_image",
    Method::GET,
    "/imprint/v1/images/{id}/export",
    Act::Asked(|parts, caller, request| Box::pin(export(parts, caller, request))),
)];

const CONTENT_TYPE: &str = "application/octet-stream";

async fn export(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let format = format(&request)?;
    let Some(export) = parts.service.export(&caller, image_id(&request)?, format).await? else { return done() };
    let tag = format!("\"{}\"", export.tag());
    let disposition = format!("attachment; filename=\"disk.{}\"", export.format().ending());
    let Some(size) = export.size_bytes() else {
        let stream = export.stream(None).map(|part| part.map_err(io::Error::other)).boxed();
        let response = Response::stream(StatusCode::OK, CONTENT_TYPE, stream, None);
        return Ok(response.with_text_header(header::CONTENT_DISPOSITION, &disposition));
    };
    let range = match request.header("range").map(|text| ByteRange::read(text, size)) {
        // of another file than the one that the client has begun
        Some(_) if request.header("if-range").is_some_and(|known| known != tag) => None,
        Some(ByteRange::Outside) => return Ok(outside(size)),
        Some(ByteRange::Part(range)) => Some(range),
        Some(ByteRange::Unknown) | None => None,
    };
    let stream = export.stream(range.clone()).map(|part| part.map_err(io::Error::other)).boxed();
    Ok(Response::part(CONTENT_TYPE, stream, range.as_ref(), size)
        .with_text_header(header::CONTENT_DISPOSITION, &disposition)
        .with_text_header(header::ETAG, &tag)
        .with_text_header(HeaderName::from_static("accept-ranges"), "bytes"))
}

/// The format that a request asks for.
fn format(request: &Request) -> Result<ExportFormat, Refusal> {
    let word = request.query_first("format").unwrap_or(ExportFormat::Raw.as_str());
    let all = || ExportFormat::ALL.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(", ");
    let format: ExportFormat =
        word.parse().map_err(|_| Refusal::invalid(format!("format must be one of {}, not {word:?}", all())))?;
    let Some(codec) = request.query_first("compress") else { return Ok(format) };
    let compressed = format.compressed(codec);
    compressed.ok_or_else(|| Refusal::invalid(format!("{format} is not compressed by {codec:?}")))
}

/// 416, with the length that ranges must lie in.
fn outside(size: u64) -> Response {
    Refusal::unsatisfiable(format!("the range is not one of the file's {size} bytes"))
        .render()
        .with_text_header(header::CONTENT_RANGE, &format!("bytes */{size}"))
}
