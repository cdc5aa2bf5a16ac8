//! The disk inside a ZVHD. Its records form one stream, so a block can only be unpacked behind the one before it, unless
//! the writer let it refer to nothing before it (ours does): that is tried first.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::page::{BLOCK_BYTES, Kind, PAGE, Page};
use super::record::{HEAD_BYTES, Head, payload_max};
use super::unpack::{WINDOW_BYTES, inflate_part};
use crate::evidence::Evidence;
use crate::limits::repeated_bytes_max;
use crate::open::accepted;
use crate::recent::Recent;
use crate::{Disk, Format, Info, OpenError, ReadAt, Refusal, Run, RunKind, corrupt, past_the_end};

const BLOCK: u64 = BLOCK_BYTES as u64;
const BLOCKS_KEPT: usize = 8;
/// 8 TiB of blocks: the list of records is kept in memory, 16 bytes each.
const RECORDS_MAX: usize = 1 << 22;
/// Places where unpacking can begin again: 8 MiB of windows.
const MARKS_MAX: usize = 256;
/// The zlib header, at the start of the first record.
const STREAM_START_BYTES: u32 = 2;

/// Opens a ZVHD by walking its records' heads.
pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Disk, OpenError> {
    let evidence = Evidence::gather(&*file)?;
    let (findings, page) = Page::examine(&evidence.head);
    accepted(findings)?;
    let page = page.filter(|page| page.kind == Kind::Stream).ok_or_else(|| corrupt("it is no ZVHD"))?;
    let records = records(&*file, &evidence, page.current_bytes)?;
    let info = Info {
        variant: "experimental",
        unit_bytes: Some(BLOCK),
        compression: Some("zlib"),
        ..Info::new(Format::Zvhd, page.current_bytes)
    };
    Ok(Disk { guest: Arc::new(StreamDisk::new(file, page.current_bytes, records)), info })
}

/// Where a block is packed.
#[derive(Debug, Clone, Copy)]
struct Record {
    payload_at: u64,
    payload_bytes: u32,
    block: u32,
}

/// The records from the header page to the trailer page, which ends the file.
fn records(file: &dyn ReadAt, evidence: &Evidence, size: u64) -> Result<Vec<Record>, OpenError> {
    let inconsistent = |why| OpenError::Refused(vec![Refusal::Inconsistent { field: "ZVHD records", why }]);
    let blocks = size.div_ceil(BLOCK);
    let mut records: Vec<Record> = Vec::new();
    let mut at = PAGE;
    loop {
        if at + PAGE > evidence.total {
            return Err(OpenError::Refused(vec![Refusal::Truncated { field: "ZVHD trailer" }]));
        }
        let mut start = [0; 16];
        file.read_at(at, &mut start)?;
        if Page::recognise(&start) == Some(Kind::Stream) {
            break;
        }
        let head = Head::read(file, at, payload_max(BLOCK))?;
        let rises = records.last().is_none_or(|last| last.block < head.block);
        if !rises || u64::from(head.block) >= blocks {
            return Err(inconsistent("blocks must rise within the disk"));
        }
        if records.len() == RECORDS_MAX {
            return Err(inconsistent("there may be at most 2^22"));
        }
        records.push(Record {
            payload_at: at + HEAD_BYTES as u64,
            payload_bytes: head.payload_bytes,
            block: head.block,
        });
        at += head.record_bytes();
    }
    if at + PAGE != evidence.total {
        return Err(inconsistent("nothing may follow the trailer"));
    }
    if let Some(first) = records.first_mut() {
        let rest = first.payload_bytes.checked_sub(STREAM_START_BYTES);
        first.payload_bytes = rest.ok_or_else(|| inconsistent("the first is empty"))?;
        let mut start = [0; STREAM_START_BYTES as usize];
        file.read_at(first.payload_at, &mut start)?;
        // deflate with any window, no preset dictionary, a check that makes it a multiple of 31
        let is_zlib = start[0] & 0x0f == 8 && start[1] & 0x20 == 0 && u16::from_be_bytes(start).is_multiple_of(31);
        if !is_zlib {
            return Err(inconsistent("the first does not begin a zlib stream"));
        }
        first.payload_at += u64::from(STREAM_START_BYTES);
    }
    Ok(records)
}

struct StreamDisk {
    file: Arc<dyn ReadAt>,
    size: u64,
    records: Vec<Record>,
    blocks: Recent<Arc<[u8]>>,
    /// Some record refers to what came before it, so the stream must be followed.
    is_chained: AtomicBool,
    chain: Mutex<Chain>,
}

/// Where the stream has been followed to.
#[derive(Default)]
struct Chain {
    /// The record that comes next, and the window before it.
    next: usize,
    window: Arc<[u8]>,
    /// Windows before some records, in rising order: places to begin again.
    marks: Vec<(usize, Arc<[u8]>)>,
    /// Blocks unpacked again for reads that went back.
    repeated: u64,
}

impl StreamDisk {
    fn new(file: Arc<dyn ReadAt>, size: u64, records: Vec<Record>) -> StreamDisk {
        StreamDisk {
            file,
            size,
            records,
            blocks: Recent::new(BLOCKS_KEPT),
            is_chained: AtomicBool::new(false),
            chain: Mutex::default(),
        }
    }

    /// The record of a block, or the first behind it as the error.
    fn find(&self, block: u64) -> Result<usize, usize> {
        self.records.binary_search_by_key(&block, |record| record.block.into())
    }

    fn unpack(&self, record: usize, window: &[u8]) -> io::Result<Arc<[u8]>> {
        let record = self.records.get(record).ok_or_else(past_the_end)?;
        let mut payload = vec![0; usize::try_from(record.payload_bytes).map_err(|_| past_the_end())?];
        self.file.read_at(record.payload_at, &mut payload)?;
        let mut block = vec![0; usize::try_from(BLOCK).map_err(|_| past_the_end())?];
        inflate_part(window, &payload, &mut block)?;
        Ok(block.into())
    }

    fn block(&self, record: usize) -> io::Result<Arc<[u8]>> {
        if let Some(block) = self.blocks.get(record as u64) {
            return Ok(block);
        }
        if !self.is_chained.load(Ordering::Relaxed) {
            if let Ok(block) = self.unpack(record, &[]) {
                self.blocks.put(record as u64, Arc::clone(&block));
                return Ok(block);
            }
            // or it is damaged: then following the stream will say so
            self.is_chained.store(true, Ordering::Relaxed);
        }
        self.follow(record)
    }

    /// Unpacks everything from the last place known up to `record`.
    fn follow(&self, record: usize) -> io::Result<Arc<[u8]>> {
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        // another thread may have passed by meanwhile
        if let Some(block) = self.blocks.get(record as u64) {
            return Ok(block);
        }
        let allowed = repeated_bytes_max(self.records.len() as u64 * BLOCK) / BLOCK;
        chain.go_before(record, allowed)?;
        let stride = self.records.len().div_ceil(MARKS_MAX);
        loop {
            let current = chain.next;
            let block = self.unpack(current, &chain.window)?;
            self.blocks.put(current as u64, Arc::clone(&block));
            chain.window = block[block.len() - WINDOW_BYTES..].into();
            chain.next = current + 1;
            if chain.next.is_multiple_of(stride) && chain.marks.last().is_none_or(|(last, _)| *last < chain.next) {
                let mark = (chain.next, Arc::clone(&chain.window));
                chain.marks.push(mark);
            }
            if current == record {
                return Ok(block);
            }
        }
    }
}

impl Chain {
    /// Stands before `record`, as near as is known without unpacking. [`io::ErrorKind::Unsupported`] when reads went
    /// back over more than so many blocks by now.
    fn go_before(&mut self, record: usize, allowed: u64) -> io::Result<()> {
        let behind = self.marks.partition_point(|(mark, _)| *mark <= record);
        let mark = behind.checked_sub(1).and_then(|mark| self.marks.get(mark));
        let (start, window) = mark.map_or((0, [].into()), |(start, window)| (*start, Arc::clone(window)));
        if self.next > record {
            self.repeated += (record - start) as u64;
        }
        if self.repeated > allowed {
            let message = "reads go back too often for a disk whose blocks lean on each other; convert it first";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        if self.next > record || self.next < start {
            (self.next, self.window) = (start, window);
        }
        Ok(())
    }
}

impl ReadAt for StreamDisk {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        let mut at = offset;
        while !buf.is_empty() {
            let within = usize::try_from(at % BLOCK).map_err(|_| past_the_end())?;
            let left = usize::try_from(BLOCK).map_err(|_| past_the_end())? - within;
            let (now, later) = buf.split_at_mut(left.min(buf.len()));
            match self.find(at / BLOCK) {
                Ok(record) => now.copy_from_slice(&self.block(record)?[within..within + now.len()]),
                Err(_) => now.fill(0),
            }
            at += now.len() as u64;
            buf = later;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let left = self.size.checked_sub(offset).filter(|&left| left > 0).ok_or_else(past_the_end)?;
        let until = |block: u64| (block * BLOCK - offset).min(left);
        Ok(match self.find(offset / BLOCK) {
            Ok(_) => Run { len: until(offset / BLOCK + 1), kind: RunKind::Data },
            Err(next) => {
                let len = self.records.get(next).map_or(left, |record| until(record.block.into()));
                Run { len, kind: RunKind::Hole }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_is_not_for_ever() {
        let mut chain = Chain { marks: vec![(4, [].into())], ..Chain::default() };
        // forwards, and back to a mark, is what any reader may do
        for record in [3, 9, 4, 6] {
            chain.go_before(record, 5).unwrap();
            chain.next = record + 1;
        }
        assert_eq!(chain.repeated, 0);
        chain.go_before(6, 5).unwrap();
        chain.next = 7;
        chain.go_before(3, 5).unwrap();
        assert_eq!((chain.next, chain.repeated), (0, 5));
        chain.next = 7;
        assert_eq!(chain.go_before(6, 5).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
