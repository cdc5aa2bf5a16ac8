//! Everything on a disk that could be mounted, and what else it is divided into.
//!
//! What lives here: from the disk over its partition table, mirrors and logical volumes to file systems, each opened.
//! What never does: which of them is an operating system's root.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use imprint_disk::ReadAt;

use crate::budget::Budget;
use crate::content::{Content, recognise};
use crate::error::{Error, Result};
use crate::file_system::FileSystem;
use crate::lvm::{self, PhysicalVolume};
use crate::report::Volume;
use crate::source::{Cached, Window};
use crate::{btrfs, ext, fat, iso9660, md, ntfs, partitions, xfs};

/// What a disk is divided into.
pub struct Volumes {
    /// The disk, whose reading counts against the budget, and of which what was read is kept for a while.
    pub disk: Arc<dyn ReadAt>,
    /// `gpt`, `mbr` or none.
    pub partition_table: Option<&'static str>,
    /// What is wrong with the partition table, in words.
    pub table_trouble: Vec<String>,
    /// The volumes, in the order in which they lie and then were put together.
    pub found: Vec<Found>,
    /// The platforms that El Torito would start, where the disk is a disc: 0 is BIOS, 0xef is UEFI.
    pub el_torito: Vec<u8>,
    /// Why the search ended early, if it did.
    pub ended: Option<Error>,
}

/// One volume.
pub struct Found {
    /// What the report says about it; its mount point is not known yet.
    pub volume: Volume,
    /// Its file system, where it has one that can be read.
    pub fs: Option<Arc<dyn FileSystem>>,
    /// Its bytes; none of a logical volume that cannot be put together.
    pub source: Option<Arc<dyn ReadAt>>,
    /// Why it could not be read, if something is there.
    pub trouble: Option<Error>,
}

/// How many volumes are looked at, and what one takes in memory with its names.
const VOLUMES_MAX: usize = 512;
const VOLUME_BYTES: u64 = 4096;

/// A disk being searched.
struct Search<'a> {
    budget: &'a Arc<Budget>,
    volumes: Volumes,
    physical: Vec<PhysicalVolume>,
    /// Mirrors to look at: name, UUID and bytes.
    mirrors: Vec<(String, Arc<dyn ReadAt>)>,
    seen_mirrors: HashSet<String>,
}

/// Looks for all volumes of a disk. Never fails: what cannot be read is said where it stands, and when the budget is
/// used up, what was found until then is right.
#[must_use]
pub fn find(disk: &Arc<dyn ReadAt>, budget: &Arc<Budget>) -> Volumes {
    let disk: Arc<dyn ReadAt> = Arc::new(Cached::new(disk.clone(), budget.clone()));
    let volumes = Volumes {
        disk,
        partition_table: None,
        table_trouble: Vec::new(),
        found: Vec::new(),
        el_torito: Vec::new(),
        ended: None,
    };
    let mut search =
        Search { budget, volumes, physical: Vec::new(), mirrors: Vec::new(), seen_mirrors: HashSet::new() };
    let ended = search.run();
    let mut volumes = search.volumes;
    volumes.ended = ended.err();
    volumes
}

impl Search<'_> {
    fn run(&mut self) -> Result<()> {
        self.plain()?;
        while let Some((name, source)) = self.mirrors.pop() {
            let volume = Volume { name: format!("md/{name}"), size_bytes: source.size_bytes(), ..Volume::default() };
            self.look(volume, source)?;
        }
        self.logical()
    }

    /// Partitions, or the whole disk.
    fn plain(&mut self) -> Result<()> {
        let disk = self.volumes.disk.clone();
        let table = match partitions::read(&*disk, self.budget) {
            Ok(table) => table,
            Err(error) if error.ends_the_check() => return Err(error),
            Err(error) => {
                self.volumes.table_trouble.push(error.to_string());
                None
            }
        };
        let whole = Volume { offset_bytes: Some(0), size_bytes: disk.size_bytes(), ..Volume::default() };
        let Some(table) = table else {
            return self.look(whole, disk);
        };
        self.volumes.partition_table = Some(table.kind);
        self.volumes.table_trouble.extend(table.trouble);
        // A disc that is made to start from a stick, too, has a table around its own file system.
        if table.partitions.is_empty() || is_disc(&*disk)? {
            self.look(whole, disk.clone())?;
        }
        let mut starts = HashMap::new();
        for partition in table.partitions {
            let other = *starts.entry(partition.start_bytes).or_insert(partition.number);
            let source: Arc<dyn ReadAt> =
                Arc::new(Window::new(disk.clone(), partition.start_bytes, partition.size_bytes));
            let volume = Volume {
                name: partition.number.to_string(),
                offset_bytes: Some(partition.start_bytes),
                size_bytes: partition.size_bytes,
                partition_type: Some(partition.type_text),
                partition_uuid: partition.uuid,
                partition_label: partition.label,
                ..Volume::default()
            };
            if other == partition.number {
                self.look(volume, source)?;
            } else {
                // What it holds was looked at already: tables of hundreds of names for one place are no use to anybody.
                let trouble = Error::corrupt(format!("partition {} begins where {other} does", partition.number));
                self.keep(Found { volume, fs: None, source: Some(source), trouble: Some(trouble) })?;
            }
        }
        Ok(())
    }

    /// One more volume.
    fn keep(&mut self, found: Found) -> Result<()> {
        if self.volumes.found.len() >= VOLUMES_MAX {
            return Err(Error::Exhausted("too many volumes"));
        }
        self.budget.keep(VOLUME_BYTES)?;
        self.volumes.found.push(found);
        Ok(())
    }

    /// Logical volumes, once all physical ones are known.
    fn logical(&mut self) -> Result<()> {
        let physical = std::mem::take(&mut self.physical);
        for logical in lvm::assemble(&physical, self.budget)? {
            let mut volume = Volume { name: logical.name, size_bytes: logical.size_bytes, ..Volume::default() };
            match logical.source {
                Ok(source) => self.look(volume, source)?,
                Err(error) => {
                    volume.content = logical.other_type.map(|kind| format!("LVM2_{kind}"));
                    volume.uuid = logical.uuid;
                    self.keep(Found { volume, fs: None, source: None, trouble: Some(error) })?;
                }
            }
        }
        Ok(())
    }

    /// Looks at what a volume holds, and keeps it. Fails only when the search must end.
    fn look(&mut self, mut volume: Volume, source: Arc<dyn ReadAt>) -> Result<()> {
        let looked = self.contents(&mut volume, &source);
        let (fs, trouble) = match looked {
            Ok(fs) => (fs, None),
            Err(error) => (None, Some(error)),
        };
        if let Some(fs) = &fs {
            volume.content = Some(fs.type_name().to_owned());
            volume.uuid = fs.uuid().or(volume.uuid.take());
            volume.label = fs.label().or(volume.label.take());
            volume.clean = Some(fs.is_clean());
        }
        let ends = trouble.as_ref().is_some_and(Error::ends_the_check);
        let (kept, ended) = if ends { (None, trouble) } else { (trouble, None) };
        self.keep(Found { volume, fs, source: Some(source), trouble: kept })?;
        ended.map_or(Ok(()), Err)
    }

    /// What a volume holds: its file system, or more places to look at.
    fn contents(&mut self, volume: &mut Volume, source: &Arc<dyn ReadAt>) -> Result<Option<Arc<dyn FileSystem>>> {
        if let Some(member) = md::member(&**source)? {
            volume.content = Some("linux_raid_member".to_owned());
            volume.uuid.clone_from(&member.uuid);
            volume.label.clone_from(&member.name);
            let name = member.name.or_else(|| member.uuid.clone()).unwrap_or_default();
            if let Some((start, len)) = member.mirrored
                && self.seen_mirrors.insert(member.uuid.unwrap_or_default())
            {
                self.mirrors.push((name, Arc::new(Window::new(source.clone(), start, len))));
            }
            return Ok(None);
        }
        if let Some(id) = lvm::identify(&**source)? {
            volume.content = Some("LVM2_member".to_owned());
            if self.physical.iter().any(|physical| physical.shown_id() == id) {
                volume.uuid = Some(id);
                return Err(Error::corrupt("a physical volume that is there twice"));
            }
            volume.uuid = Some(id);
            self.physical.push(lvm::open(source.clone(), self.budget)?);
            return Ok(None);
        }
        let Some(Content { type_name, uuid, label }) = recognise(&**source)? else { return Ok(None) };
        volume.content = Some(type_name.to_owned());
        volume.uuid = uuid;
        volume.label = label;
        if type_name == "iso9660" && volume.offset_bytes == Some(0) {
            self.volumes.el_torito = iso9660::platforms(&**source).or_else(only_ending)?;
        }
        open(type_name, source.clone(), self.budget)
    }
}

/// Opens a volume's file system; none where the type is known by name only.
fn open(type_name: &str, source: Arc<dyn ReadAt>, budget: &Arc<Budget>) -> Result<Option<Arc<dyn FileSystem>>> {
    let budget = budget.clone();
    let fs = match type_name {
        "ext2" | "ext3" | "ext4" => ext::open(source, budget)?,
        "xfs" => xfs::open(source, budget)?,
        "btrfs" => btrfs::open(source, budget)?,
        "vfat" => fat::open(source, budget)?,
        "iso9660" => iso9660::open(source, budget)?,
        "ntfs" => ntfs::open(source, budget)?,
        _ => return Ok(None),
    };
    Ok(Some(fs))
}

/// Whether the disk itself is a disc, whatever table stands before its descriptors.
fn is_disc(disk: &dyn ReadAt) -> Result<bool> {
    let content = recognise(disk).or_else(only_ending)?;
    Ok(content.is_some_and(|content| matches!(content.type_name, "iso9660" | "udf")))
}

/// Nothing instead of an error, except of one that ends the check.
fn only_ending<T: Default>(error: Error) -> Result<T> {
    if error.ends_the_check() { Err(error) } else { Ok(T::default()) }
}

#[cfg(test)]
mod tests;
