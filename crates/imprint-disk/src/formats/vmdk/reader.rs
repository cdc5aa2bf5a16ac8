//! The guest disk inside a sparse extent: a directory of tables of grains. Both kinds are read by their tables, which
//! stand in front (`monolithicSparse`, and `streamOptimized` as some programs write it) or are found through the footer.

use std::io;
use std::sync::Arc;

use super::header::{DIRECTORY_AT_END, FLAG_MARKERS, FLAG_ZERO_GRAINS, HEADER_BYTES, Header};
use crate::Format;
use crate::fields::{le32, le64};
use crate::limits::{HOLE_TABLES_MAX, SECTOR, TAIL_BYTES};
use crate::open::{Disk, Info, OpenError, checked};
use crate::read_at::{ReadAt, Run, RunKind, corrupt, past_the_end};
use crate::recent::Recent;

/// Tables kept, of at most 2 KiB each.
const TABLES_KEPT: usize = 64;
/// Unpacked bytes kept, for reads of less than a grain.
const UNPACKED_KEPT_BYTES: u64 = 4 * 1024 * 1024;
/// What a grain's marker takes: its place on the disk and the length of what follows.
const MARKER_BYTES: usize = 12;

/// The disk of a file whose header, footer and descriptor have been checked.
pub(crate) struct Sparse {
    file: Arc<dyn ReadAt>,
    size: u64,
    grain: u64,
    table_entries: u64,
    zero_grains: bool,
    packing: Packing,
    directory: Vec<u32>,
    tables: Recent<Arc<Vec<u32>>>,
    unpacked: Recent<Arc<Vec<u8>>>,
}

/// How grains stand in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    /// As they are.
    Plain,
    /// As zlib streams, each behind a marker.
    Marked,
    /// As zlib streams and nothing that tells their length.
    Bare,
}

enum Grain {
    Hole,
    Zero,
    /// Stands in the file from this byte on.
    At(u64),
}

/// Opens the disk of a file, once its header, footer and descriptor pass the safety rules.
pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Disk, OpenError> {
    let findings = checked(&*file, Format::Vmdk)?;
    let sparse = Sparse::new(file)?;
    let compressed = sparse.packing != Packing::Plain;
    let info = Info {
        variant: if compressed { "streamOptimized" } else { "monolithicSparse" },
        unit_bytes: Some(sparse.grain),
        compression: compressed.then_some("deflate"),
        warnings: findings.warnings,
        ..Info::new(Format::Vmdk, sparse.size)
    };
    Ok(Disk { guest: Arc::new(sparse), info })
}

/// The header, or the footer where the header leaves the directory's place to it. Both have passed the check.
pub(super) fn true_header(file: &dyn ReadAt) -> io::Result<Header> {
    let at = |offset: u64| -> io::Result<Header> {
        let mut sector = [0; HEADER_BYTES];
        file.read_at(offset, &mut sector)?;
        Header::parse(&sector).ok_or_else(|| corrupt("VMDK: header"))
    };
    let header = at(0)?;
    if header.directory != DIRECTORY_AT_END {
        return Ok(header);
    }
    at(file.size_bytes().checked_sub(TAIL_BYTES as u64 - SECTOR).ok_or_else(past_the_end)?)
}

/// Little-endian words from a sector on. The caller has bounded `count`; that they are in the file is seen here, before
/// room is made for them.
pub(super) fn read_words(file: &dyn ReadAt, sector: u64, count: u64) -> io::Result<Vec<u32>> {
    let outside = || corrupt(format!("VMDK: a table at sector {sector} lies outside the file"));
    let at = sector.checked_mul(SECTOR).ok_or_else(outside)?;
    if !crate::fields::fits(at, count, 4, file.size_bytes()) {
        return Err(outside());
    }
    let mut bytes = vec![0; usize::try_from(count * 4).map_err(|_| outside())?];
    file.read_at(at, &mut bytes)?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

impl Sparse {
    fn new(file: Arc<dyn ReadAt>) -> io::Result<Sparse> {
        let header = true_header(&*file)?;
        let size = header.capacity.checked_mul(SECTOR).ok_or_else(|| corrupt("VMDK: capacity"))?;
        let entries = header.directory_entries().ok_or_else(|| corrupt("VMDK: grain directory"))?;
        let directory = read_words(&*file, header.directory, entries)?;
        let grain = header.grain * SECTOR;
        let packing = match (header.compression, header.flags & FLAG_MARKERS != 0) {
            (0, _) => Packing::Plain,
            (_, true) => Packing::Marked,
            (_, false) => Packing::Bare,
        };
        let grains_kept = usize::try_from(UNPACKED_KEPT_BYTES / grain).unwrap_or(0).max(2);
        Ok(Sparse {
            size,
            grain,
            table_entries: header.table_entries.into(),
            zero_grains: header.flags & FLAG_ZERO_GRAINS != 0,
            packing,
            directory,
            tables: Recent::new(TABLES_KEPT),
            unpacked: Recent::new(grains_kept),
            file,
        })
    }

    /// The table that covers `index`, a grain's number; none when it was never written.
    fn table(&self, number: u64) -> io::Result<Option<Arc<Vec<u32>>>> {
        let place = usize::try_from(number).ok().and_then(|number| self.directory.get(number)).copied();
        let sector = place.ok_or_else(|| corrupt("VMDK: the directory is too short"))?;
        if sector == 0 {
            return Ok(None);
        }
        if let Some(table) = self.tables.get(number) {
            return Ok(Some(table));
        }
        let table = Arc::new(read_words(&*self.file, sector.into(), self.table_entries)?);
        self.tables.put(number, Arc::clone(&table));
        Ok(Some(table))
    }

    fn grain_in(&self, table: &[u32], index: u64) -> io::Result<Grain> {
        let entry = usize::try_from(index % self.table_entries).ok().and_then(|at| table.get(at)).copied();
        match entry.ok_or_else(|| corrupt("VMDK: a grain table is too short"))? {
            0 => Ok(Grain::Hole),
            1 if self.zero_grains => Ok(Grain::Zero),
            sector => Ok(Grain::At(u64::from(sector) * SECTOR)),
        }
    }

    fn grain(&self, index: u64) -> io::Result<Grain> {
        match self.table(index / self.table_entries)? {
            Some(table) => self.grain_in(&table, index),
            None => Ok(Grain::Hole),
        }
    }

    /// How much of a grain belongs to the disk: all of it, but for the last one.
    fn grain_len(&self, index: u64) -> u64 {
        self.grain.min(self.size - index * self.grain)
    }

    fn read_grain(&self, index: u64, within: u64, buf: &mut [u8]) -> io::Result<()> {
        let at = match self.grain(index)? {
            Grain::Hole | Grain::Zero => {
                buf.fill(0);
                return Ok(());
            }
            Grain::At(at) => at,
        };
        if self.packing == Packing::Plain {
            let missing = |error: io::Error| match error.kind() {
                io::ErrorKind::UnexpectedEof => corrupt(format!("VMDK: grain {index} lies outside the file")),
                _ => error,
            };
            return self.file.read_at(at + within, buf).map_err(missing);
        }
        if buf.len() as u64 == self.grain {
            return self.unpack(index, at, buf);
        }
        let grain = match self.unpacked.get(index) {
            Some(grain) => grain,
            None => {
                let mut grain = vec![0; usize::try_from(self.grain).map_err(io::Error::other)?];
                self.unpack(index, at, &mut grain)?;
                let grain = Arc::new(grain);
                self.unpacked.put(index, Arc::clone(&grain));
                grain
            }
        };
        let start = usize::try_from(within).map_err(io::Error::other)?;
        buf.copy_from_slice(&grain[start..start + buf.len()]);
        Ok(())
    }

    /// Unpacks the grain that stands at `at` into exactly one grain's room.
    fn unpack(&self, index: u64, at: u64, grain: &mut [u8]) -> io::Result<()> {
        let wrong = |what: &str| corrupt(format!("VMDK: grain {index}: {what}"));
        // no stream that is worth it is longer than what it packs, but for a few bytes
        let packed_max = 2 * self.grain;
        let rest = self.file.size_bytes().checked_sub(at).ok_or_else(|| wrong("it lies outside the file"))?;
        let (at, len) = if self.packing == Packing::Marked {
            let mut marker = [0; MARKER_BYTES];
            self.file.read_at(at, &mut marker).map_err(|_| wrong("its marker lies outside the file"))?;
            let (lba, len) = (le64(&marker, 0).unwrap_or(0), u64::from(le32(&marker, 8).unwrap_or(0)));
            if lba != index * (self.grain / SECTOR) {
                return Err(wrong("its marker is another grain's"));
            }
            if len == 0 || len > packed_max || len > rest.saturating_sub(MARKER_BYTES as u64) {
                return Err(wrong("its length is wild"));
            }
            (at + MARKER_BYTES as u64, len)
        } else {
            (at, rest.min(packed_max))
        };
        let mut packed = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.file.read_at(at, &mut packed)?;
        let mut inflate = flate2::Decompress::new(true);
        let status = inflate.decompress(&packed, grain, flate2::FlushDecompress::Finish);
        let made = inflate.total_out();
        match status {
            Ok(flate2::Status::StreamEnd) if made >= self.grain_len(index) => {
                grain[usize::try_from(made).map_err(io::Error::other)?..].fill(0);
                Ok(())
            }
            Ok(flate2::Status::StreamEnd) => Err(wrong("it unpacks to less than a grain")),
            Ok(_) => Err(wrong("it is cut short, or unpacks to more than a grain")),
            Err(_) => Err(wrong("it cannot be unpacked")),
        }
    }
}

impl ReadAt for Sparse {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size);
        end.ok_or_else(past_the_end)?;
        let (mut offset, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let (index, within) = (offset / self.grain, offset % self.grain);
            let len = (self.grain - within).min(rest.len() as u64);
            let (piece, later) = rest.split_at_mut(usize::try_from(len).map_err(io::Error::other)?);
            self.read_grain(index, within, piece)?;
            (offset, rest) = (offset + len, later);
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        if offset >= self.size {
            return Err(past_the_end());
        }
        let first = offset / self.grain;
        let number = first / self.table_entries;
        let Some(table) = self.table(number)? else {
            let from = usize::try_from(number).map_err(io::Error::other)?;
            let empty =
                self.directory[from..].iter().take(HOLE_TABLES_MAX).take_while(|&&sector| sector == 0).count() as u64;
            return Ok(self.run(offset, (number + empty) * self.table_entries, RunKind::Hole));
        };
        let kind_of = |index| {
            self.grain_in(&table, index).map(|grain| match grain {
                Grain::Hole => RunKind::Hole,
                Grain::Zero => RunKind::Zero,
                Grain::At(_) => RunKind::Data,
            })
        };
        let kind = kind_of(first)?;
        let mut next = first + 1;
        while next < (number + 1) * self.table_entries && kind_of(next)? == kind {
            next += 1;
        }
        Ok(self.run(offset, next, kind))
    }
}

impl Sparse {
    /// The run from `offset` up to grain number `end`.
    fn run(&self, offset: u64, end: u64, kind: RunKind) -> Run {
        Run { len: end.saturating_mul(self.grain).min(self.size) - offset, kind }
    }
}
