//! `POST /v2/images/{id}/import`: an image gets its data in the background.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, ImageId};
use imprint_service::{Error, ImportImage, ImportSource, Secret};
use serde_json::{Map, Value};

use super::{Outcome, Row, asked, image_id};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{body, words};

pub(super) const OPS: &[Row] = &[Op::new("import_image", Method::POST, "/v2/images/{id}/import", asked!(import_image))];

/// The header that names one store.
const STORE_HEADER: &str = "x-image-meta-store";
/// Extra properties that a download from another region takes along, by what their names begin with.
const PREFIXES: [&str; 2] = ["hw_", "trait:"];
/// And by their whole names.
const NAMES: [&str; 3] = ["os_distro", "os_secure_boot", "os_type"];

async fn import_image(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let id = image_id(&request)?;
    let sent = body::read_object(&mut request).await?;
    let (name, method) = method(&sent)?;
    let stores = Stores::read(&sent, &request)?;
    let wanted = match name {
        "copy-image" => return copy_image(&parts, &caller, id, &stores).await,
        "glance-direct" => ImportImage { source: ImportSource::Staged, request: Value::Null, credential: None },
        "web-download" => {
            let url = text(method, "uri")?.to_owned();
            ImportImage { source: ImportSource::Url { url }, request: Value::Null, credential: None }
        }
        _ => from_region(&parts, method, &request).await?,
    };
    stores.require_known()?;
    let wanted = ImportImage { request: Value::Object(sent.clone()), ..wanted };
    parts.service.import_image(&caller, id, wanted).await.map_err(refusal)?;
    Ok(Response::new(StatusCode::ACCEPTED))
}

/// Missing formats conflict with an import; with an upload they make a bad request.
fn refusal(error: Error) -> Refusal {
    match error {
        Error::Missing(field) => {
            Refusal::conflict(format!("Property {} must be set prior to importing data.", words::field(field)))
        }
        other => other.into(),
    }
}

/// The method's name, one that is on offer, and its parameters.
fn method(sent: &Map<String, Value>) -> Result<(&'static str, &Map<String, Value>), Refusal> {
    let missing = || Refusal::bad_request("Input to import request must contain 'method' with a 'name'.");
    let method = sent.get("method").and_then(Value::as_object).ok_or_else(missing)?;
    let name = method.get("name").and_then(Value::as_str).ok_or_else(missing)?;
    let known = words::IMPORT_METHODS.into_iter().find(|known| *known == name);
    let known = known.ok_or_else(|| Refusal::bad_request(format!("Unknown import method name '{name}'.")))?;
    Ok((known, method))
}

fn text<'a>(method: &'a Map<String, Value>, key: &str) -> Result<&'a str, Refusal> {
    let value = method.get(key).and_then(Value::as_str);
    value.ok_or_else(|| Refusal::bad_request(format!("'{key}' is required for this import method.")))
}

/// Which stores the data is for.
struct Stores {
    named: Vec<String>,
    all: bool,
}

impl Stores {
    fn read(sent: &Map<String, Value>, request: &Request) -> Result<Self, Refusal> {
        let flag = |key: &str| match sent.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Refusal::bad_request(format!("'{key}' must be boolean value only"))),
        };
        let all = flag("all_stores")?.unwrap_or(false);
        flag("all_stores_must_succeed")?;
        let mut named = match sent.get("stores") {
            None => Vec::new(),
            Some(Value::Array(stores)) => stores
                .iter()
                .map(|store| store.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| Refusal::bad_request("'stores' must be a list of names."))?,
            Some(_) => return Err(Refusal::bad_request("'stores' must be a list of names.")),
        };
        named.extend(request.header(STORE_HEADER).map(str::to_owned));
        if all && !named.is_empty() {
            return Err(Refusal::bad_request("'all_stores' cannot be used together with named stores."));
        }
        Ok(Self { named, all })
    }

    /// There is one store, and it has one name.
    fn require_known(&self) -> Result<(), Refusal> {
        match self.named.iter().find(|name| *name != words::STORE) {
            Some(name) => Err(Refusal::conflict(format!("Store for image data not found: {name}"))),
            None => Ok(()),
        }
    }
}

/// With one store there is nowhere to copy to; what the caller asked for is so already.
async fn copy_image(parts: &Parts, caller: &Caller, id: ImageId, stores: &Stores) -> Outcome {
    if stores.all {
        parts.service.note_copied(caller, id).await?;
        return Ok(Response::new(StatusCode::ACCEPTED));
    }
    // who may not copy, or has nothing to copy, is told that before anything about stores
    parts.service.check_copy(caller, id).await?;
    stores.require_known()?;
    Err(Refusal::bad_request("Image is already present in the named stores."))
}

/// Where the other region's image is. A region nobody knows fails the import, not the request.
async fn from_region(parts: &Parts, method: &Map<String, Value>, request: &Request) -> Result<ImportImage, Refusal> {
    let image: ImageId = text(method, "glance_image_id")?
        .parse()
        .map_err(|_| Refusal::bad_request("glance-download: image id does not look like a UUID"))?;
    let region = text(method, "glance_region")?;
    let interface = method.get("glance_service_interface").and_then(Value::as_str).unwrap_or("public");
    let base = parts.region_url(region, interface).await?.unwrap_or_default();
    let source = ImportSource::Remote {
        record_url: format!("{base}/v2/images/{image}"),
        data_url: format!("{base}/v2/images/{image}/file"),
        property_prefixes: PREFIXES.map(str::to_owned).to_vec(),
        property_names: NAMES.map(str::to_owned).to_vec(),
    };
    let credential = request.header("x-auth-token").map(|token| Secret(token.to_owned()));
    Ok(ImportImage { source, request: Value::Null, credential })
}
