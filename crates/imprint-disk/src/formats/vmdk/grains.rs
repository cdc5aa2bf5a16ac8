//! Where all grains of a file stand, for checking that no two are in each other's way.

use std::io;
use std::sync::Arc;

use super::header::Header;
use super::reader::{read_words, true_header};
use crate::ReadAt;
use crate::limits::SECTOR;

/// The places of a file.
pub(crate) struct Grains {
    /// Where each stored grain begins, in bytes, in the order of the disk.
    pub(crate) starts: Vec<u64>,
    pub(crate) grain_bytes: u64,
    pub(crate) is_compressed: bool,
    /// Header and descriptor, and tables that stand in front of what they lead to.
    pub(crate) reserved: Vec<(u64, u64)>,
    /// Whether there are more than the file has room for; the rest was not looked at then.
    pub(crate) is_crowded: bool,
    /// The first table whose second copy is not the same.
    pub(crate) second_differs: Option<u64>,
}

/// Reads all tables; [`io::ErrorKind::Unsupported`] when there are more than `grains_max` grains.
pub(crate) fn grains(file: &Arc<dyn ReadAt>, grains_max: u64) -> io::Result<Grains> {
    let header = true_header(&**file)?;
    let too_many = || io::Error::new(io::ErrorKind::Unsupported, "a VMDK of too many grains to check");
    if header.capacity.div_ceil(header.grain) > grains_max {
        return Err(too_many());
    }
    let entries = header.directory_entries().ok_or_else(too_many)?;
    let directory = read_words(&**file, header.directory, entries)?;
    let second = second_directory(file, &header, entries)?;
    let head_end = (header.descriptor + header.descriptor_sectors) * SECTOR;
    let mut found = Grains {
        starts: Vec::new(),
        grain_bytes: header.grain * SECTOR,
        is_compressed: header.compression != 0,
        reserved: vec![(0, head_end), range(header.directory, entries)],
        is_crowded: false,
        second_differs: None,
    };
    // packed grains take what they take; they may begin in different sectors only
    let room = file.size_bytes() / if found.is_compressed { SECTOR } else { found.grain_bytes };
    let lowest_real = if header.flags & super::header::FLAG_ZERO_GRAINS != 0 { 2 } else { 1 };
    for (number, &sector) in (0_u64..).zip(&directory) {
        let table = read_table(file, &header, sector)?;
        if let Some(second) = &second {
            let other = usize::try_from(number).ok().and_then(|number| second.get(number)).copied().unwrap_or(0);
            if found.second_differs.is_none() && read_table(file, &header, other)? != table {
                found.second_differs = Some(number);
            }
        }
        if sector != 0 {
            found.reserved.push(range(sector.into(), header.table_entries.into()));
        }
        // many entries may lead to one table: a small file never makes a long list
        if found.starts.len() as u64 > room {
            found.is_crowded = true;
            break;
        }
        found.starts.extend(table.iter().filter(|&&sector| sector >= lowest_real).map(|&s| u64::from(s) * SECTOR));
    }
    Ok(found)
}

fn range(sector: u64, words: u64) -> (u64, u64) {
    (sector * SECTOR, sector * SECTOR + words * 4)
}

fn read_table(file: &Arc<dyn ReadAt>, header: &Header, sector: u32) -> io::Result<Vec<u32>> {
    if sector == 0 { Ok(Vec::new()) } else { read_words(&**file, sector.into(), header.table_entries.into()) }
}

/// The redundant directory, where the header says that there is one.
fn second_directory(file: &Arc<dyn ReadAt>, header: &Header, entries: u64) -> io::Result<Option<Vec<u32>>> {
    let is_there = header.flags & super::header::FLAG_REDUNDANT != 0
        && !matches!(header.redundant_directory, 0 | super::header::DIRECTORY_AT_END);
    if is_there { read_words(&**file, header.redundant_directory, entries).map(Some) } else { Ok(None) }
}
