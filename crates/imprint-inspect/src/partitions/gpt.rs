//! The GUID partition table (UEFI specification, chapter 5).

use imprint_disk::ReadAt;

use super::{Partition, Table, cut};
use crate::budget::{Budget, Charged};
use crate::error::Result;
use crate::{fields, labels};

const SIGNATURE: &[u8] = b"EFI PART";
/// The sector sizes that disks have.
const SECTOR_SIZES: [u64; 2] = [512, 4096];
/// How many entries are read; tables have 128.
const ENTRIES_MAX: u32 = 1024;
const ENTRY_BYTES_MAX: u32 = 4096;

/// A table whose checksums hold, or that at least can be read.
struct Array<'b> {
    entries: Charged<Vec<u8>, &'b Budget>,
    entry_bytes: usize,
    sector_bytes: u64,
    is_whole: bool,
}

/// The table: the first of the two copies whose checksums hold, else one that can be read at all.
pub(super) fn read(disk: &dyn ReadAt, budget: &Budget) -> Result<Option<Table>> {
    let mut trouble = Vec::new();
    let mut damaged = None;
    for sector_bytes in SECTOR_SIZES {
        let last = disk.size_bytes() / sector_bytes;
        for (sector, copy) in [(1, "the first table"), (last.saturating_sub(1), "the backup table")] {
            match array(disk, sector, sector_bytes, budget)? {
                Some(array) if array.is_whole => {
                    if copy == "the backup table" {
                        trouble.push("the first table is damaged; its backup was read".to_owned());
                    }
                    return entries(disk, &array, trouble, budget).map(Some);
                }
                Some(array) => damaged = damaged.or(Some((array, copy))),
                None => {}
            }
        }
    }
    let Some((array, copy)) = damaged else { return Ok(None) };
    trouble.push(format!("the checksums of {copy} do not hold"));
    entries(disk, &array, trouble, budget).map(Some)
}

/// The entries of the table whose header stands at a sector.
fn array<'b>(disk: &dyn ReadAt, sector: u64, sector_bytes: u64, budget: &'b Budget) -> Result<Option<Array<'b>>> {
    let start = sector * sector_bytes;
    if start.saturating_add(sector_bytes) > disk.size_bytes() {
        return Ok(None);
    }
    let mut header = [0; 512];
    disk.read_at(start, &mut header)?;
    if !header.starts_with(SIGNATURE) {
        return Ok(None);
    }
    let header_bytes = fields::le32(&header, 12)?;
    let (first, count, entry_bytes) =
        (fields::le64(&header, 72)?, fields::le32(&header, 80)?, fields::le32(&header, 84)?);
    let is_sane = (92..=512).contains(&header_bytes)
        && (128..=ENTRY_BYTES_MAX).contains(&entry_bytes)
        && entry_bytes.is_multiple_of(8)
        && (1..=ENTRIES_MAX).contains(&count);
    let len = u64::from(count) * u64::from(entry_bytes);
    let at = first.checked_mul(sector_bytes);
    let Some(at) = at.filter(|at| is_sane && at.checked_add(len).is_some_and(|end| end <= disk.size_bytes())) else {
        return Ok(None);
    };
    let header_bytes = usize::try_from(header_bytes).expect("at most 512");
    let held = budget.hold(len)?;
    let mut entries = vec![0; usize::try_from(len).expect("at most 4 MiB")];
    disk.read_at(at, &mut entries)?;
    let mut checked = header;
    checked[16..20].fill(0);
    let is_whole = fields::le32(&header, 16)? == crc32fast::hash(&checked[..header_bytes])
        && fields::le32(&header, 88)? == crc32fast::hash(&entries)
        && fields::le64(&header, 24)? == sector;
    let entry_bytes = usize::try_from(entry_bytes).expect("at most 4 KiB");
    Ok(Some(Array { entries: held.with(entries), entry_bytes, sector_bytes, is_whole }))
}

fn entries(disk: &dyn ReadAt, array: &Array<'_>, trouble: Vec<String>, budget: &Budget) -> Result<Table> {
    let mut table = Table { kind: "gpt", partitions: Vec::new(), trouble };
    for (entry, number) in array.entries.chunks_exact(array.entry_bytes).zip(1..) {
        budget.step()?;
        let guid = |at: usize| {
            let raw = fields::slice(entry, at, 16)?;
            Ok::<_, crate::Error>(labels::guid_text(raw.try_into().expect("16 bytes")))
        };
        let Some(type_text) = guid(0)? else { continue };
        let (first, last) = (fields::le64(entry, 32)?, fields::le64(entry, 40)?);
        let sectors = last.checked_sub(first).and_then(|len| len.checked_add(1));
        let size = sectors.and_then(|sectors| sectors.checked_mul(array.sector_bytes));
        let (Some(start_bytes), Some(size_bytes)) = (first.checked_mul(array.sector_bytes), size) else {
            table.trouble.push(format!("partition {number} ends before it begins"));
            continue;
        };
        let label = labels::utf16le(fields::slice(entry, 56, 72)?);
        let partition = Partition { number, start_bytes, size_bytes, type_text, uuid: guid(16)?, label };
        if let Some(partition) = cut(partition, disk.size_bytes(), &mut table.trouble) {
            table.partitions.push(partition);
        }
    }
    Ok(table)
}
