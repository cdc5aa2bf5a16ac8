//! What this service is: its versions, and the shape of what it answers on the older paths.

use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::answer;
use crate::attributes::{self, Wire};
use crate::auth::refusal;
use crate::call::Call;
use crate::op::{Family, Op, Outcome, Parameter, run};

/// The versions of the older paths that there are, the newest first.
const VERSIONS: [&str; 4] = ["v2.3", "v2.2", "v2.1", "v2.0"];
/// What clients put into a path for any of them.
const NAMES: [&str; 2] = ["v1", "v2"];

pub(super) const OPS: &[Op] = &[
    Op::new(Family::About, "list_versions", Method::GET, "/", "Lists the versions of the older paths.", run!(versions))
        .open()
        .success(300),
    Op::new(
        Family::About,
        "show_version",
        Method::GET,
        "/{version}",
        "Lists the versions of the older paths, asked for by one of them.",
        run!(version),
    )
    .open()
    .success(300)
    .parameters(&[Parameter::path("version", "`v2`, `v2.0`, …")])
    .codes(&[refusal::NO_SUCH_API]),
    schema("show_image_schema", "/v2/schemas/image", run!(image_schema)),
    schema("show_images_schema", "/v2/schemas/images", run!(images_schema)),
    schema("show_member_schema", "/v2/schemas/member", run!(member_schema)),
    schema("show_members_schema", "/v2/schemas/members", run!(members_schema)),
];

const fn schema(name: &'static str, path: &'static str, run: crate::op::Run) -> Op {
    Op::new(Family::About, name, Method::GET, path, "Gives the schema of what the older paths answer.", run)
}

async fn versions(call: Call) -> Outcome {
    Ok(answer::json(StatusCode::MULTIPLE_CHOICES, &document(&call)))
}

async fn version(call: Call) -> Outcome {
    let asked = call.param("version");
    if !VERSIONS.contains(&asked) && !NAMES.contains(&asked) {
        return Err(refusal::NO_SUCH_API.fault().into());
    }
    versions(call).await
}

fn document(call: &Call) -> Value {
    let base = match &call.parts.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let named = call.uri.authority().map(http::uri::Authority::as_str);
            format!("http://{}", named.or_else(|| call.header(header::HOST.as_str())).unwrap_or("localhost"))
        }
    };
    let version = |(place, id): (usize, &&str)| {
        let status = if place == 0 { "CURRENT" } else { "SUPPORTED" };
        json!({ "id": id, "status": status, "links": [{ "href": format!("{base}/v2/"), "rel": "self" }] })
    };
    json!({ "versions": VERSIONS.iter().enumerate().map(version).collect::<Vec<_>>() })
}

async fn image_schema(_: Call) -> Outcome {
    Ok(answer::ok(&image()))
}

async fn images_schema(_: Call) -> Outcome {
    let properties = json!({
        "images": { "type": "array", "items": image() },
        "first": { "type": "string" },
        "next": { "type": "string" },
        "schema": { "type": "string" },
    });
    let links = ["first", "next"].map(|rel| link(rel, rel));
    let links: Vec<Value> = links.into_iter().chain([link("describedby", "schema")]).collect();
    Ok(answer::ok(&json!({ "name": "images", "properties": properties, "links": links })))
}

async fn member_schema(_: Call) -> Outcome {
    Ok(answer::ok(&member()))
}

async fn members_schema(_: Call) -> Outcome {
    let properties = json!({ "members": { "type": "array", "items": member() }, "schema": { "type": "string" } });
    Ok(answer::ok(&json!({ "name": "members", "properties": properties, "links": [link("describedby", "schema")] })))
}

fn link(rel: &str, member: &str) -> Value {
    json!({ "rel": rel, "href": format!("{{{member}}}") })
}

/// One image, by the table of its attributes.
fn image() -> Value {
    let of = |wire: Wire| match wire {
        Wire::Text => json!({ "type": ["string", "null"] }),
        Wire::Number => json!({ "type": "integer" }),
        Wire::Truth => json!({ "type": "boolean" }),
        Wire::Texts => json!({ "type": "array", "items": { "type": "string" } }),
    };
    let properties: Map<String, Value> =
        attributes::TABLE.iter().map(|attribute| (attribute.name.to_owned(), of(attribute.wire))).collect();
    json!({
        "name": "image",
        "properties": properties,
        "additionalProperties": { "type": "string" },
        "links": [link("self", "self"), link("enclosure", "file"), link("describedby", "schema")],
    })
}

/// One offer.
fn member() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "name": "member",
        "properties": {
            "member_id": text,
            "image_id": text,
            "created_at": text,
            "updated_at": text,
            "status": { "type": "string", "enum": ["pending", "accepted", "rejected"] },
            "schema": text,
        },
        "additionalProperties": text,
    })
}
