//! Files that were not closed cleanly: made by writing one of ours and putting a log into it.

use std::sync::Arc;

use super::view;
use crate::crc32c::crc32c_with_hole;
use crate::fields::put;
use crate::{Disk, Format, OpenError, ReadAt, Refusal, Warning, open};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const PAGE: usize = 4 * KIB;
const LOG_AT: usize = MIB;
const BLOCK_TABLE_AT: usize = 3 * MIB;
const BLOCKS_AT: usize = 4 * MIB;
const GUID: [u8; 16] = [7; 16];

enum Change {
    Page(usize, Box<[u8; PAGE]>),
    Zeros(usize, usize),
}

/// A file of a disk of 6 MiB that holds nines in its first block of 2 MiB.
fn clean() -> Vec<u8> {
    let mut disk = vec![0; 6 * MIB];
    disk[..2 * MIB].fill(9);
    let disk = Holes(disk);
    let file = view(Arc::new(disk)).unwrap();
    let mut bytes = vec![0; usize::try_from(file.size_bytes()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// Bytes whose second 2 MiB and everything behind are a hole.
struct Holes(Vec<u8>);

impl ReadAt for Holes {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.0.read_at(offset, buf)
    }

    fn run_at(&self, offset: u64) -> std::io::Result<crate::Run> {
        let data = 2 * MIB as u64;
        Ok(if offset < data {
            crate::Run { len: data - offset, kind: crate::RunKind::Data }
        } else {
            crate::Run { len: self.size_bytes() - offset, kind: crate::RunKind::Hole }
        })
    }
}

/// An entry of the log. `tail` is the place in the log of the oldest entry needed.
fn entry(sequence: u64, tail: usize, file_bytes: u64, changes: &[Change]) -> Vec<u8> {
    let descriptors = (64 + 32 * changes.len()).next_multiple_of(PAGE);
    let mut entry = vec![0; descriptors];
    for (index, change) in changes.iter().enumerate() {
        let at = 64 + 32 * index;
        match change {
            Change::Page(to, page) => {
                put(&mut entry, at, b"desc");
                put(&mut entry, at + 4, &page[PAGE - 4..]);
                put(&mut entry, at + 8, &page[..8]);
                put(&mut entry, at + 16, &(*to as u64).to_le_bytes());
                let mut data = page.to_vec();
                let [high, low] = [sequence >> 32, sequence].map(|half| u32::try_from(half & 0xffff_ffff).unwrap());
                put(&mut data, 0, b"data");
                put(&mut data, 4, &high.to_le_bytes());
                put(&mut data, PAGE - 4, &low.to_le_bytes());
                entry.extend(data);
            }
            Change::Zeros(to, len) => {
                put(&mut entry, at, b"zero");
                put(&mut entry, at + 8, &(*len as u64).to_le_bytes());
                put(&mut entry, at + 16, &(*to as u64).to_le_bytes());
            }
        }
        put(&mut entry, at + 24, &sequence.to_le_bytes());
    }
    let len = u32::try_from(entry.len()).unwrap();
    put(&mut entry, 0, b"loge");
    put(&mut entry, 8, &len.to_le_bytes());
    put(&mut entry, 12, &u32::try_from(tail).unwrap().to_le_bytes());
    put(&mut entry, 16, &sequence.to_le_bytes());
    put(&mut entry, 24, &u32::try_from(changes.len()).unwrap().to_le_bytes());
    put(&mut entry, 32, &GUID);
    put(&mut entry, 48, &(6 * MIB as u64).to_le_bytes());
    put(&mut entry, 56, &file_bytes.to_le_bytes());
    seal(&mut entry);
    entry
}

fn seal(structure: &mut [u8]) {
    let sum = crc32c_with_hole(structure, 4);
    put(structure, 4, &sum.to_le_bytes());
}

/// The file with these entries in its log, from a place in the log on, around its end if need be.
fn with_log(start: usize, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut file = clean();
    let newer = 128 * KIB;
    put(&mut file, newer + 48, &GUID);
    seal(&mut file[newer..newer + PAGE]);
    for (index, page) in entries.concat().chunks(PAGE).enumerate() {
        put(&mut file, LOG_AT + (start + index * PAGE) % MIB, page);
    }
    file
}

fn opened(file: Vec<u8>) -> Disk {
    open(Arc::new(file), Format::Vhdx).unwrap()
}

fn refusals(file: Vec<u8>) -> Vec<Refusal> {
    match open(Arc::new(file), Format::Vhdx) {
        Err(OpenError::Refused(refusals)) => refusals,
        other => panic!("{other:?}"),
    }
}

fn page_of(disk: &Disk, at: usize) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    disk.guest.read_at(at as u64, &mut page).unwrap();
    page
}

/// A page whose ends differ from its middle: those travel elsewhere than the rest.
fn page(fill: u8) -> [u8; PAGE] {
    let mut page = [fill; PAGE];
    page[..8].copy_from_slice(b"leading!");
    page[PAGE - 4..].copy_from_slice(b"tail");
    page
}

const SIZE: u64 = 6 * MIB as u64;

#[test]
fn changes_in_the_log_are_seen_and_newer_ones_win() {
    let first = entry(
        5,
        0,
        SIZE,
        &[
            Change::Page(BLOCKS_AT, Box::new(page(1))),
            Change::Page(BLOCKS_AT + PAGE, Box::new(page(2))),
            Change::Zeros(BLOCKS_AT + 4 * PAGE, 8 * PAGE),
        ],
    );
    let second = entry(
        6,
        0,
        SIZE,
        &[
            Change::Page(BLOCKS_AT + PAGE, Box::new(page(3))),
            Change::Page(BLOCKS_AT + 6 * PAGE, Box::new(page(4))),
            Change::Zeros(BLOCKS_AT, PAGE),
        ],
    );
    // around the end of the log, too
    for start in [0, MIB - PAGE, MIB - 3 * PAGE] {
        let tail = u32::try_from(start).unwrap();
        let placed = [&first, &second].map(|entry| {
            let mut entry = entry.clone();
            put(&mut entry, 12, &tail.to_le_bytes());
            seal(&mut entry);
            entry
        });
        let disk = opened(with_log(start, &placed));
        assert_eq!(disk.info.warnings, [Warning::Dirty]);
        assert_eq!(page_of(&disk, 0), [0; PAGE]);
        assert_eq!(page_of(&disk, PAGE), page(3));
        assert_eq!(page_of(&disk, 2 * PAGE), [9; PAGE]);
        assert_eq!(page_of(&disk, 5 * PAGE), [0; PAGE]);
        assert_eq!(page_of(&disk, 6 * PAGE), page(4));
        assert_eq!(page_of(&disk, 7 * PAGE), [0; PAGE]);
        assert_eq!(page_of(&disk, 12 * PAGE), [9; PAGE]);
        // a read that begins and ends within pages
        let mut across = vec![0; 2 * PAGE];
        disk.guest.read_at(PAGE as u64 / 2, &mut across).unwrap();
        assert_eq!(across, [&[0; PAGE / 2], &page(3)[..], &[9; PAGE / 2]].concat());
        assert_eq!(disk.guest.run_at(4 * PAGE as u64).unwrap().kind, crate::RunKind::Zero);
    }
}

#[test]
fn a_block_that_only_the_log_knows_of() {
    // the second block of the disk comes to lie behind the end of the file as it is
    let mut table = [0; PAGE];
    put(&mut table, 0, &(BLOCKS_AT as u64 | 6).to_le_bytes());
    put(&mut table, 8, &((BLOCKS_AT as u64 + 2 * MIB as u64) | 6).to_le_bytes());
    let changes = [Change::Page(BLOCK_TABLE_AT, Box::new(table)), Change::Page(BLOCKS_AT + 2 * MIB, Box::new(page(5)))];
    let disk = opened(with_log(0, &[entry(1, 0, SIZE + 2 * MIB as u64, &changes)]));
    assert_eq!(page_of(&disk, 2 * MIB), page(5));
    assert_eq!(page_of(&disk, 2 * MIB + PAGE), [0; PAGE]);
    assert_eq!(page_of(&disk, 4 * MIB), [0; PAGE]);
    assert_eq!(page_of(&disk, 0), [9; PAGE]);
}

#[test]
fn only_what_the_newest_entry_needs_is_replayed() {
    let old = entry(5, 0, SIZE, &[Change::Page(BLOCKS_AT, Box::new(page(1)))]);
    let new = entry(6, old.len(), SIZE, &[Change::Page(BLOCKS_AT + PAGE, Box::new(page(2)))]);
    let disk = opened(with_log(0, &[old, new]));
    assert_eq!(page_of(&disk, 0), [9; PAGE], "it had been written to its place before");
    assert_eq!(page_of(&disk, PAGE), page(2));
}

#[test]
fn left_overs_of_earlier_rounds_do_not_count() {
    let stale = entry(3, 0, SIZE, &[Change::Page(BLOCKS_AT, Box::new(page(1)))]);
    let gap = entry(9, stale.len(), SIZE, &[Change::Page(BLOCKS_AT + PAGE, Box::new(page(2)))]);
    let disk = opened(with_log(0, &[stale.clone(), gap]));
    assert_eq!((page_of(&disk, 0), page_of(&disk, PAGE)), ([9; PAGE], page(2)));
    // an entry of another log is none, nor is one that was only half written
    for (at, field) in [(32, 8_u8), (PAGE + 100, 0xff), (PAGE, b'x')] {
        let mut broken = entry(4, 0, SIZE, &[Change::Page(BLOCKS_AT, Box::new(page(2)))]);
        broken[at] = field;
        if at != PAGE + 100 {
            seal(&mut broken);
        }
        let disk = opened(with_log(0, &[stale.clone(), broken]));
        assert_eq!(page_of(&disk, 0), page(1), "{at}");
    }
}

#[test]
fn logs_that_cannot_be_replayed() {
    let is_log = |refusals: Vec<Refusal>| {
        assert!(matches!(refusals[..], [Refusal::Inconsistent { field: "VHDX log", .. }]), "{refusals:?}");
    };
    is_log(refusals(with_log(0, &[])));
    // the newest entry needs one that is not there
    is_log(refusals(with_log(0, &[entry(6, 64 * KIB, SIZE, &[])])));
    is_log(refusals(with_log(0, &[entry(6, 0, 1 << 60, &[])])));
    let odd = [Change::Page(BLOCKS_AT + 1, Box::new(page(1)))];
    is_log(refusals(with_log(0, &[entry(6, 0, SIZE, &odd)])));
    let endless = [Change::Zeros(usize::MAX - PAGE + 1, 2 * PAGE)];
    is_log(refusals(with_log(0, &[entry(6, 0, SIZE, &endless)])));
    // a file that was cut since
    let mut cut = with_log(0, &[entry(6, 0, SIZE, &[])]);
    cut.truncate(5 * MIB);
    assert_eq!(refusals(cut), [Refusal::OutsideFile { field: "VHDX log" }]);
}

#[test]
fn entries_that_overlap_a_thousand_times_are_given_up_on() {
    // each page of the log claims to begin an entry as long as the log
    let mut head = entry(1, 0, SIZE, &[]);
    put(&mut head, 8, &u32::try_from(MIB).unwrap().to_le_bytes());
    let found = refusals(with_log(0, &vec![head; MIB / PAGE]));
    assert_eq!(found, [Refusal::Inconsistent { field: "VHDX log", why: "its entries overlap" }]);
}
