//! The older paths of images: listing them with links, making a record, showing and deleting one. They reach this
//! dialect when they are signed, and say what this API says of images besides.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use imprint_http::page_link;
use imprint_model::{Facts, Image, Visibility};
use imprint_service::{Change, CreateImage, FactChange, Presence};
use serde_json::{Map, Value, json};

use super::making::body::{BAD_SYSTEM, Members, read_system};
use super::update_image::read::element_changes;
use crate::access::settle;
use crate::answer;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code, img};
use crate::op::{Family, IMAGE_ID, Op, Outcome, Parameter, run};
use crate::query::{self, Asker, BAD_ARCHITECTURE, BAD_FLAVOR, BAD_TYPE};
use crate::tag;

/// Images on a page when the client does not say.
const LIMIT_DEFAULT: u32 = 25;
/// Smallest disks of images, GiB.
const MIN_DISK_GIB: std::ops::RangeInclusive<u64> = 1..=1_024;
/// Longest name on these paths, characters.
const NAME_CHARS_MAX: usize = 255;
/// A format that images do not have here.
pub(super) const BAD_FORMAT: Code = img("IMG.0072");
/// An image that is another's, which only its owner deletes.
const NOT_YOURS_TO_DELETE: Code = img("IMG.0092").status(403);
/// A public image, which nobody deletes here.
const PUBLIC: Code = img("IMG.0094");
/// An image that something is still being made of.
const IN_CREATION: Code = img("IMG.0090");

pub(super) const OPS: &[Op] = &[
    Op::new(
        Family::Native,
        "native_list_images",
        Method::GET,
        "/v2/images",
        "Lists images as `GET /v2/cloudimages` does, 25 a page, with links to the first and the next page.",
        run!(list),
    )
    .parameters(super::list_images::CONDITIONS)
    .codes(&[BAD_TYPE, BAD_ARCHITECTURE, BAD_FLAVOR]),
    Op::new(
        Family::Native,
        "native_create_image",
        Method::POST,
        "/v2/images",
        "Makes the record of an image whose file follows, uploaded or registered.",
        run!(create),
    )
    .success(201)
    .parameters(&[
        Parameter::body("__os_version", "The system inside: `Ubuntu 18.04 server 64bit`."),
        Parameter::body("name", "Its name."),
        Parameter::body("visibility", "`private`."),
        Parameter::body("protected", "Whether it refuses to be deleted."),
        Parameter::body("container_format", "`bare`."),
        Parameter::body("disk_format", "The format of the file: `zvhd2` by default."),
        Parameter::body("tags", "Texts `key=value`."),
        Parameter::body("min_ram", "Least memory, MiB."),
        Parameter::body("min_disk", "Smallest disk, GiB: 1 to 1,024."),
    ])
    .codes(&[
        code::EMPTY_BODY,
        code::NAME_FORMAT,
        code::DESCRIPTION_TOO_LONG,
        code::DESCRIPTION_FORMAT,
        code::BAD_SIZE,
        code::BAD_TAG,
        code::QUOTA_TAGS,
        code::QUOTA_IMAGES,
        code::BAD_FIRMWARE,
        code::ENTERPRISE_PROJECT,
        code::ATTRIBUTE_CONFLICT,
        BAD_SYSTEM,
        BAD_FORMAT,
    ]),
    Op::new(Family::Native, "native_show_image", Method::GET, "/v2/images/{image_id}", "Shows one image.", run!(show))
        .parameters(&[IMAGE_ID])
        .codes(&[code::IMAGE_NOT_FOUND]),
    Op::new(
        Family::Native,
        "native_delete_image",
        Method::DELETE,
        "/v2/images/{image_id}",
        "Deletes an image. A body may say `{\"delete_backup\": true}`; backups are not kept by this service.",
        run!(delete),
    )
    .success(204)
    .parameters(&[IMAGE_ID, Parameter::body("delete_backup", "Whether its backup goes, too.")])
    .codes(&[code::IMAGE_NOT_FOUND, code::PROTECTED, NOT_YOURS_TO_DELETE, PUBLIC, IN_CREATION]),
];

async fn list(call: Call) -> Outcome {
    let asker = Asker { project: call.project()?, region: &call.region };
    let question = query::read(&call.query, asker, LIMIT_DEFAULT, &[])?;
    let images = question.images(&call).await?;
    let mut out = b"{\"images\":".to_vec();
    query::write_images(&call, &images, &mut out).await?;
    let mut link = |name: &str, marker: Option<&str>| {
        let text = Value::from(page_link("/v2/images", &call.query, marker)).to_string();
        out.extend_from_slice(format!(",\"{name}\":{text}").as_bytes());
    };
    link("first", None);
    // a page that is not full is the last one
    if let Some(last) = images.last().filter(|_| images.len() == question.limit as usize) {
        link("next", Some(&last.id.to_string()));
    }
    out.extend_from_slice(b",\"schema\":\"/v2/schemas/images\"}");
    Ok(answer::written(StatusCode::OK, out))
}

async fn show(call: Call) -> Outcome {
    let image = call.parts.service.show_image(&call.caller, call.image_id()?).await?;
    Ok(answer::written(StatusCode::OK, shown(&call, &image).await?))
}

/// An image with what is known of it besides its record.
pub(super) async fn shown(call: &Call, image: &Image) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    query::write_images(call, std::slice::from_ref(image), &mut out).await?;
    // one image alone is no array
    out.pop();
    out.remove(0);
    Ok(out)
}

async fn create(call: Call) -> Outcome {
    let members = call.object()?;
    let changes = new_image(members)?;
    let wanted = CreateImage { id: None, owner: None, changes };
    let image = call.parts.service.create_image(&call.caller, wanted).await?;
    Ok(answer::written(StatusCode::CREATED, shown(&call, &image).await?))
}

/// What a new image is to be.
fn new_image(mut members: Map<String, Value>) -> Result<Vec<Change>, Fault> {
    let mut changes = system(&mut members)?;
    changes.push(Change::SetProperty {
        name: "__root_origin".to_owned(),
        value: Some("file".to_owned()),
        expects: Presence::Any,
    });
    for (name, usual) in [("container_format", "bare"), ("disk_format", "zvhd2")] {
        let given = members.get(name).is_some_and(|value| !value.is_null());
        if !given {
            members.insert(name.to_owned(), usual.into());
        }
    }
    for (name, value) in members {
        if name == "visibility" && value != "private" {
            return Err(super::native_update::bad_value(&name));
        }
        if name == "visibility" {
            // shared with nobody yet is private to this API, and can be shared
            changes.push(Change::Visibility(Visibility::Shared));
            continue;
        }
        match own_attribute(&name, &value)? {
            Some(change) => changes.push(change),
            None => element_changes(json!({ "op": "add", "path": format!("/{name}"), "value": value }), &mut changes)?,
        }
    }
    Ok(changes)
}

/// What the name of the system inside tells.
fn system(members: &mut Map<String, Value>) -> Result<Vec<Change>, Fault> {
    let mut told = Map::new();
    told.extend(members.remove("__os_version").map(|version| ("os_version".to_owned(), version)));
    let mut facts = Facts::default();
    read_system(Members(&told), &mut facts)?;
    let Facts { os_name, platform, os_type, architecture, .. } = facts;
    let known = [
        os_name.map(|name| FactChange::OsName(Some(name))),
        platform.map(|platform| FactChange::Platform(Some(platform))),
        os_type.map(|kind| FactChange::OsType(Some(kind))),
        architecture.map(|architecture| FactChange::Architecture(Some(architecture))),
    ];
    Ok(known.into_iter().flatten().map(Change::Fact).collect())
}

/// The change of an attribute that only the older paths set; none for any other.
pub(super) fn own_attribute(name: &str, value: &Value) -> Result<Option<Change>, Fault> {
    let bad = || super::native_update::bad_value(name);
    Ok(Some(match name {
        "name" => {
            let text = value.as_str().ok_or_else(bad)?;
            if text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
                return Err(code::NAME_FORMAT.fault());
            }
            Change::Name(Some(text.to_owned()))
        }
        "protected" => Change::Protected(value.as_bool().ok_or_else(bad)?),
        "min_disk" => {
            let gib = value.as_u64().filter(|gib| MIN_DISK_GIB.contains(gib));
            let gib = gib.and_then(|gib| u32::try_from(gib).ok()).ok_or_else(|| code::BAD_SIZE.fault())?;
            Change::MinDiskGib(gib)
        }
        "disk_format" => {
            let word = value.as_str().ok_or_else(bad)?;
            Change::DiskFormat(Some(word.parse().map_err(|_| BAD_FORMAT.fault())?))
        }
        "container_format" => {
            let word = value.as_str().ok_or_else(bad)?;
            Change::ContainerFormat(Some(word.parse().map_err(|_| BAD_FORMAT.fault())?))
        }
        "tags" => Change::Tags(tags(value)?),
        _ => return Ok(None),
    }))
}

/// Texts `key=value`.
fn tags(value: &Value) -> Result<BTreeSet<String>, Fault> {
    let bad = || super::native_update::bad_value("tags");
    let texts = value.as_array().ok_or_else(bad)?;
    if texts.len() as u64 > tag::TAGS_MAX {
        return Err(code::QUOTA_TAGS.fault());
    }
    texts.iter().map(|text| tag::of_text(text.as_str().ok_or_else(bad)?)).collect()
}

async fn delete(call: Call) -> Outcome {
    let id = call.image_id()?;
    if !call.content.trim_ascii().is_empty() {
        let members = call.object()?;
        if members.get("delete_backup").is_some_and(|value| !value.is_boolean() && !value.is_null()) {
            return Err(super::native_update::bad_value("delete_backup").into());
        }
    }
    let service = &call.parts.service;
    let image = service.show_image(&call.caller, id).await?;
    if image.visibility == Visibility::Public {
        return Err(PUBLIC.fault().into());
    }
    if !call.caller.acts_for(&image.owner) {
        return Err(NOT_YOURS_TO_DELETE.fault().into());
    }
    let known = service.annotate(&call.caller, std::slice::from_ref(&image)).await?;
    if query::is_in_creation(image.status) || known.iter().any(|known| known.progress.is_some()) {
        return Err(IN_CREATION.fault().into());
    }
    match service.delete_image(&call.caller, id).await {
        Ok(()) => Ok(answer::done()),
        Err(error) => Err(settle(&call, id, error).await),
    }
}
