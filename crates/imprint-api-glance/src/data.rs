//! Taking the bytes of an image off the wire, whatever they are for.

use http::StatusCode;
use imprint_http::Request;
use imprint_model::Image;
use imprint_service::Upload;

use crate::error::Refusal;
use crate::words;

/// How many bytes the client says will come.
pub(crate) fn declared_bytes(request: &Request) -> Result<Option<u64>, Refusal> {
    let bad = || Refusal::bad_request("Invalid or missing image size in request headers.");
    match request.headers.get("x-openstack-image-size") {
        Some(size) => {
            let size = size.to_str().map_err(|_| bad())?.trim().parse().map_err(|_| bad())?;
            Ok(Some(size))
        }
        None => Ok(request.body.content_length()),
    }
}

/// Refuses what does not say it is bytes.
pub(crate) fn require_octets(request: &Request) -> Result<(), Refusal> {
    let content_type = request.header(http::header::CONTENT_TYPE).unwrap_or_default();
    if content_type == "application/octet-stream" {
        return Ok(());
    }
    let text = format!("Invalid content type {content_type}");
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
}

/// Refuses a store that is not there.
pub(crate) fn require_known_store(request: &Request) -> Result<(), Refusal> {
    match request.header("x-image-meta-store") {
        Some(store) if store != words::STORE => {
            Err(Refusal::bad_request(format!("Store '{store}' is not configured.")))
        }
        _ => Ok(()),
    }
}

/// Moves the body into an upload, to its end.
pub(crate) async fn receive(mut request: Request, mut upload: Upload) -> Result<Image, Refusal> {
    while let Some(chunk) = request.body.next_chunk().await {
        match chunk {
            Ok(bytes) => {
                if let Err(error) = upload.write(bytes).await {
                    upload.abort(&error.to_string()).await;
                    return Err(error.into());
                }
            }
            Err(error) => {
                upload.abort(&error.to_string()).await;
                return Err(error.into());
            }
        }
    }
    Ok(upload.finish().await?)
}
