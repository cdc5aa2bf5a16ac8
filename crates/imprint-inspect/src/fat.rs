//! FAT12, FAT16 and FAT32 with long names.

mod chain;
mod directory;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use imprint_disk::ReadAt;
use parking_lot::Mutex;

use crate::budget::Budget;
use crate::content::serial_text;
use crate::error::{Error, Result};
use crate::file_system::{Entry, FileSystem, Kind, Metadata, Names, Node, is_name};
use crate::{fields, labels};
use chain::Chains;
use directory::{Listed, Listing};

/// The longest directory that is read: 65,536 records, as the format allows.
const DIRECTORY_BYTES_MAX: u64 = 2 << 20;
/// The node of the top directory, which has no record.
const ROOT: Node = Node(0);

/// What a boot sector says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameters {
    cluster_bytes: u64,
    fat_start: u64,
    root_start: u64,
    root_bytes: u64,
    data_start: u64,
    clusters: u32,
    size_bytes: u64,
    width: Width,
    /// First cluster of the top directory, where it is a chain.
    root_cluster: u32,
    serial: Option<u32>,
    label: [u8; 11],
}

/// How wide an entry of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Twelve,
    Sixteen,
    ThirtyTwo,
}

impl Parameters {
    /// The parameters of a boot sector of 512 bytes; none when they make no sense.
    pub(crate) fn parse(sector: &[u8]) -> Option<Parameters> {
        let byte = |at| fields::byte(sector, at).ok();
        let le16 = |at| fields::le16(sector, at).ok();
        let le32 = |at| fields::le32(sector, at).ok();
        let (sector_bytes, cluster_sectors) = (u64::from(le16(11)?), u64::from(byte(13)?));
        let (reserved, fats, root_entries) = (u64::from(le16(14)?), u64::from(byte(16)?), u64::from(le16(17)?));
        let media = byte(21)?;
        let jumps = matches!(byte(0)?, 0xeb | 0xe9 | 0);
        if !jumps
            || !matches!(sector_bytes, 512 | 1024 | 2048 | 4096)
            || !cluster_sectors.is_power_of_two()
            || reserved == 0
            || !matches!(fats, 1 | 2)
            || !(media == 0xf0 || media >= 0xf8)
        {
            return None;
        }
        let short_fat = u64::from(le16(22)?);
        let fat_sectors = if short_fat != 0 { short_fat } else { u64::from(le32(36)?) };
        let sectors = match le16(19)? {
            0 => u64::from(le32(32)?),
            few => u64::from(few),
        };
        let root_sectors = (root_entries * 32).div_ceil(sector_bytes);
        let before = reserved + fats * fat_sectors + root_sectors;
        let clusters = u32::try_from(sectors.checked_sub(before)? / cluster_sectors).ok()?;
        // The number of clusters alone decides the width, but what has no short length of its table is FAT32.
        let width = match clusters {
            _ if short_fat == 0 => Width::ThirtyTwo,
            0..=4084 => Width::Twelve,
            _ => Width::Sixteen,
        };
        if fat_sectors == 0 || (width != Width::ThirtyTwo) != (root_entries != 0) {
            return None;
        }
        let extended = if width == Width::ThirtyTwo { 64 } else { 36 };
        let has_serial = matches!(byte(extended + 2)?, 0x28 | 0x29);
        let has_label = byte(extended + 2)? == 0x29;
        Some(Parameters {
            cluster_bytes: sector_bytes * cluster_sectors,
            fat_start: reserved * sector_bytes,
            root_start: (reserved + fats * fat_sectors) * sector_bytes,
            root_bytes: root_entries * 32,
            data_start: before * sector_bytes,
            clusters,
            size_bytes: sectors * sector_bytes,
            width,
            root_cluster: if width == Width::ThirtyTwo { le32(44)? } else { 0 },
            serial: if has_serial { le32(extended + 3) } else { None },
            label: if has_label { sector.get(extended + 7..extended + 18)?.try_into().ok()? } else { [b' '; 11] },
        })
    }

    pub(crate) fn uuid(&self) -> Option<String> {
        self.serial.map(serial_text)
    }
}

/// An open file system. A node is the place of a record in bytes of the volume, 0 for the top directory.
struct Fat {
    volume: Arc<dyn ReadAt>,
    budget: Arc<Budget>,
    parameters: Parameters,
    label: Option<String>,
    is_clean: bool,
    /// The chains that were followed last, as far as they were.
    chains: Mutex<Chains>,
    /// The directory that was read last: names are mostly looked up in one after the other.
    latest: Mutex<Option<(Node, Arc<Listing>)>>,
}

/// Where a directory's or a file's bytes are.
struct Body {
    kind: Kind,
    first_cluster: u32,
    size_bytes: u64,
}

/// Opens the file system of a volume.
///
/// # Errors
/// [`Error::Corrupt`] where there is none, and what reading answers.
pub(crate) fn open(volume: Arc<dyn ReadAt>, budget: Arc<Budget>) -> Result<Arc<dyn FileSystem>> {
    let mut sector = [0; 512];
    volume.read_at(0, &mut sector)?;
    let parameters = Parameters::parse(&sector).ok_or_else(|| Error::corrupt("no FAT parameters"))?;
    let label = labels::padded(&parameters.label).filter(|label| label != "NO NAME");
    let (chains, latest) = (Mutex::default(), Mutex::default());
    let mut fat = Fat { volume, budget, parameters, label, is_clean: true, chains, latest };
    let dirty = |bit: u32| fat.entry(1).map(|entry| entry & bit == 0);
    fat.is_clean = !match parameters.width {
        Width::Twelve => false,
        Width::Sixteen => dirty(0x8000)?,
        Width::ThirtyTwo => dirty(0x0800_0000)?,
    };
    // The record in the top directory is what tools change; the one in the boot sector may be stale.
    if let Some(label) = &fat.listing(ROOT)?.label {
        fat.label = Some(label.clone());
    }
    Ok(Arc::new(fat))
}

impl Fat {
    /// The table's entry for a cluster.
    fn entry(&self, cluster: u32) -> Result<u32> {
        let cluster = u64::from(cluster);
        let start = self.parameters.fat_start;
        match self.parameters.width {
            Width::Twelve => {
                let mut pair = [0; 2];
                self.volume.read_at(start + cluster + cluster / 2, &mut pair)?;
                let both = u32::from(u16::from_le_bytes(pair));
                Ok(if cluster.is_multiple_of(2) { both & 0xfff } else { both >> 4 })
            }
            Width::Sixteen => {
                let mut pair = [0; 2];
                self.volume.read_at(start + cluster * 2, &mut pair)?;
                Ok(u32::from(u16::from_le_bytes(pair)))
            }
            Width::ThirtyTwo => {
                let mut raw = [0; 4];
                self.volume.read_at(start + cluster * 4, &mut raw)?;
                Ok(u32::from_le_bytes(raw) & 0x0fff_ffff)
            }
        }
    }

    fn is_cluster(&self, cluster: u32) -> bool {
        (2..self.parameters.clusters.saturating_add(2)).contains(&cluster)
    }

    fn cluster_start(&self, cluster: u32) -> u64 {
        self.parameters.data_start + u64::from(cluster - 2) * self.parameters.cluster_bytes
    }

    /// The stretches of the volume, as place and length, that hold a directory.
    fn directory_stretches(&self, node: Node) -> Result<Vec<(u64, u64)>> {
        let parameters = &self.parameters;
        let first = match node {
            ROOT if parameters.width != Width::ThirtyTwo => {
                return Ok(vec![(parameters.root_start, parameters.root_bytes)]);
            }
            ROOT => parameters.root_cluster,
            _ => {
                let body = self.body(node)?;
                if body.kind != Kind::Directory {
                    return Err(Error::corrupt("not a directory"));
                }
                body.first_cluster
            }
        };
        let mut stretches = Vec::new();
        let mut seen = HashSet::new();
        let most = usize::try_from(DIRECTORY_BYTES_MAX / parameters.cluster_bytes).expect("at most 4096").max(1);
        while stretches.len() < most
            && let Some(cluster) = self.cluster(first, stretches.len())?
        {
            if !seen.insert(cluster) {
                return Err(Error::corrupt("a chain of clusters runs in a circle"));
            }
            stretches.push((self.cluster_start(cluster), parameters.cluster_bytes));
        }
        Ok(stretches)
    }

    /// A directory's names.
    fn listing(&self, node: Node) -> Result<Arc<Listing>> {
        if let Some((latest, listing)) = &*self.latest.lock()
            && *latest == node
        {
            return Ok(listing.clone());
        }
        let mut listing = Listing::new(self.budget.hold_shared(0)?);
        'all: for (start, len) in self.directory_stretches(node)? {
            let mut at = start;
            while at < start + len {
                self.budget.step()?;
                let mut record = [0; 32];
                self.volume.read_at(at, &mut record)?;
                if record[0] == 0 {
                    break 'all;
                }
                listing.add(at, &record)?;
                at += 32;
            }
        }
        let listing = Arc::new(listing);
        *self.latest.lock() = Some((node, listing.clone()));
        Ok(listing)
    }

    fn body(&self, node: Node) -> Result<Body> {
        if node == ROOT {
            return Ok(Body { kind: Kind::Directory, first_cluster: self.parameters.root_cluster, size_bytes: 0 });
        }
        let at = u64::try_from(node.0).map_err(|_| Error::corrupt("no such object"))?;
        let mut record = [0; 32];
        self.volume.read_at(at, &mut record)?;
        let high = if self.parameters.width == Width::ThirtyTwo { fields::le16(&record, 20)? } else { 0 };
        let kind = if record[11] & directory::DIRECTORY != 0 { Kind::Directory } else { Kind::File };
        Ok(Body {
            kind,
            first_cluster: u32::from(high) << 16 | u32::from(fields::le16(&record, 26)?),
            size_bytes: if kind == Kind::File { u64::from(fields::le32(&record, 28)?) } else { 0 },
        })
    }
}

impl FileSystem for Fat {
    fn type_name(&self) -> &'static str {
        "vfat"
    }

    fn label(&self) -> Option<String> {
        self.label.clone()
    }

    fn uuid(&self) -> Option<String> {
        self.parameters.uuid()
    }

    fn size_bytes(&self) -> u64 {
        self.parameters.size_bytes
    }

    fn is_clean(&self) -> bool {
        self.is_clean
    }

    fn ignores_case(&self) -> bool {
        true
    }

    fn root(&self) -> Node {
        ROOT
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        let body = self.body(node)?;
        Ok(Metadata { kind: body.kind, size_bytes: body.size_bytes, mode: None })
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        let found = self.listing(directory)?.find(&String::from_utf8_lossy(name));
        Ok(found.map(|at| Node(u128::from(at))))
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        let mut names = Names::new(&self.budget)?;
        for Listed { at, name } in &self.listing(directory)?.names {
            if is_name(name.as_bytes()) {
                names.add(name.as_bytes(), Node(u128::from(*at)))?;
            }
        }
        Ok(names.finish())
    }

    fn read_link(&self, _: Node) -> Result<Vec<u8>> {
        Err(Error::corrupt("not a symlink"))
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let body = self.body(node)?;
        if body.kind != Kind::File || offset >= body.size_bytes {
            return Ok(0);
        }
        let wanted = (buf.len() as u64).min(body.size_bytes - offset);
        let cluster_bytes = self.parameters.cluster_bytes;
        let mut done = 0;
        while (done as u64) < wanted {
            self.budget.step()?;
            let at = offset + done as u64;
            let index = usize::try_from(at / cluster_bytes).map_err(|_| Error::corrupt("too long a file"))?;
            let cluster = self.cluster(body.first_cluster, index)?;
            let cluster = cluster.ok_or_else(|| Error::corrupt("a file's chain of clusters is too short"))?;
            let within = at % cluster_bytes;
            let len = usize::try_from((cluster_bytes - within).min(wanted - done as u64)).expect("fits the buffer");
            self.volume.read_at(self.cluster_start(cluster) + within, &mut buf[done..done + len])?;
            done += len;
        }
        Ok(done)
    }
}
