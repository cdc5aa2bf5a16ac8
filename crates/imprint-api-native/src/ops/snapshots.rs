//! Snapshots of disks.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, SnapshotId};
use imprint_service::{Ask, CreateSnapshot, DeleteSnapshot, SnapshotQuery};

use super::{Act, Outcome, Row, about, account, created, done, item_id, named, ok, page, read, region};
use crate::parts::Parts;
use crate::{view, wire};

const ALL: &str = "/imprint/v1/snapshots";
const ONE: &str = "/imprint/v1/snapshots/{id}";

pub(super) const OPS: &[Row] = &[
    Op::new(
        "create_snapshot",
        Method::POST,
        ALL,
        Act::Asked(|parts, caller, request| Box::pin(create(parts, caller, request))),
    ),
    Op::new(
        "list_snapshots",
        Method::GET,
        ALL,
        Act::Asked(|parts, caller, request| Box::pin(list(parts, caller, request))),
    ),
    Op::new(
        "show_snapshot",
        Method::GET,
        ONE,
        Act::Asked(|parts, caller, request| Box::pin(show(parts, caller, request))),
    ),
    Op::new(
        "delete_snapshot",
        Method::DELETE,
        ONE,
        Act::Asked(|parts, caller, request| Box::pin(delete(parts, caller, request))),
    ),
    Op::new(
        "cancel_snapshot",
        Method::POST,
        "/imprint/v1/snapshots/{id}/cancel",
        Act::Asked(|parts, caller, request| Box::pin(cancel(parts, caller, request))),
    ),
];

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wire::CreateSnapshot { disk, name } = read(&mut request).await?;
    let wanted = CreateSnapshot {
        id: SnapshotId::random(),
        disk: named(&disk, "disk")?,
        name,
        description: None,
        retention_days: None,
        resource_group: None,
        tags: Default::default(),
    };
    let made = parts.service.create_snapshot(&caller, wanted, Ask::default()).await?;
    created(&view::snapshot(parts.service.show_snapshot(&caller, made).await?))
}

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let place = region(&parts, &request);
    let mut query = SnapshotQuery::of(account(&caller)?, place, page(&request, "snapshot")?);
    query.disk = about(&request, "disk")?;
    let found = parts.service.list_snapshots(&caller, query).await?;
    ok(&wire::Items { items: found.items.into_iter().map(|(item, _)| view::snapshot(item)).collect::<Vec<_>>() })
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    ok(&view::snapshot(parts.service.show_snapshot(&caller, item_id(&request, "snapshot")?).await?))
}

/// `?force` although disks were made from it.
async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let snapshot = item_id(&request, "snapshot")?;
    let wanted = DeleteSnapshot { snapshot, force: request.query_first("force").is_some() };
    parts.service.delete_snapshot(&caller, wanted, Ask::default()).await?;
    done()
}

/// One that is being taken has failed from then on; its machine is left alone soon.
async fn cancel(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    parts.service.cancel_snapshot(&caller, item_id(&request, "snapshot")?, Ask::default()).await?;
    done()
}
