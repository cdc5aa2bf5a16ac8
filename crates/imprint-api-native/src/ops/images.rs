//! `POST /imprint/v1/images`: makes the record of an image that another installation is about to push, with everything
//! that this installation would know of it had it been made here.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, Facts, Image, Visibility};
use imprint_service::{Change, CreateImage, FactChange, Presence};

use super::{Act, Outcome, Row, created};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::wire;

/// Longest body, bytes: 128 properties with long values.
const BODY_BYTES_MAX: u64 = 1 << 20;

pub(super) const OPS: &[Row] = &[Op::new(
    "create_image",
    Method::POST,
    "/imprint/v1/images",
    Act::Asked(|parts, caller, request| Box::pin(create(parts, caller, request))),
)];

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let body = request.body.read_all(BODY_BYTES_MAX).await?;
    let wanted: wire::CreateImage =
        serde_json::from_slice(&body).map_err(|error| Refusal::invalid(format!("the body: {error}")))?;
    let wanted = CreateImage { id: Some(wanted.id), owner: None, changes: changes(wanted) };
    let image: Image = parts.service.create_image(&caller, wanted).await?;
    created(&wire::CreatedImage { id: image.id.to_string(), region: image.region })
}

/// What makes the wanted image of a blank one.
fn changes(wanted: wire::CreateImage) -> Vec<Change> {
    let mut changes = vec![
        Change::Visibility(Visibility::Private),
        Change::Name(wanted.name),
        Change::DiskFormat(wanted.disk_format),
        Change::ContainerFormat(wanted.container_format),
        Change::MinDiskGib(wanted.min_disk_gib),
        Change::MinRamMib(wanted.min_ram_mib),
        Change::Tags(wanted.tags),
    ];
    let set = |(name, value)| Change::SetProperty { name, value, expects: Presence::Any };
    changes.extend(wanted.properties.into_iter().map(set));
    changes.extend(facts(wanted.facts).map(Change::Fact));
    changes
}

/// What an image is; not what it was copied from, which is elsewhere.
fn facts(facts: Facts) -> impl Iterator<Item = FactChange> {
    let Facts {
        description,
        family,
        version,
        architecture,
        boot_mode,
        os_type,
        platform,
        os_name,
        nvme,
        metadata_access,
        licence,
        secure_boot,
        login_as_non_root,
        resource_group,
        copied_from: _,
        check_wanted: _,
    } = facts;
    [
        FactChange::Description(description),
        FactChange::Family(family),
        FactChange::Version(version),
        FactChange::Architecture(architecture),
        FactChange::BootMode(boot_mode),
        FactChange::OsType(os_type),
        FactChange::Platform(platform),
        FactChange::OsName(os_name),
        FactChange::Nvme(nvme),
        FactChange::MetadataAccess(metadata_access),
        FactChange::Licence(licence),
        FactChange::SecureBoot(secure_boot),
        FactChange::LoginAsNonRoot(login_as_non_root),
        FactChange::ResourceGroup(resource_group),
    ]
    .into_iter()
}
