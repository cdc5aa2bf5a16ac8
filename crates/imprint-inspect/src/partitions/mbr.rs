//! The master boot record, and the chain of records that hold logical partitions.

use imprint_disk::ReadAt;

use super::{Partition, SECTOR_BYTES, Table, cut};
use crate::budget::Budget;
use crate::error::Result;
use crate::fields;

const PROTECTIVE: u8 = 0xee;
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// How many logical partitions are followed.
const LOGICAL_MAX: u32 = 128;

/// What a boot record says, in sectors.
pub(super) struct Record {
    signature: u32,
    entries: [Entry; 4],
}

#[derive(Clone, Copy)]
struct Entry {
    kind: u8,
    start: u32,
    sectors: u32,
}

impl Record {
    pub(super) fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == PROTECTIVE)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.iter().all(Entry::is_empty)
    }
}

impl Entry {
    fn is_empty(&self) -> bool {
        self.kind == 0 || self.sectors == 0
    }

    fn is_extended(&self) -> bool {
        EXTENDED.contains(&self.kind)
    }
}

/// A boot record, where the sector is one: a file system's boot sector ends with the same two bytes, but has code where
/// the flags of partitions would be.
pub(super) fn parse(sector: &[u8]) -> Result<Option<Record>> {
    if fields::slice(sector, 510, 2)? != [0x55, 0xaa] {
        return Ok(None);
    }
    let mut entries = [Entry { kind: 0, start: 0, sectors: 0 }; 4];
    for (index, entry) in entries.iter_mut().enumerate() {
        let raw = fields::slice(sector, 446 + index * 16, 16)?;
        if raw[0] & 0x7f != 0 {
            return Ok(None);
        }
        *entry = Entry { kind: raw[4], start: fields::le32(raw, 8)?, sectors: fields::le32(raw, 12)? };
    }
    Ok(Some(Record { signature: fields::le32(sector, 440)?, entries }))
}

pub(super) fn read(disk: &dyn ReadAt, record: &Record, budget: &Budget) -> Result<Table> {
    let mut table = Table { kind: "mbr", partitions: Vec::new(), trouble: Vec::new() };
    for (entry, number) in record.entries.iter().zip(1..) {
        if entry.is_empty() || entry.is_extended() {
            continue;
        }
        add(&mut table, disk, record, number, *entry, 0);
    }
    // Only the first extended partition holds a chain.
    if let Some(extended) = record.entries.iter().find(|entry| entry.is_extended() && !entry.is_empty()) {
        follow(&mut table, disk, record, u64::from(extended.start), budget)?;
    }
    Ok(table)
}

/// Follows the chain of extended boot records: strictly upwards, so that none is seen twice.
fn follow(table: &mut Table, disk: &dyn ReadAt, record: &Record, extended: u64, budget: &Budget) -> Result<()> {
    let mut at = extended;
    let mut number = 5;
    while number < 5 + LOGICAL_MAX {
        budget.step()?;
        let start = at * SECTOR_BYTES;
        let mut sector = [0; 512];
        if start.saturating_add(SECTOR_BYTES) > disk.size_bytes() {
            table.trouble.push("the chain of logical partitions leaves the disk".to_owned());
            return Ok(());
        }
        disk.read_at(start, &mut sector)?;
        let Some(link) = parse(&sector)? else {
            table.trouble.push("the chain of logical partitions ends in something else".to_owned());
            return Ok(());
        };
        let logical = link.entries.iter().take(2).find(|entry| !entry.is_empty() && !entry.is_extended());
        if let Some(entry) = logical {
            add(table, disk, record, number, *entry, at);
            number += 1;
        }
        let Some(next) = link.entries.iter().take(2).find(|entry| entry.is_extended() && !entry.is_empty()) else {
            return Ok(());
        };
        let next = extended + u64::from(next.start);
        if next <= at {
            table.trouble.push("the chain of logical partitions runs backwards".to_owned());
            return Ok(());
        }
        at = next;
    }
    table.trouble.push(format!("more than {LOGICAL_MAX} logical partitions"));
    Ok(())
}

fn add(table: &mut Table, disk: &dyn ReadAt, record: &Record, number: u32, entry: Entry, base: u64) {
    let partition = Partition {
        number,
        start_bytes: (base + u64::from(entry.start)) * SECTOR_BYTES,
        size_bytes: u64::from(entry.sectors) * SECTOR_BYTES,
        type_text: format!("0x{:02x}", entry.kind),
        uuid: (record.signature != 0).then(|| format!("{:08x}-{number:02x}", record.signature)),
        label: None,
    };
    if let Some(partition) = cut(partition, disk.size_bytes(), &mut table.trouble) {
        table.partitions.push(partition);
    }
}
