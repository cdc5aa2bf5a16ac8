//! `GET /imprint/v1/images/{id}/export?format=F[&compress[=zlib|zstd]]`: an image's disk as a file of some format, made
//! while it is sent. Its length and ranges of it are known for every format without compression, and for the others
//! from the second time on; the first time they are sent in chunks.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use futures_util::StreamExt;
use http::{HeaderName, Method, StatusCode, header};
use imprint_http::{Op, Request, Response};
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
    let range = match request.headers.get(header::RANGE) {
        // of another file than the one that the client has begun
        Some(_) if request.header("if-range").is_some_and(|known| known != tag) => None,
        Some(range) => Some(read_range(range.to_str().unwrap_or_default(), size).ok_or_else(|| outside(size))?),
        None => None,
    };
    let (status, length) = match &range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.end - range.start),
        None => (StatusCode::OK, size),
    };
    let content_range = range.as_ref().map(|range| format!("bytes {}-{}/{size}", range.start, range.end - 1));
    let stream = export.stream(range).map(|part| part.map_err(io::Error::other)).boxed();
    let response = Response::stream(status, CONTENT_TYPE, stream, Some(length))
        .with_text_header(header::CONTENT_DISPOSITION, &disposition)
        .with_text_header(header::ETAG, &tag)
        .with_text_header(HeaderName::from_static("accept-ranges"), "bytes");
    Ok(match content_range {
        Some(text) => response.with_text_header(header::CONTENT_RANGE, &text),
        None => response,
    })
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

fn outside(size: u64) -> Refusal {
    Refusal::unsatisfiable(format!("the range is not one of the file's {size} bytes"))
}

/// `bytes=a-b`, `bytes=a-`, `bytes=-n`; one range at most.
fn read_range(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => size.saturating_sub(number(suffix)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => number(first)?..number(last)?.saturating_add(1).min(size),
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_the_file_is_given() {
        for (text, expected) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=2-", Some(2..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=8-99", Some(8..10)),
            ("bytes=0-18446744073709551615", Some(0..10)),
            ("bytes=10-", None),
            ("bytes=3-2", None),
            ("bytes=0-1,3-4", None),
            ("items=0-1", None),
            ("bytes=-0", None),
        ] {
            assert_eq!(read_range(text, 10), expected, "{text}");
        }
    }
}
