//! Tags of every kind of thing, several things at once: all of them change or none. And the resource group a thing is in,
//! which is the same for all kinds, too.

use std::collections::BTreeSet;

use imprint_catalogue::inventory::TagWanted;
use imprint_catalogue::{ErrorKind, Tx, audit, disks, images, instances, snapshots};
use imprint_model::{Action, Caller, DiskId, Image, ImageId, InstanceId, ProjectId, SnapshotId, Timestamp, role};

use crate::Service;
use crate::access::{load, permit, require_unbound};
use crate::ask::{Ask, asked};
use crate::error::{Error, Field, Quota, Resource};
use crate::images::{add_tags, remove_tag_keys, require_group, require_in, require_own};
use crate::limits::{Limits, within};

/// A thing that has tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tagged {
    /// An image.
    Image(ImageId),
    /// A disk.
    Disk(DiskId),
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A machine.
    Instance(InstanceId),
}

/// What is to become of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagChange {
    /// Adds them; one whose key is there already takes the place of that one. A thing has at most so many afterwards.
    Add(BTreeSet<String>, u64),
    /// Takes away those of these keys, whatever their values; a key that is not there is fine.
    RemoveKeys(BTreeSet<String>),
    /// Takes away exactly these.
    Remove(BTreeSet<String>),
    /// Takes all away.
    RemoveAll,
}

/// Things of one kind with tags that are looked for.
#[derive(Debug, Clone)]
pub struct ListTags {
    /// Where.
    pub region: String,
    /// Of these, all of one kind; of all of a kind when there are none.
    pub ids: TaggedIds,
    /// Those that have all of these: a key, and its value unless any will do.
    pub tags: Vec<TagWanted>,
    /// At most so many things.
    pub limit: u32,
}

/// Things of one kind: which, or all (when empty); and after which one the list goes on.
#[derive(Debug, Clone)]
pub enum TaggedIds {
    /// Images.
    Images(Vec<ImageId>, Option<ImageId>),
    /// Disks.
    Disks(Vec<DiskId>, Option<DiskId>),
    /// Snapshots.
    Snapshots(Vec<SnapshotId>, Option<SnapshotId>),
    /// Machines.
    Instances(Vec<InstanceId>, Option<InstanceId>),
}

impl Service {
    /// Changes the tags of several things of the caller's.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the region or of one of the things, [`Error::Denied`], [`Error::Invalid`] of a tag,
    /// [`Error::OverQuota`] of tags, [`Error::DryRun`].
    pub async fn change_tags(
        &self,
        caller: &Caller,
        region: &str,
        things: Vec<Tagged>,
        change: TagChange,
        ask: Ask,
    ) -> Result<(), Error> {
        self.require_region(region)?;
        if let TagChange::Add(tags, _) = &change {
            tags.iter().try_for_each(|tag| self.settings.limits.long_text(Field::Tag, tag))?;
        }
        let (service, caller, region) = (self.clone(), caller.clone(), region.to_owned());
        let work = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            asked(tx, &caller, &ask, now, |tx| {
                let edit = Edit { caller: &caller, region: &region, now, action: "change tags" };
                for &thing in &things {
                    edit.apply(tx, thing, |parts| retag(parts.tags, &change, &service.settings.limits))?;
                }
                Ok(())
            })
        };
        self.catalogue.write(work).await
    }

    /// Puts a thing of the caller's into a resource group; `None` is the account's default group.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the region, the thing or the group, [`Error::Denied`], [`Error::DryRun`].
    pub async fn move_to_group(
        &self,
        caller: &Caller,
        region: &str,
        thing: Tagged,
        group: Option<String>,
        ask: Ask,
    ) -> Result<(), Error> {
        self.require_region(region)?;
        let (clock, caller, region) = (self.clock.clone(), caller.clone(), region.to_owned());
        let work = move |tx: &mut Tx<'_>| {
            let now = clock.now();
            asked(tx, &caller, &ask, now, |tx| {
                let mut owner = None;
                let edit = Edit { caller: &caller, region: &region, now, action: "move to group" };
                edit.apply(tx, thing, |parts| {
                    parts.group.clone_from(&group);
                    owner = Some(parts.owner.clone());
                    Ok(())
                })?;
                owner.map_or(Ok(()), |owner| require_group(tx, &owner, group.as_deref()))
            })
        };
        self.catalogue.write(work).await
    }

    /// Things of the caller's account that have tags, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the region, [`Error::Denied`] without an account, [`Error::Invalid`] of
    /// [`Field::Marker`] when the list is to go on after a thing that is not there.
    pub async fn list_tags(&self, caller: &Caller, wanted: ListTags) -> Result<Vec<(Tagged, BTreeSet<String>)>, Error> {
        self.require_region(&wanted.region)?;
        let owner = caller.project.clone().ok_or_else(|| Error::Denied("tags without an account".to_owned()))?;
        if !caller.has_role(role::READER) {
            return Err(Error::Denied("looking at tags".to_owned()));
        }
        require_unbound(caller, "looking at tags")?;
        let found = move |tx: &mut Tx<'_>| {
            find_tags(tx, &owner, &wanted).map_err(|error| match error.kind() {
                ErrorKind::UnknownMarker => Error::invalid(Field::Marker, "nothing of that id to go on after"),
                _ => error.into(),
            })
        };
        self.catalogue.scan(found).await
    }
}

fn find_tags(
    tx: &mut Tx<'_>,
    owner: &ProjectId,
    wanted: &ListTags,
) -> Result<Vec<(Tagged, BTreeSet<String>)>, imprint_catalogue::Error> {
    let ListTags { region, ids, tags, limit } = wanted;
    fn of<Id>(found: Vec<(Id, BTreeSet<String>)>, kind: fn(Id) -> Tagged) -> Vec<(Tagged, BTreeSet<String>)> {
        found.into_iter().map(|(id, tags)| (kind(id), tags)).collect()
    }
    Ok(match ids {
        TaggedIds::Images(ids, after) => {
            of(images::tagged(tx, owner, region, ids, tags, *after, *limit)?, Tagged::Image)
        }
        TaggedIds::Disks(ids, after) => of(disks::tagged(tx, owner, region, ids, tags, *after, *limit)?, Tagged::Disk),
        TaggedIds::Snapshots(ids, after) => {
            of(snapshots::tagged(tx, owner, region, ids, tags, *after, *limit)?, Tagged::Snapshot)
        }
        TaggedIds::Instances(ids, after) => {
            of(instances::tagged(tx, owner, region, ids, tags, *after, *limit)?, Tagged::Instance)
        }
    })
}

/// The parts that all kinds of things have.
struct Parts<'a> {
    owner: &'a ProjectId,
    tags: &'a mut BTreeSet<String>,
    group: &'a mut Option<String>,
}

/// A change of things of one caller in one region.
struct Edit<'a> {
    caller: &'a Caller,
    region: &'a str,
    now: Timestamp,
    action: &'static str,
}

impl Edit<'_> {
    fn apply(
        &self,
        tx: &mut Tx<'_>,
        thing: Tagged,
        change: impl FnOnce(Parts<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match thing {
            Tagged::Image(id) => {
                let mut image = self.image(tx, id)?;
                let Image { owner, tags, facts, .. } = &mut image;
                change(Parts { owner, tags, group: &mut facts.resource_group })?;
                image.updated_at = self.now;
                images::update(tx, &image)?;
                self.note(tx, id.to_string())
            }
            Tagged::Disk(id) => {
                let found = disks::get(tx, id)?.filter(|disk| self.owns(&disk.owner, &disk.region));
                let mut disk = found.ok_or_else(|| Error::NotFound(Resource::Disk(id.to_string())))?;
                self.require_writer()?;
                change(Parts { owner: &disk.owner, tags: &mut disk.tags, group: &mut disk.resource_group })?;
                disks::update(tx, &disk)?;
                self.note(tx, id.to_string())
            }
            Tagged::Snapshot(id) => {
                let found = snapshots::get(tx, id)?.filter(|found| self.owns(&found.owner, &found.region));
                let mut snapshot = found.ok_or_else(|| Error::NotFound(Resource::Snapshot(id.to_string())))?;
                self.require_writer()?;
                let (tags, group) = (&mut snapshot.tags, &mut snapshot.resource_group);
                change(Parts { owner: &snapshot.owner, tags, group })?;
                snapshot.updated_at = self.now;
                snapshots::update(tx, &snapshot)?;
                self.note(tx, id.to_string())
            }
            Tagged::Instance(id) => {
                let found = instances::get(tx, id)?.filter(|found| self.owns(&found.owner, &found.region));
                let mut instance = found.ok_or_else(|| Error::NotFound(Resource::Instance(id.to_string())))?;
                self.require_writer()?;
                let (tags, group) = (&mut instance.tags, &mut instance.resource_group);
                change(Parts { owner: &instance.owner, tags, group })?;
                instances::update(tx, &instance)?;
                self.note(tx, id.to_string())
            }
        }
    }

    fn image(&self, tx: &mut Tx<'_>, id: ImageId) -> Result<Image, Error> {
        let image = load(tx, self.caller, Action::Read, id)?;
        require_own(self.caller, &image)?;
        require_in(&image, self.region)?;
        permit(self.caller, Action::Write, &image, None)?;
        Ok(image)
    }

    fn owns(&self, owner: &ProjectId, region: &str) -> bool {
        (self.caller.is_admin() || self.caller.acts_for(owner)) && region == self.region
    }

    fn require_writer(&self) -> Result<(), Error> {
        require_unbound(self.caller, self.action)?;
        if self.caller.has_role(role::MEMBER) { Ok(()) } else { Err(Error::Denied(self.action.to_owned())) }
    }

    fn note(&self, tx: &mut Tx<'_>, resource: String) -> Result<(), Error> {
        let entry = audit::AuditEntry {
            at: self.now,
            user: self.caller.user.clone(),
            project: self.caller.project.clone(),
            request_id: self.caller.request_id.clone(),
            action: self.action.to_owned(),
            resource,
            detail: serde_json::Value::Null,
        };
        Ok(audit::record(tx, &entry)?)
    }
}

fn retag(tags: &mut BTreeSet<String>, change: &TagChange, limits: &Limits) -> Result<(), Error> {
    match change {
        TagChange::Add(added, most) => {
            add_tags(tags, added);
            let most = i64::try_from(*most).unwrap_or(i64::MAX);
            within(most, tags.len() as u64, Quota::Tags)?;
            within(limits.image_tags, tags.len() as u64, Quota::Tags)?;
        }
        TagChange::RemoveKeys(keys) => remove_tag_keys(tags, keys),
        TagChange::Remove(removed) => tags.retain(|tag| !removed.contains(tag)),
        TagChange::RemoveAll => tags.clear(),
    }
    Ok(())
}
