//! Snapshots.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{DiskId, DiskKind, InstanceId, ProjectId, Snapshot, SnapshotId, SnapshotStatus, Timestamp};

use super::item::{self, Item};
use super::query::{ItemPage, Items, Query, TagWanted, Tags};
use crate::content::{self, CONTENT_COLUMNS};
use crate::images;
use crate::{Error, Row, Tx, Value, params, to_json};

/// Which snapshots a list holds: those that meet everything that is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotQuery {
    /// Of this account.
    pub owner: ProjectId,
    /// In this region.
    pub region: String,
    /// One of these.
    pub ids: Option<Vec<SnapshotId>>,
    /// One of these.
    pub statuses: Option<Vec<SnapshotStatus>>,
    /// Of disks of this kind.
    pub kind: Option<DiskKind>,
    /// Of this name, in which `*` stands for any text.
    pub name: Option<String>,
    /// Of this disk.
    pub disk: Option<DiskId>,
    /// Of a disk that is attached to this machine now.
    pub instance: Option<InstanceId>,
    /// Whether an image has a disk from it.
    pub used_by_image: Option<bool>,
    /// Whether a disk was made from it.
    pub used_by_disk: Option<bool>,
    /// In one of these resource groups; `None` is the default group.
    pub resource_groups: Option<Vec<Option<String>>>,
    /// With all of these tags.
    pub tags: Vec<TagWanted>,
    /// Which part.
    pub page: ItemPage<SnapshotId>,
}

impl SnapshotQuery {
    /// All of an account in a region, whose part `page` is wanted.
    pub fn of(owner: ProjectId, region: impl Into<String>, page: ItemPage<SnapshotId>) -> Self {
        Self {
            owner,
            region: region.into(),
            ids: None,
            statuses: None,
            kind: None,
            name: None,
            disk: None,
            instance: None,
            used_by_image: None,
            used_by_disk: None,
            resource_groups: None,
            tags: Vec::new(),
            page,
        }
    }
}

/// What a snapshot is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// An image has a disk from it.
    pub by_image: bool,
    /// A disk was made from it.
    pub by_disk: bool,
}

const CONTENT: usize = 9;
/// A day, in the unit of times.
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

impl Item for Snapshot {
    type Id = SnapshotId;
    const TABLE: &'static str = "snapshot";
    const COLUMNS: &'static str = "id, owner, region, disk_id, kind, name, description, status, size_gib, content_map, \
                                   content_bytes, content_virtual_bytes, content_md5, content_hash_algorithm, \
                                   content_hash_value, disk_format, retention_days, resource_group, tags, created_at, \
                                   updated_at, image_label, node, captured_with, generation, done_bytes, \
                                   total_bytes, failure";

    fn id(&self) -> SnapshotId {
        self.id
    }

    fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }

    fn values(&self) -> Result<Vec<Value>, Error> {
        let Snapshot {
            id,
            owner,
            region,
            disk,
            kind,
            name,
            description,
            status,
            size_gib,
            content,
            disk_format,
            retention_days,
            resource_group,
            tags,
            created_at,
            updated_at,
            node,
            captured_with,
            generation,
            done_bytes,
            total_bytes,
            failure,
        } = self;
        let mut values: Vec<Value> = vec![
            id.into(),
            owner.into(),
            region.into(),
            disk.as_ref().into(),
            kind.as_str().into(),
            name.as_ref().into(),
            description.as_ref().into(),
            status.as_str().into(),
            (*size_gib).into(),
        ];
        values.extend(content::values(content.as_ref()));
        values.extend([
            disk_format.as_str().into(),
            (*retention_days).into(),
            item::group(resource_group.as_ref()),
            to_json(tags)?,
            (*created_at).into(),
            (*updated_at).into(),
            images::label_of_snapshot(*id).as_slice().into(),
            node.as_ref().into(),
            captured_with.as_ref().into(),
            (*generation).into(),
            (*done_bytes).into(),
            (*total_bytes).into(),
            failure.as_ref().into(),
        ]);
        Ok(values)
    }

    fn read(row: &Row) -> Result<Self, Error> {
        const REST: usize = CONTENT + CONTENT_COLUMNS;
        Ok(Self {
            id: row.parse(0)?,
            owner: row.get(1)?,
            region: row.get(2)?,
            disk: row.parse_opt(3)?,
            kind: row.parse(4)?,
            name: row.get(5)?,
            description: row.get(6)?,
            status: row.parse(7)?,
            size_gib: row.get(8)?,
            content: content::read(row, CONTENT)?,
            disk_format: row.parse(REST)?,
            retention_days: row.get(REST + 1)?,
            resource_group: item::read_group(row, REST + 2)?,
            tags: row.json(REST + 3)?,
            created_at: row.get(REST + 4)?,
            updated_at: row.get(REST + 5)?,
            node: row.get(REST + 7)?,
            captured_with: row.parse_opt(REST + 8)?,
            generation: row.get(REST + 9)?,
            done_bytes: row.get(REST + 10)?,
            total_bytes: row.get(REST + 11)?,
            failure: row.get(REST + 12)?,
        })
    }
}

/// Adds a snapshot.
///
/// # Errors
/// [`crate::ErrorKind::Duplicate`] when its id is taken.
pub fn insert(tx: &mut Tx<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    item::insert(tx, snapshot)
}

/// One snapshot.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, id: SnapshotId) -> Result<Option<Snapshot>, Error> {
    item::get(tx, id)
}

/// Replaces the whole record of a snapshot.
///
/// # Errors
/// [`crate::ErrorKind::Other`] when there is no such snapshot.
pub fn update(tx: &mut Tx<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    item::update(tx, snapshot)
}

/// Removes a snapshot. False when there is none.
///
/// # Errors
/// The engine's.
pub fn delete(tx: &mut Tx<'_>, id: SnapshotId) -> Result<bool, Error> {
    item::delete::<Snapshot>(tx, id)
}

/// The page that `query` asks for.
///
/// # Errors
/// [`crate::ErrorKind::UnknownMarker`] when the snapshot to go on after is not the account's;
/// [`crate::ErrorKind::Other`] when a condition names too many values.
pub fn list(tx: &mut Tx<'_>, query: &SnapshotQuery) -> Result<Items<Snapshot>, Error> {
    let SnapshotQuery {
        owner,
        region,
        ids,
        statuses,
        kind,
        name,
        disk,
        instance,
        used_by_image,
        used_by_disk,
        resource_groups,
        tags,
        page,
    } = query;
    Query::of(owner, region)
        .one_of("t.id", ids.as_ref())?
        .one_of("t.status", statuses.as_ref().map(|all| all.iter().map(|status| status.as_str())))?
        .with("t.kind = ?", kind.map(DiskKind::as_str))
        .named(name.as_ref())?
        .with("t.disk_id = ?", *disk)
        .with("EXISTS (SELECT 1 FROM disk d WHERE d.id = t.disk_id AND d.instance_id = ?)", *instance)
        .when(used_by_image.map(|used| {
            if used {
                "EXISTS (SELECT 1 FROM image_label x WHERE x.label = t.image_label)"
            } else {
                "NOT EXISTS (SELECT 1 FROM image_label x WHERE x.label = t.image_label)"
            }
        }))
        .when(used_by_disk.map(|used| {
            if used {
                "EXISTS (SELECT 1 FROM disk u WHERE u.source_snapshot = t.id)"
            } else {
                "NOT EXISTS (SELECT 1 FROM disk u WHERE u.source_snapshot = t.id)"
            }
        }))
        .in_groups(resource_groups.as_ref())?
        .tagged(tags)
        .page(tx, *page)
}

/// Tags of an account's snapshots in a region: of `ids` if there are any, which have all of `tags`, after `after`, newest
/// first; at most `limit` snapshots, [`super::TAGGED_MAX`] of them.
///
/// # Errors
/// As [`list`].
pub fn tagged(
    tx: &mut Tx<'_>,
    owner: &ProjectId,
    region: &str,
    ids: &[SnapshotId],
    tags: &[TagWanted],
    after: Option<SnapshotId>,
    limit: u32,
) -> Result<Tags<SnapshotId>, Error> {
    let ids = Some(ids).filter(|ids| !ids.is_empty());
    Query::of(owner, region).one_of("t.id", ids)?.tagged(tags).tags::<Snapshot>(tx, after, limit)
}

/// How many snapshots there are of a disk.
///
/// # Errors
/// The engine's.
pub fn count_of_disk(tx: &mut Tx<'_>, disk: DiskId) -> Result<u64, Error> {
    let row = tx.query_opt("SELECT COUNT(*) FROM snapshot WHERE disk_id = ?1", params![disk])?;
    row.ok_or_else(|| Error::corrupt("a count gave no row"))?.get(0)
}

/// Whether a snapshot of the disk is being taken.
///
/// # Errors
/// The engine's.
pub fn progressing_of_disk(tx: &mut Tx<'_>, disk: DiskId) -> Result<bool, Error> {
    item::exists(tx, "SELECT 1 FROM snapshot WHERE disk_id = ?1 AND status = 'progressing' LIMIT 1", disk)
}

/// Snapshots that were to be kept until `now` or earlier and that neither an image nor a disk needs; at most `limit`.
///
/// # Errors
/// The engine's.
pub fn expired(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Vec<SnapshotId>, Error> {
    let rows = tx.query(
        "SELECT t.id FROM snapshot t WHERE t.retention_days IS NOT NULL AND t.status <> 'progressing' \
         AND t.created_at + t.retention_days * ?1 <= ?2 \
         AND NOT EXISTS (SELECT 1 FROM image_label x WHERE x.label = t.image_label) \
         AND NOT EXISTS (SELECT 1 FROM disk u WHERE u.source_snapshot = t.id) \
         ORDER BY t.created_at, t.id LIMIT ?3",
        params![DAY_MICROS, now, limit],
    )?;
    rows.iter().map(|row| row.parse(0)).collect()
}

/// Whether a disk was made from it.
///
/// # Errors
/// The engine's.
pub fn used_by_disks(tx: &mut Tx<'_>, id: SnapshotId) -> Result<bool, Error> {
    item::exists(tx, "SELECT 1 FROM disk WHERE source_snapshot = ?1 LIMIT 1", id)
}

/// What each of these snapshots is needed for.
///
/// # Errors
/// The engine's.
pub fn uses(tx: &mut Tx<'_>, ids: &[SnapshotId]) -> Result<BTreeMap<SnapshotId, Uses>, Error> {
    let mut uses = BTreeMap::new();
    for &id in ids {
        let (by_image, by_disk) = (images::with_snapshot(tx, id)?, used_by_disks(tx, id)?);
        uses.insert(id, Uses { by_image, by_disk });
    }
    Ok(uses)
}
