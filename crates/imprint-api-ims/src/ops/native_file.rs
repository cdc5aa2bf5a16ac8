//! An image's bytes: taken in and given out as they flow.

use std::io;

use futures_util::StreamExt;
use http::{Method, header};
use imprint_http::{Body, ByteRange, Response};
use imprint_service::{Error, Upload};

use super::native::BAD_FORMAT;
use crate::access::settle;
use crate::answer;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Fault, code};
use crate::op::{Family, IMAGE_ID, Op, Outcome, run};

/// What bytes without a meaning of their own are sent as.
const OCTETS: &str = "application/octet-stream";

pub(super) const OPS: &[Op] = &[
    Op::new(
        Family::Native,
        "native_upload_image",
        Method::PUT,
        "/v2/images/{image_id}/file",
        "Takes in the file of an image that waits for one; the image is `active` afterwards.",
        run!(upload),
    )
    .success(204)
    .stream()
    .parameters(&[IMAGE_ID])
    .codes(&[
        code::IMAGE_NOT_FOUND,
        code::NOT_OWNER,
        code::IMAGE_UNAVAILABLE,
        code::BAD_FILE,
        code::FILE_TOO_LARGE,
        code::FLOW_CONTROL,
        code::QUOTA_IMAGES,
        BAD_FORMAT,
    ])
    .faults(faults),
    Op::new(
        Family::Native,
        "native_download_image",
        Method::GET,
        "/v2/images/{image_id}/file",
        "Gives out the file of an image, or one range of it.",
        run!(download),
    )
    .parameters(&[IMAGE_ID])
    .codes(&[code::IMAGE_NOT_FOUND, code::IMAGE_UNAVAILABLE]),
];

async fn upload(mut call: Call) -> Outcome {
    let id = call.image_id()?;
    let media_type = call.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(OCTETS) {
        let why = format!("The request message format is invalid: the content is not of the type {OCTETS}.");
        return Err(code::BAD_BODY.with_message(why).into());
    }
    let declared_bytes = call.stream.content_length();
    let body = std::mem::replace(&mut call.stream, Body::empty());
    let upload = match call.parts.service.begin_upload(&call.caller, id, declared_bytes).await {
        Ok(upload) => upload,
        Err(error) => return Err(settle(&call, id, error).await),
    };
    // by itself on the heap: it holds all that writes, which is too large to be moved about
    Box::pin(receive(body, upload)).await?;
    Ok(answer::done())
}

/// Moves the content into an upload, to its end.
async fn receive(mut body: Body, mut upload: Upload) -> Result<(), Problem> {
    while let Some(piece) = body.next_chunk().await {
        let bytes = match piece {
            Ok(bytes) => bytes,
            Err(error) => {
                upload.abort(&error.to_string()).await;
                return Err(Fault::from(error).into());
            }
        };
        if let Err(error) = upload.write(bytes).await {
            upload.abort(&error.to_string()).await;
            return Err(error.into());
        }
    }
    upload.finish().await?;
    Ok(())
}

/// Of an image that has a file, or gets one just now.
fn faults(error: &Error) -> Option<Fault> {
    match error {
        Error::WrongStatus(_) => Some(code::IMAGE_UNAVAILABLE.with_message("The image does not wait for a file.")),
        Error::Missing(_) => Some(BAD_FORMAT.fault()),
        Error::Gone => Some(code::IMAGE_NOT_FOUND.fault()),
        _ => None,
    }
}

async fn download(call: Call) -> Outcome {
    let id = call.image_id()?;
    let download = match call.parts.service.download(&call.caller, id).await {
        Ok(download) => download,
        Err(error) => return Err(error.into()),
    };
    let Some(content) = &download.content else { return Err(code::IMAGE_UNAVAILABLE.fault().into()) };
    let size = content.size_bytes;
    // what is no range of it asks for all of it
    let range = match call.header(header::RANGE.as_str()).map(|text| ByteRange::read(text, size)) {
        Some(ByteRange::Part(range)) => Some(range),
        Some(ByteRange::Outside | ByteRange::Unknown) | None => None,
    };
    let bytes = range.clone().unwrap_or(0..size);
    let stream = download.stream(bytes).map(|part| part.map_err(io::Error::other)).boxed();
    Ok(Response::part(OCTETS, stream, range.as_ref(), size))
}
