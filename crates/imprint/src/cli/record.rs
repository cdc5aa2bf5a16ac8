//! An image's record, through the image API: finding, making, changing.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::{self, Client};
use crate::failure::{ExitCode, Failure};

/// The media type of changes.
const PATCH: &str = "application/openstack-images-v2.1-json-patch";

/// Text as one segment of a path, or a value in a query.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// An image by its id, or by its name when only one has it.
pub(super) async fn find(client: &Client, named: &str) -> Result<Value, Failure> {
    if uuid::Uuid::try_parse(named).is_ok() {
        return client.get(&format!("/v2/images/{}", escape(&named.to_ascii_lowercase()))).await;
    }
    // with the operator, a name that looks like one is taken literally
    let page: Value = client.get(&format!("/v2/images?limit=3&name=eq:{}", escape(named))).await?;
    match page["images"].as_array().map(Vec::as_slice) {
        Some([image]) => Ok(image.clone()),
        None | Some([]) => {
            Err(Failure::new(ExitCode::NotFound, format!("there is no image {named:?}; see imprint image list")))
        }
        Some(several) => {
            let ids: Vec<_> = several.iter().map(id).collect();
            let text = format!("several images are called {named:?}: say which by id ({}, …)", ids.join(", "));
            Err(Failure::usage(text))
        }
    }
}

/// The id in a record.
pub(super) fn id(image: &Value) -> &str {
    image["id"].as_str().unwrap_or_default()
}

/// A number in a record.
pub(crate) fn number(image: &Value, key: &str) -> Option<u64> {
    image[key].as_u64()
}

/// Makes a record.
pub(super) async fn create(client: &Client, record: &Map<String, Value>) -> Result<Value, Failure> {
    client.ask(Method::POST, "/v2/images", record).await
}

/// Gets a record again.
pub(crate) async fn show(client: &Client, id: &str) -> Result<Value, Failure> {
    client.get(&format!("/v2/images/{}", escape(id))).await
}

/// Changes a record.
pub(super) async fn patch(client: &Client, id: &str, changes: &[Value]) -> Result<Value, Failure> {
    let body = json!(changes).to_string();
    let path = format!("/v2/images/{}", escape(id));
    let send = client.send_once(Method::PATCH, &path, |request| request.header("content-type", PATCH).body(body));
    client::json(send.await?).await
}

/// Deletes an image.
pub(crate) async fn delete(client: &Client, id: &str) -> Result<(), Failure> {
    client.delete(&format!("/v2/images/{}", escape(id))).await
}
