//! `GET /v2/images/{id}/file`: the bytes of an image, or one range of them.

use std::io;
use std::sync::Arc;

use futures_util::StreamExt;
use http::{HeaderName, Method, header};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;

use super::{Outcome, Row, asked, done, image_id};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{range, words};

pub(super) const OPS: &[Row] = &[Op::new("download_image", Method::GET, "/v2/images/{id}/file", asked!(download))];

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

async fn download(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let download = parts.service.download(&caller, image_id(&request)?).await?;
    // with one store there is no preference to follow, but a name may be wrong
    let preferred = request.query_first("prefer").unwrap_or_default().split(',').map(str::trim);
    if let Some(unknown) = preferred.filter(|store| !store.is_empty()).find(|store| *store != words::STORE) {
        return Err(Refusal::bad_request(format!("Store '{unknown}' is not configured.")));
    }
    let Some(content) = &download.content else {
        return Ok(done());
    };
    let size = content.size_bytes;
    let range = range::read(&request.headers, size)?;
    let bytes = range.clone().unwrap_or(0..size);
    let stream = download.stream(bytes).map(|part| part.map_err(io::Error::other)).boxed();
    let mut response = Response::part("application/octet-stream", stream, range.as_ref(), size);
    // in hexadecimal and of the whole image, as clients compare it; RFC 1864 means something else
    if let Some(md5) = &content.md5 {
        response = response.with_text_header(CONTENT_MD5, md5).with_text_header(header::ETAG, &format!("\"{md5}\""));
    }
    Ok(response)
}
