//! `GET /v2/images`: the images a caller can see, a page at a time.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, Image, role};

use super::{Outcome, Row, asked};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::query::{self, Question};
use crate::view;

pub(super) const OPS: &[Row] = &[Op::new("list_images", Method::GET, "/v2/images", asked!(list))];

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    if !caller.has_role(role::READER) {
        return Err(Refusal::forbidden("You are not authorized to complete get_images action."));
    }
    let Question { list, limit } = query::read(&request.query)?;
    let images = match list {
        Some(list) => parts.service.list_images(&caller, list).await?.images,
        None => Vec::new(),
    };
    Ok(Response::full(StatusCode::OK, "application/json", page(&request.query, &images, limit)))
}

fn page(params: &[(String, String)], images: &[Image], limit: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + images.len() * view::IMAGE_BYTES_TYPICAL);
    out.extend_from_slice(b"{\"images\":[");
    for (index, image) in images.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        view::write_image(&mut out, image);
    }
    out.extend_from_slice(b"],\"first\":");
    view::write_text(&mut out, &query::link(params, None));
    // a page that is not full is the last one
    let last = images.last().filter(|_| images.len() == limit as usize);
    if let Some(last) = last {
        out.extend_from_slice(b",\"next\":");
        view::write_text(&mut out, &query::link(params, Some(last.id)));
    }
    out.extend_from_slice(b",\"schema\":\"/v2/schemas/images\"}");
    out
}
