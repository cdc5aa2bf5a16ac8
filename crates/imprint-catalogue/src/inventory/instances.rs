//! Machines.

use std::collections::BTreeSet;

use imprint_model::{ImageId, Instance, InstanceId, InstanceStatus, ProjectId};

use super::item::{self, Item};
use super::query::{ItemPage, Items, Query, TagWanted, Tags};
use crate::{Error, Row, Tx, Value, to_json};

/// Which machines a list holds: those that meet everything that is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceQuery {
    /// Of this account.
    pub owner: ProjectId,
    /// In this region.
    pub region: String,
    /// One of these.
    pub ids: Option<Vec<InstanceId>>,
    /// One of these.
    pub statuses: Option<Vec<InstanceStatus>>,
    /// Of this size class.
    pub class: Option<String>,
    /// Of this name, in which `*` stands for any text.
    pub name: Option<String>,
    /// Made from this image.
    pub image: Option<ImageId>,
    /// In one of these resource groups; `None` is the default group.
    pub resource_groups: Option<Vec<Option<String>>>,
    /// With all of these tags.
    pub tags: Vec<TagWanted>,
    /// Which part.
    pub page: ItemPage<InstanceId>,
}

impl InstanceQuery {
    /// All of an account in a region, whose part `page` is wanted.
    pub fn of(owner: ProjectId, region: impl Into<String>, page: ItemPage<InstanceId>) -> Self {
        Self {
            owner,
            region: region.into(),
            ids: None,
            statuses: None,
            class: None,
            name: None,
            image: None,
            resource_groups: None,
            tags: Vec::new(),
            page,
        }
    }
}

impl Item for Instance {
    type Id = InstanceId;
    const TABLE: &'static str = "instance";
    const COLUMNS: &'static str = "id, owner, region, name, host_name, description, status, class, image_id, locked, \
                                   protected, user_data, resource_group, tags, created_at, started_at, node, cpus, \
                                   memory_mib, architecture, boot_mode, nvme, stop_by, restart, failure, ended_at";

    fn id(&self) -> InstanceId {
        self.id
    }

    fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }

    fn values(&self) -> Result<Vec<Value>, Error> {
        let Instance {
            id,
            owner,
            region,
            name,
            host_name,
            description,
            status,
            class,
            image,
            locked,
            protected,
            user_data,
            resource_group,
            tags,
            created_at,
            started_at,
            ended_at,
            node,
            cpus,
            memory_mib,
            architecture,
            boot_mode,
            nvme,
            stop_by,
            restart,
            failure,
        } = self;
        Ok(vec![
            id.into(),
            owner.into(),
            region.into(),
            name.as_ref().into(),
            host_name.as_ref().into(),
            description.as_ref().into(),
            status.as_str().into(),
            class.into(),
            image.into(),
            locked.as_ref().into(),
            (*protected).into(),
            user_data.as_ref().into(),
            item::group(resource_group.as_ref()),
            to_json(tags)?,
            (*created_at).into(),
            (*started_at).into(),
            node.as_ref().into(),
            (*cpus).into(),
            (*memory_mib).into(),
            architecture.as_str().into(),
            boot_mode.as_str().into(),
            (*nvme).into(),
            (*stop_by).into(),
            (*restart).into(),
            failure.as_ref().into(),
            (*ended_at).into(),
        ])
    }

    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.parse(0)?,
            owner: row.get(1)?,
            region: row.get(2)?,
            name: row.get(3)?,
            host_name: row.get(4)?,
            description: row.get(5)?,
            status: row.parse(6)?,
            class: row.get(7)?,
            image: row.parse(8)?,
            locked: row.get(9)?,
            protected: row.get(10)?,
            user_data: row.get(11)?,
            resource_group: item::read_group(row, 12)?,
            tags: row.json(13)?,
            created_at: row.get(14)?,
            started_at: row.get(15)?,
            ended_at: row.get(25)?,
            node: row.get(16)?,
            cpus: row.get(17)?,
            memory_mib: row.get(18)?,
            architecture: row.parse(19)?,
            boot_mode: row.parse(20)?,
            nvme: row.get(21)?,
            stop_by: row.get(22)?,
            restart: row.get(23)?,
            failure: row.get(24)?,
        })
    }
}

/// Adds a machine.
///
/// # Errors
/// [`crate::ErrorKind::Duplicate`] when its id is taken.
pub fn insert(tx: &mut Tx<'_>, instance: &Instance) -> Result<(), Error> {
    item::insert(tx, instance)
}

/// One machine.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, id: InstanceId) -> Result<Option<Instance>, Error> {
    item::get(tx, id)
}

/// Replaces the whole record of a machine.
///
/// # Errors
/// [`crate::ErrorKind::Other`] when there is no such machine.
pub fn update(tx: &mut Tx<'_>, instance: &Instance) -> Result<(), Error> {
    item::update(tx, instance)
}

/// Removes a machine. False when there is none.
///
/// # Errors
/// The engine's.
pub fn delete(tx: &mut Tx<'_>, id: InstanceId) -> Result<bool, Error> {
    item::delete::<Instance>(tx, id)
}

/// The page that `query` asks for.
///
/// # Errors
/// [`crate::ErrorKind::UnknownMarker`] when the machine to go on after is not the account's; [`crate::ErrorKind::Other`]
/// when a condition names too many values.
pub fn list(tx: &mut Tx<'_>, query: &InstanceQuery) -> Result<Items<Instance>, Error> {
    let InstanceQuery { owner, region, ids, statuses, class, name, image, resource_groups, tags, page } = query;
    Query::of(owner, region)
        .one_of("t.id", ids.as_ref())?
        .one_of("t.status", statuses.as_ref().map(|all| all.iter().map(|status| status.as_str())))?
        .with("t.class = ?", class.as_ref())
        .named(name.as_ref())?
        .with("t.image_id = ?", *image)
        .in_groups(resource_groups.as_ref())?
        .tagged(tags)
        .page(tx, *page)
}

/// Tags of an account's machines in a region: of `ids` if there are any, which have all of `tags`, after `after`, newest
/// first; at most `limit` machines, [`super::TAGGED_MAX`] of them.
///
/// # Errors
/// As [`list`].
pub fn tagged(
    tx: &mut Tx<'_>,
    owner: &ProjectId,
    region: &str,
    ids: &[InstanceId],
    tags: &[TagWanted],
    after: Option<InstanceId>,
    limit: u32,
) -> Result<Tags<InstanceId>, Error> {
    let ids = Some(ids).filter(|ids| !ids.is_empty());
    Query::of(owner, region).one_of("t.id", ids)?.tagged(tags).tags::<Instance>(tx, after, limit)
}

/// Whether there is a machine, anybody's, that was made from this image.
///
/// # Errors
/// The engine's.
pub fn of_image(tx: &mut Tx<'_>, image: ImageId) -> Result<bool, Error> {
    item::exists(tx, "SELECT 1 FROM instance WHERE image_id = ?1 LIMIT 1", image)
}
