//! Partition tables: GPT with its backup, MBR with its chain of logical partitions.
//!
//! Whatever a table says, a partition is cut to the disk that is there.

mod gpt;
mod mbr;

use imprint_disk::ReadAt;

use crate::budget::Budget;
use crate::error::Result;
use crate::fat::Parameters;

/// Sectors of tables that have no size of their own.
const SECTOR_BYTES: u64 = 512;

/// A partition table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// `gpt` or `mbr`.
    pub(crate) kind: &'static str,
    /// The partitions that lie on the disk, by number.
    pub(crate) partitions: Vec<Partition>,
    /// What is wrong with the table, in words.
    pub(crate) trouble: Vec<String>,
}

/// A partition, cut to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Its number, from 1; logical ones of an MBR from 5.
    pub(crate) number: u32,
    pub(crate) start_bytes: u64,
    pub(crate) size_bytes: u64,
    /// `0x83`, or a GUID in lower case.
    pub(crate) type_text: String,
    pub(crate) uuid: Option<String>,
    pub(crate) label: Option<String>,
}

/// The partition table of a disk, if it has one.
pub(crate) fn read(disk: &dyn ReadAt, budget: &Budget) -> Result<Option<Table>> {
    if disk.size_bytes() < SECTOR_BYTES {
        return Ok(None);
    }
    let mut first = [0; 512];
    disk.read_at(0, &mut first)?;
    // A boot sector with the parameters of a file system is that, whatever stands where partitions would.
    if is_file_system(&first) {
        return Ok(None);
    }
    let Some(record) = mbr::parse(&first)? else { return Ok(None) };
    if record.is_protective()
        && let Some(table) = gpt::read(disk, budget)?
    {
        return Ok(Some(table));
    }
    if record.is_empty() {
        return Ok(None);
    }
    mbr::read(disk, &record, budget).map(Some)
}

fn is_file_system(sector: &[u8]) -> bool {
    let name = &sector[3..11];
    name == b"NTFS    " || name == b"EXFAT   " || Parameters::parse(sector).is_some()
}

/// A partition cut to the disk; none of it there is none at all.
fn cut(mut partition: Partition, disk_bytes: u64, trouble: &mut Vec<String>) -> Option<Partition> {
    let left = disk_bytes.saturating_sub(partition.start_bytes);
    if left == 0 || partition.size_bytes == 0 {
        trouble.push(format!("partition {} lies outside the disk", partition.number));
        return None;
    }
    if partition.size_bytes > left {
        trouble.push(format!("partition {} passes the end of the disk", partition.number));
        partition.size_bytes = left;
    }
    Some(partition)
}
