//! Disks of machines: made, attached, detached, deleted.

use std::ops::RangeInclusive;
use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, DiskCategory, DiskId, DiskKind, SnapshotId};
use imprint_service::{Ask, AttachDisk, CreateDisk, DetachDisk, DiskQuery};

use super::{Act, Outcome, Row, about, account, created, done, item_id, named, ok, page, read, region};
use crate::parts::Parts;
use crate::{view, wire};

/// Sizes of disks, GiB.
pub(super) const SIZES_GIB: RangeInclusive<u32> = 1..=65_536;

const ALL: &str = "/imprint/v1/disks";
const ONE: &str = "/imprint/v1/disks/{id}";

pub(super) const OPS: &[Row] = &[
    Op::new(
        "create_disk",
        Method::POST,
        ALL,
        Act::Asked(|parts, caller, request| Box::pin(create(parts, caller, request))),
    ),
    Op::new(
        "list_disks",
        Method::GET,
        ALL,
        Act::Asked(|parts, caller, request| Box::pin(list(parts, caller, request))),
    ),
    Op::new("show_disk", Method::GET, ONE, Act::Asked(|parts, caller, request| Box::pin(show(parts, caller, request)))),
    Op::new(
        "delete_disk",
        Method::DELETE,
        ONE,
        Act::Asked(|parts, caller, request| Box::pin(delete(parts, caller, request))),
    ),
    Op::new(
        "attach_disk",
        Method::POST,
        "/imprint/v1/disks/{id}/attach",
        Act::Asked(|parts, caller, request| Box::pin(attach(parts, caller, request))),
    ),
    Op::new(
        "detach_disk",
        Method::POST,
        "/imprint/v1/disks/{id}/detach",
        Act::Asked(|parts, caller, request| Box::pin(detach(parts, caller, request))),
    ),
];

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wire::CreateDisk { name, size_gib, snapshot } = read(&mut request).await?;
    let wanted = CreateDisk {
        id: DiskId::random(),
        region: region(&parts, &request),
        name,
        description: None,
        category: DiskCategory::Auto,
        size_gib,
        sizes: SIZES_GIB,
        snapshot: snapshot.map(|id| named::<SnapshotId>(&id, "snapshot")).transpose()?,
        instance: None,
        resource_group: None,
        tags: Default::default(),
    };
    let made = parts.service.create_disk(&caller, wanted, Ask::default()).await?;
    created(&view::disk(parts.service.show_disk(&caller, made).await?))
}

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let place = region(&parts, &request);
    let mut query = DiskQuery::of(account(&caller)?, place, page(&request, "disk")?);
    query.instance = about(&request, "instance")?;
    let found = parts.service.list_disks(&caller, query).await?;
    ok(&wire::Items { items: found.items.into_iter().map(view::disk).collect::<Vec<_>>() })
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    ok(&view::disk(parts.service.show_disk(&caller, item_id(&request, "disk")?).await?))
}

async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    parts.service.delete_disk(&caller, item_id(&request, "disk")?, Ask::default()).await?;
    done()
}

async fn attach(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let disk = item_id(&request, "disk")?;
    let wire::OfInstance { instance } = read(&mut request).await?;
    let wanted = AttachDisk {
        disk,
        instance: named(&instance, "instance")?,
        letter: None,
        delete_with_instance: None,
        kind: DiskKind::Data,
    };
    parts.service.attach_disk(&caller, wanted, Ask::default()).await?;
    done()
}

async fn detach(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let disk = item_id(&request, "disk")?;
    let wire::OfInstance { instance } = read(&mut request).await?;
    let wanted = DetachDisk { disk, instance: named(&instance, "instance")? };
    parts.service.detach_disk(&caller, wanted, Ask::default()).await?;
    done()
}
