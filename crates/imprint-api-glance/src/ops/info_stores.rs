//! `GET /v2/info/stores` and `…/detail`, `DELETE /v2/stores/{store}/{id}`: there is one store, by one name.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, role};
use serde_json::json;

use super::{Outcome, Row, asked, image_id};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::words;

pub(super) const OPS: &[Row] = &[
    Op::new("info_stores", Method::GET, "/v2/info/stores", asked!(info_stores)),
    Op::new("info_stores_detail", Method::GET, "/v2/info/stores/detail", asked!(info_stores_detail)),
    Op::new("delete_from_store", Method::DELETE, "/v2/stores/{store}/{id}", asked!(delete_from_store)),
];

async fn info_stores(_parts: Arc<Parts>, _caller: Caller, _request: Request) -> Outcome {
    let stores = json!({ "stores": [{ "id": words::STORE, "default": "true" }] });
    Ok(Response::json(StatusCode::OK, &stores))
}

async fn info_stores_detail(_parts: Arc<Parts>, caller: Caller, _request: Request) -> Outcome {
    if !caller.is_admin() && !caller.has_role(role::SERVICE) {
        return Err(Refusal::forbidden("You are not authorized to complete stores_info_detail action."));
    }
    let store = json!({ "id": words::STORE, "default": "true", "type": "imprint", "properties": {}, "weight": 0 });
    Ok(Response::json(StatusCode::OK, &json!({ "stores": [store] })))
}

/// Data in its only store stays there for as long as there is the image.
async fn delete_from_store(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let store = request.param("store");
    if store != words::STORE {
        return Err(Refusal::conflict(format!("The selected store {store} is not available on this node.")));
    }
    let image = parts.service.show_image(&caller, image_id(&request)?).await?;
    if !image.status.has_data() {
        return Err(Refusal::conflict("It's not allowed to remove image data from store if the image is not active."));
    }
    Err(Refusal::forbidden("Cannot delete image data from the only store containing it."))
}
