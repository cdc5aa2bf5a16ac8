//! Files put together here, from the parts and against them.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};

use super::page::{BLOCK_BYTES, Kind, Page};
use super::record::Head;
use crate::fields::put;
use crate::formats::vhd::byte_sum;
use crate::{Disk, Export, Format, OpenError, ReadAt, Refusal, Target, open};

const BLOCK: usize = BLOCK_BYTES as usize;
const PAGE: usize = 4096;
const GIB: u64 = 1 << 30;

/// Bytes of one block that repeat those of the block before it, 20 KB back.
fn block(number: u32) -> Vec<u8> {
    let mut state = 0x1234_5677_u32;
    let piece: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[2]
    })
    .take(20_000)
    .collect();
    let mut bytes: Vec<u8> = piece.iter().copied().cycle().skip(number as usize * BLOCK % 20_000).take(BLOCK).collect();
    bytes[100] = number.to_le_bytes()[0];
    bytes
}

/// A ZVHD as its vendor is said to write it: one compressor for the whole stream, so that blocks lean on each other.
fn chained(blocks: &[u32]) -> Vec<u8> {
    let page = Page::new(Kind::Stream, GIB - 5, None).to_bytes();
    let mut file = page.clone();
    let mut deflate = Compress::new(Compression::new(1), true);
    for &number in blocks {
        let mut payload = Vec::with_capacity(2 * BLOCK);
        deflate.compress_vec(&block(number), &mut payload, FlushCompress::Sync).unwrap();
        let head = Head { payload_bytes: u32::try_from(payload.len()).unwrap(), block: number };
        file.extend(head.to_bytes());
        file.extend(payload);
        file.extend(head.tail());
    }
    file.extend(page);
    file
}

fn opened(file: Vec<u8>, format: Format) -> Disk {
    open(Arc::new(file), format).unwrap()
}

fn error_of(file: Vec<u8>, format: Format) -> OpenError {
    open(Arc::new(file), format).unwrap_err()
}

#[track_caller]
fn assert_refused(file: Vec<u8>, format: Format, wanted: &Refusal) {
    match error_of(file, format) {
        OpenError::Refused(refusals) => assert!(refusals.contains(wanted), "{refusals:?}"),
        other => panic!("{other}"),
    }
}

/// A change to a page, its checksum made right again.
fn sealed(page: &mut [u8], at: usize, field: &[u8]) {
    put(page, at, field);
    let sum = !byte_sum(&page[..512], 64);
    put(page, 64, &sum.to_le_bytes());
}

#[test]
fn blocks_that_lean_on_each_other_are_read_in_any_order() {
    let stored = [0, 1, 2, 5, 6, 40, 41];
    let disk = opened(chained(&stored), Format::Zvhd);
    assert_eq!(disk.info.virtual_size_bytes, GIB);
    for number in [41, 0, 5, 3, 40, 2, 6, 1, 511, 41] {
        let mut bytes = vec![7; BLOCK];
        disk.guest.read_at(u64::from(number) * BLOCK as u64, &mut bytes).unwrap();
        let expected = if stored.contains(&number) { block(number) } else { vec![0; BLOCK] };
        assert!(bytes == expected, "{number}");
    }
    let run = disk.guest.run_at(3 * BLOCK as u64 + 9).unwrap();
    assert_eq!((run.len, run.kind.is_zero()), (2 * BLOCK as u64 - 9, true));
}

#[test]
fn chains_longer_than_the_places_to_begin_again() {
    // 256 marks are kept; every third block of these has one
    let stored: Vec<u32> = (0..20).collect();
    let disk = opened(chained(&stored), Format::Zvhd);
    for number in (0..20).rev() {
        let mut byte = [0];
        disk.guest.read_at(u64::from(number) * BLOCK as u64 + 100, &mut byte).unwrap();
        assert_eq!(u32::from(byte[0]), number);
    }
}

#[test]
fn pages_that_depart_from_the_layout() {
    let file = chained(&[0]);
    let changed = |at: usize, field: &[u8]| {
        let mut file = file.clone();
        sealed(&mut file[..PAGE], at, field);
        file
    };
    let mut unsealed = file.clone();
    unsealed[70] ^= 1;
    assert_refused(unsealed, Format::Zvhd, &Refusal::BadChecksum { field: "ZVHD page" });
    let inconsistent = |field, why| Refusal::Inconsistent { field, why };
    assert_refused(changed(60, &[3]), Format::Zvhd, &inconsistent("ZVHD type", "it must be 4"));
    let size = inconsistent("ZVHD disk size", "whole sectors, not fewer than the original size");
    assert_refused(changed(48, &[1]), Format::Zvhd, &size);
    assert_refused(changed(40, &(2 * GIB).to_le_bytes()), Format::Zvhd, &size);
    let absurd = u64::MAX - 511;
    assert_refused(changed(48, &absurd.to_le_bytes()), Format::Zvhd, &Refusal::SizeAbsurd { bytes: absurd });
}

#[test]
fn records_that_depart_from_the_layout() {
    let records = |why| Refusal::Inconsistent { field: "ZVHD records", why };
    assert_refused(chained(&[1, 1]), Format::Zvhd, &records("blocks must rise within the disk"));
    assert_refused(chained(&[5, 4]), Format::Zvhd, &records("blocks must rise within the disk"));
    assert_refused(chained(&[512]), Format::Zvhd, &records("blocks must rise within the disk"));
    let file = chained(&[0, 1]);
    let longer = [file.clone(), vec![0; PAGE]].concat();
    assert_refused(longer, Format::Zvhd, &records("nothing may follow the trailer"));
    let cut = file[..file.len() - PAGE].to_vec();
    assert_refused(cut, Format::Zvhd, &Refusal::Truncated { field: "ZVHD trailer" });
    for (at, field) in [(PAGE, &b"x"[..]), (PAGE + 12, &[0xff; 4])] {
        let mut file = file.clone();
        put(&mut file, at, field);
        assert!(matches!(error_of(file, Format::Zvhd), OpenError::Corrupt(_)), "{at}");
    }
    let mut no_zlib = file;
    no_zlib[PAGE + 48] = 0x79;
    assert_refused(no_zlib, Format::Zvhd, &records("the first does not begin a zlib stream"));
}

#[test]
fn records_that_hold_more_or_less_than_a_block() {
    for len in [BLOCK - 1, BLOCK + 1, 64 * BLOCK] {
        let mut payload = Vec::with_capacity(BLOCK);
        let mut deflate = Compress::new(Compression::new(1), true);
        deflate.compress_vec(&vec![9; len], &mut payload, FlushCompress::Sync).unwrap();
        let page = Page::new(Kind::Stream, GIB, None).to_bytes();
        let head = Head { payload_bytes: u32::try_from(payload.len()).unwrap(), block: 0 };
        let file = [page.clone(), head.to_bytes(), payload, head.tail(), page].concat();
        let error = opened(file, Format::Zvhd).guest.read_at(0, &mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{len}: {error}");
    }
}

/// A ZVHD2 of a disk of a few blocks.
fn indexed() -> Vec<u8> {
    let disk: Vec<u8> = [block(0), vec![0; BLOCK], block(2), block(3)].concat();
    let export = Export::new(Arc::new(disk), Target::Zvhd2, None).unwrap();
    let mut file = Vec::new();
    let sink = &mut |part: &[u8]| {
        file.extend_from_slice(part);
        Ok(())
    };
    export.write(1, sink).unwrap();
    file
}

#[test]
fn an_index_that_departs_from_the_layout() {
    let file = indexed();
    let last = file.len() - PAGE;
    let changed = |at: usize, field: &[u8]| {
        let mut file = file.clone();
        sealed(&mut file[last..], at, field);
        file
    };
    let inconsistent = |field, why| Refusal::Inconsistent { field, why };
    let cases: [(usize, &[u8], Refusal); 11] = [
        (87, &[2], Refusal::UnsupportedVersion { what: "ZVHD2", version: 2 }),
        (88, &[1], inconsistent("ZVHD2 block size", "a power of two from 1 to 32 MiB")),
        (92, &[1], inconsistent("ZVHD2 block count", "blocks must cover the disk")),
        (96, &[0xff; 8], Refusal::OutsideFile { field: "ZVHD2 index" }),
        (104, &[0xff; 8], Refusal::OutsideFile { field: "ZVHD2 bitmap" }),
        (120, &[1], inconsistent("ZVHD2 segments", "512 KiB of index, 4 KiB of bitmap")),
        (132, &[0], inconsistent("ZVHD2 bitmap", "it must have a bit for each block")),
        (132, &[0xff; 4], Refusal::OutsideFile { field: "ZVHD2 bitmap" }),
        (136, &[4], inconsistent("ZVHD2 bitmap", "it counts other blocks")),
        (140, &[1], inconsistent("ZVHD2 index", "it may not list blocks of zeros")),
        (141, &[2], inconsistent("ZVHD2 method", "it must be zlib or zstd")),
    ];
    for (at, field, refusal) in cases {
        assert_refused(changed(at, field), Format::Zvhd2, &refusal);
    }
    let index_at = usize::try_from(u64::from_le_bytes(*file[last + 96..].first_chunk().unwrap())).unwrap();
    let damaged = |at: usize, field: &[u8]| {
        let mut file = file.clone();
        put(&mut file, at, field);
        file
    };
    let order = inconsistent("ZVHD2 index", "it must list the blocks of the bitmap in order");
    assert_refused(damaged(index_at + 8, &[1]), Format::Zvhd2, &order);
    let outside = Refusal::OutsideFile { field: "ZVHD2 record" };
    assert_refused(damaged(index_at + 4, &[1]), Format::Zvhd2, &outside);
    // the record itself is looked at when it is read
    for (at, field) in [(PAGE, &b"x"[..]), (PAGE + 16, &[1]), (PAGE + 60, &[0; 40])] {
        let error = opened(damaged(at, field), Format::Zvhd2).guest.read_at(0, &mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{at}: {error}");
    }
}

#[test]
fn zlib_blocks_with_an_index() {
    // the other method, by hand: one record, its index, its bitmap
    let mut payload = Vec::with_capacity(BLOCK);
    let mut deflate = Compress::new(Compression::new(1), true);
    deflate.compress_vec(&block(7), &mut payload, FlushCompress::Finish).unwrap();
    let head = Head { payload_bytes: u32::try_from(payload.len()).unwrap(), block: 7 };
    let old = indexed();
    let mut file = old[..PAGE].to_vec();
    file.extend(head.to_bytes());
    file.extend(payload);
    file.extend(head.tail());
    let index_at = file.len() as u64;
    file.extend((PAGE as u64).to_le_bytes());
    file.extend(7_u32.to_le_bytes());
    file.extend(u32::try_from(head.record_bytes()).unwrap().to_le_bytes());
    let bitmap_at = file.len() as u64;
    file.extend([0x80]);
    file.resize(file.len() + PAGE - 1, 0);
    let mut page = old[old.len() - PAGE..].to_vec();
    put(&mut page, 96, &index_at.to_le_bytes());
    put(&mut page, 104, &bitmap_at.to_le_bytes());
    put(&mut page, 136, &1_u32.to_le_bytes());
    sealed(&mut page, 141, &[0]);
    file.extend(page);
    let disk = opened(file, Format::Zvhd2);
    assert_eq!(disk.info.compression, Some("zlib"));
    let mut bytes = vec![0; BLOCK];
    disk.guest.read_at(7 * BLOCK as u64, &mut bytes).unwrap();
    assert!(bytes == block(7));
}

#[test]
fn neither_is_taken_for_the_other() {
    assert!(matches!(error_of(indexed(), Format::Zvhd), OpenError::Refused(_) | OpenError::Corrupt(_)));
    assert!(matches!(error_of(chained(&[0]), Format::Zvhd2), OpenError::Refused(_) | OpenError::Corrupt(_)));
}
