//! Disks.

use std::collections::BTreeSet;

use imprint_model::{
    Disk, DiskCategory, DiskId, DiskKind, DiskSource, DiskStatus, ImageId, InstanceId, ProjectId, SnapshotId,
};

use super::item::{self, Item};
use super::query::{ItemPage, Items, Query, TagWanted, Tags};
use crate::content::{self, CONTENT_COLUMNS};
use crate::{Error, Row, Tx, Value, params, to_json};

/// Disks of one machine at most; rules keep real ones far below.
const OF_INSTANCE_MAX: u32 = 1000;

/// Which disks a list holds: those that meet everything that is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskQuery {
    /// Of this account.
    pub owner: ProjectId,
    /// In this region.
    pub region: String,
    /// One of these.
    pub ids: Option<Vec<DiskId>>,
    /// One of these.
    pub statuses: Option<Vec<DiskStatus>>,
    /// Of this kind.
    pub kind: Option<DiskKind>,
    /// One of these.
    pub categories: Option<Vec<DiskCategory>>,
    /// Of this name, in which `*` stands for any text.
    pub name: Option<String>,
    /// Attached to this machine.
    pub instance: Option<InstanceId>,
    /// Made from this image.
    pub image: Option<ImageId>,
    /// Made from this snapshot.
    pub snapshot: Option<SnapshotId>,
    /// In one of these resource groups; `None` is the default group.
    pub resource_groups: Option<Vec<Option<String>>>,
    /// With all of these tags.
    pub tags: Vec<TagWanted>,
    /// Which part.
    pub page: ItemPage<DiskId>,
}

impl DiskQuery {
    /// All of an account in a region, whose part `page` is wanted.
    pub fn of(owner: ProjectId, region: impl Into<String>, page: ItemPage<DiskId>) -> Self {
        Self {
            owner,
            region: region.into(),
            ids: None,
            statuses: None,
            kind: None,
            categories: None,
            name: None,
            instance: None,
            image: None,
            snapshot: None,
            resource_groups: None,
            tags: Vec::new(),
            page,
        }
    }
}

const BASE: usize = 11;

impl Item for Disk {
    type Id = DiskId;
    const TABLE: &'static str = "disk";
    const COLUMNS: &'static str = "id, owner, region, kind, name, description, status, category, size_gib, \
                                   source_image, source_snapshot, base_map, base_bytes, base_virtual_bytes, base_md5, \
                                   base_hash_algorithm, base_hash_value, base_format, instance_id, letter, \
                                   was_attached, delete_with_instance, resource_group, tags, created_at, attached_at, \
                                   node, generation, written, grows";

    fn id(&self) -> DiskId {
        self.id
    }

    fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }

    fn values(&self) -> Result<Vec<Value>, Error> {
        let Disk {
            id,
            owner,
            region,
            kind,
            name,
            description,
            status,
            category,
            size_gib,
            source,
            base,
            base_format,
            instance,
            letter,
            was_attached,
            delete_with_instance,
            resource_group,
            tags,
            created_at,
            attached_at,
            node,
            generation,
            written,
            grows,
        } = self;
        let (image, snapshot) = match source {
            DiskSource::Empty => (None, None),
            DiskSource::Image(image) => (Some(image), None),
            DiskSource::Snapshot(snapshot) => (None, Some(snapshot)),
        };
        let mut values: Vec<Value> = vec![
            id.into(),
            owner.into(),
            region.into(),
            kind.as_str().into(),
            name.as_ref().into(),
            description.as_ref().into(),
            status.as_str().into(),
            category.as_str().into(),
            (*size_gib).into(),
            image.into(),
            snapshot.into(),
        ];
        values.extend(content::values(base.as_ref()));
        values.extend([
            base_format.as_str().into(),
            instance.as_ref().into(),
            letter.map(String::from).into(),
            (*was_attached).into(),
            (*delete_with_instance).into(),
            item::group(resource_group.as_ref()),
            to_json(tags)?,
            (*created_at).into(),
            (*attached_at).into(),
            node.as_ref().into(),
            (*generation).into(),
            (*written).into(),
            (*grows).into(),
        ]);
        Ok(values)
    }

    fn read(row: &Row) -> Result<Self, Error> {
        const REST: usize = BASE + CONTENT_COLUMNS;
        let source = match (row.parse_opt(9)?, row.parse_opt(10)?) {
            (Some(image), _) => DiskSource::Image(image),
            (None, Some(snapshot)) => DiskSource::Snapshot(snapshot),
            (None, None) => DiskSource::Empty,
        };
        Ok(Self {
            id: row.parse(0)?,
            owner: row.get(1)?,
            region: row.get(2)?,
            kind: row.parse(3)?,
            name: row.get(4)?,
            description: row.get(5)?,
            status: row.parse(6)?,
            category: row.parse(7)?,
            size_gib: row.get(8)?,
            source,
            base: content::read(row, BASE)?,
            base_format: row.parse(REST)?,
            instance: row.parse_opt(REST + 1)?,
            letter: row.parse_opt(REST + 2)?,
            was_attached: row.get(REST + 3)?,
            delete_with_instance: row.get(REST + 4)?,
            resource_group: item::read_group(row, REST + 5)?,
            tags: row.json(REST + 6)?,
            created_at: row.get(REST + 7)?,
            attached_at: row.get(REST + 8)?,
            node: row.get(REST + 9)?,
            generation: row.get(REST + 10)?,
            written: row.get(REST + 11)?,
            grows: row.get(REST + 12)?,
        })
    }
}

/// Adds a disk.
///
/// # Errors
/// [`crate::ErrorKind::Duplicate`] when its id is taken.
pub fn insert(tx: &mut Tx<'_>, disk: &Disk) -> Result<(), Error> {
    item::insert(tx, disk)
}

/// One disk.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, id: DiskId) -> Result<Option<Disk>, Error> {
    item::get(tx, id)
}

/// Replaces the whole record of a disk.
///
/// # Errors
/// [`crate::ErrorKind::Other`] when there is no such disk.
pub fn update(tx: &mut Tx<'_>, disk: &Disk) -> Result<(), Error> {
    item::update(tx, disk)
}

/// Removes a disk. False when there is none.
///
/// # Errors
/// The engine's.
pub fn delete(tx: &mut Tx<'_>, id: DiskId) -> Result<bool, Error> {
    item::delete::<Disk>(tx, id)
}

/// The page that `query` asks for.
///
/// # Errors
/// [`crate::ErrorKind::UnknownMarker`] when the disk to go on after is not the account's; [`crate::ErrorKind::Other`]
/// when a condition names too many values.
pub fn list(tx: &mut Tx<'_>, query: &DiskQuery) -> Result<Items<Disk>, Error> {
    let DiskQuery {
        owner,
        region,
        ids,
        statuses,
        kind,
        categories,
        name,
        instance,
        image,
        snapshot,
        resource_groups,
        tags,
        page,
    } = query;
    Query::of(owner, region)
        .one_of("t.id", ids.as_ref())?
        .one_of("t.status", statuses.as_ref().map(|all| all.iter().map(|status| status.as_str())))?
        .with("t.kind = ?", kind.map(DiskKind::as_str))
        .one_of("t.category", categories.as_ref().map(|all| all.iter().map(|category| category.as_str())))?
        .named(name.as_ref())?
        .with("t.instance_id = ?", *instance)
        .with("t.source_image = ?", *image)
        .with("t.source_snapshot = ?", *snapshot)
        .in_groups(resource_groups.as_ref())?
        .tagged(tags)
        .page(tx, *page)
}

/// Tags of an account's disks in a region: of `ids` if there are any, which have all of `tags`, after `after`, newest
/// first; at most `limit` disks, [`super::TAGGED_MAX`] of them.
///
/// # Errors
/// As [`list`].
pub fn tagged(
    tx: &mut Tx<'_>,
    owner: &ProjectId,
    region: &str,
    ids: &[DiskId],
    tags: &[TagWanted],
    after: Option<DiskId>,
    limit: u32,
) -> Result<Tags<DiskId>, Error> {
    let ids = Some(ids).filter(|ids| !ids.is_empty());
    Query::of(owner, region).one_of("t.id", ids)?.tagged(tags).tags::<Disk>(tx, after, limit)
}

/// The disks that are attached to a machine, in the order of their devices.
///
/// # Errors
/// The engine's.
pub fn of_instance(tx: &mut Tx<'_>, instance: InstanceId) -> Result<Vec<Disk>, Error> {
    let condition = format!("t.instance_id = ?1 ORDER BY t.letter, t.id LIMIT {OF_INSTANCE_MAX}");
    item::select(tx, &condition, params![instance])
}
