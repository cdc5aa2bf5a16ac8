//! Looking into images: `POST /imprint/v1/images/{id}/check` begins, `GET` says what was found, as JSON, as text for
//! people (`?as=text`) or as a list of what is installed (`?as=spdx`, `?as=cyclonedx`).

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, Image};
use imprint_service::inspect::{Report, sbom};
use imprint_service::{Checked, Error};
use tokio::task::spawn_blocking;

use super::{Act, Outcome, Row, image_id, ok};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{view, wire};

pub(super) const OPS: &[Row] = &[
    Op::new(
        "check_image",
        Method::POST,
        "/imprint/v1/images/{id}/check",
        Act::Asked(|parts, caller, request| Box::pin(begin(parts, caller, request))),
    ),
    Op::new(
        "show_check",
        Method::GET,
        "/imprint/v1/images/{id}/check",
        Act::Asked(|parts, caller, request| Box::pin(show(parts, caller, request))),
    ),
];

/// Answers the job, or an empty object when the image was looked into before; `?again` does it once more.
async fn begin(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let again = request.query_first("again").is_some();
    let job = parts.service.check_image(&caller, image_id(&request)?, again).await?;
    Ok(Response::json(StatusCode::ACCEPTED, &wire::CheckBegun { job: job.map(view::job) }))
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let Checked { image, report, job } = parts.service.checked_image(&caller, image_id(&request)?).await?;
    let wanted = request.query_first("as").unwrap_or("json").to_owned();
    // of a system with many packages these are documents of megabytes
    let write = move || {
        if wanted == "json" {
            return ok(&wire::Check { job: job.map(view::job), report });
        }
        let report = report.ok_or_else(|| Refusal::not_found("nobody has looked into this image yet"))?;
        document(&image, &report, &wanted)
    };
    spawn_blocking(write).await.map_err(Error::internal)?
}

fn document(image: &Image, report: &Report, wanted: &str) -> Outcome {
    let name = image.name.clone().unwrap_or_else(|| image.id.to_string());
    // when the image came to be, so that the same image has the same document
    let created = image.created_at.to_rfc3339_seconds();
    let (content_type, document) = match wanted {
        "text" => ("text/plain; charset=utf-8", report.to_text()),
        "spdx" => ("application/json", sbom::spdx(report, &name, &created)),
        "cyclonedx" => ("application/json", sbom::cyclonedx(report, &name, &created)),
        other => return Err(Refusal::invalid(format!("as must be json, text, spdx or cyclonedx, not {other:?}"))),
    };
    Ok(Response::full(StatusCode::OK, content_type, document))
}
