//! The store's sizes, verification and collection. The last two answer when they are done.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use imprint_http::{Op, Request};

use super::{Act, Outcome, Row, ok, read};
use crate::parts::Parts;
use crate::wire;

pub(super) const OPS: &[Row] = &[
    Op::new("store_stats", Method::GET, "/imprint/v1/store", Act::Admin(|parts, _| Box::pin(stats(parts)))),
    Op::new("verify_store", Method::POST, "/imprint/v1/store/verify", Act::Admin(|parts, _| Box::pin(verify(parts)))),
    Op::new(
        "collect_store",
        Method::POST,
        "/imprint/v1/store/gc",
        Act::Admin(|parts, request| Box::pin(collect(parts, request))),
    ),
];

async fn stats(parts: Arc<Parts>) -> Outcome {
    let totals = parts.service.store_stats().await?;
    ok(&wire::StoreStats {
        packs: totals.packs,
        condemned_packs: totals.condemned_packs,
        stored_bytes: totals.stored_bytes,
        condemned_bytes: totals.condemned_bytes,
        records: totals.records,
        content_bytes: totals.content_bytes,
    })
}

async fn verify(parts: Arc<Parts>) -> Outcome {
    let report = parts.service.verify().await?;
    let named = |id: Option<String>, pack: Option<String>, what: &str| match (id, pack) {
        (Some(id), Some(pack)) => format!("{id} in pack {pack}: {what}"),
        (Some(id), None) => format!("{id}: {what}"),
        (None, Some(pack)) => format!("pack {pack}: {what}"),
        (None, None) => what.to_owned(),
    };
    let damages = report.damages.iter().map(|damage| {
        named(damage.id.map(|id| id.to_string()), damage.pack.map(|pack| pack.to_string()), &damage.what)
    });
    ok(&wire::VerifyReport {
        clean: report.damage_count == 0,
        packs: report.packs,
        records: report.records,
        bytes: report.bytes,
        maps: report.maps,
        damage_count: report.damage_count,
        unlisted_packs: report.unlisted_packs,
        unindexed_records: report.unindexed_records,
        damages: damages.collect(),
    })
}

async fn collect(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::Collect { grace_secs } = read(&mut request).await?;
    let grace_secs = grace_secs.unwrap_or(parts.service.settings().collect_grace_secs);
    let report = parts.service.collect(Duration::from_secs(grace_secs)).await?;
    ok(&wire::GcReport {
        maps: report.maps,
        pages: report.pages,
        packs: report.packs,
        bytes: report.bytes,
        condemned: report.condemned,
        revived: report.revived,
        deleted: report.deleted,
        deleted_bytes: report.deleted_bytes,
        rewritten: report.rewritten,
        rewritten_saved_bytes: report.rewritten_saved_bytes,
        orphans: report.orphans,
        orphan_bytes: report.orphan_bytes,
        broken_count: report.broken_count,
        broken: report.broken,
    })
}
