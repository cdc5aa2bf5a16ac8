//! `POST /v2/images`: the record of an image whose data may follow.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use imprint_http::{Op, Request};
use imprint_model::Caller;
use imprint_service::{CreateImage, Presence};
use serde_json::{Map, Value};

use super::{Outcome, Row, asked, image_response};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{attributes, body, words};

pub(super) const OPS: &[Row] = &[Op::new("create_image", Method::POST, "/v2/images", asked!(create))];

const IMPORT_METHODS: HeaderName = HeaderName::from_static("openstack-image-import-methods");

const STORE_IDS: HeaderName = HeaderName::from_static("openstack-image-store-ids");

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = read(body::read_object(&mut request).await?)?;
    let image = parts.service.create_image(&caller, wanted).await?;
    let location = format!("{}/v2/images/{}", parts.base_url(&request), image.id);
    let methods = HeaderValue::from_str(&words::IMPORT_METHODS.join(",")).expect("our words are visible ASCII");
    Ok(image_response(StatusCode::CREATED, &image)
        .with_text_header(header::LOCATION, &location)
        .with_header(IMPORT_METHODS, methods)
        .with_text_header(STORE_IDS, &words::STORES_OF_ALL_KINDS.join(",")))
}

fn read(mut object: Map<String, Value>) -> Result<CreateImage, Refusal> {
    for name in object.keys() {
        attributes::check_writable(name)?;
    }
    let id = object.remove("id").map(|id| attributes::id(&id)).transpose()?;
    let owner = object.remove("owner").map(attributes::owner).transpose()?.flatten();
    let mut changes = Vec::with_capacity(object.len());
    for (name, value) in object {
        changes.extend(attributes::changes(&name, value, Presence::Any)?);
    }
    Ok(CreateImage { id, owner, changes })
}
