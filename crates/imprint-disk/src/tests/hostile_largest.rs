//! The largest structures that the readers take, and what is one more than that: none of them may cost more than its
//! reader is meant to. Such files are long, so what repeats in them stands here once.

use std::io;
use std::sync::Arc;

use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;

use super::hostile_images::{CLUSTER, with, zeros};
use super::hostile_list::{Case, Fate};
use super::samples::{self, KIB, MIB, descriptor, put};
use crate::crc32c::crc32c_with_hole;
use crate::{ReadAt, past_the_end};

/// A file of tiles laid end to end, each as often as it is said.
struct Tiled {
    /// Where each kind begins, and the tile.
    kinds: Vec<(u64, Vec<u8>)>,
    size: u64,
}

impl Tiled {
    fn new<const N: usize>(kinds: [(Vec<u8>, usize); N]) -> Tiled {
        let mut file = Tiled { kinds: Vec::new(), size: 0 };
        for (tile, times) in kinds {
            let len = (tile.len() * times) as u64;
            file.kinds.push((file.size, tile));
            file.size += len;
        }
        file
    }
}

impl ReadAt for Tiled {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let number = self.kinds.partition_point(|&(start, _)| start <= at) - 1;
            let end = self.kinds.get(number + 1).map_or(self.size, |&(start, _)| start);
            let (start, tile) = &self.kinds[number];
            let len = usize::try_from(end - at).unwrap().min(rest.len());
            let (piece, later) = rest.split_at_mut(len);
            let within = usize::try_from((at - start) % tile.len() as u64).unwrap();
            let (front, whole) = piece.split_at_mut(len.min(tile.len() - within));
            front.copy_from_slice(&tile[within..within + front.len()]);
            whole.chunks_mut(tile.len()).for_each(|part| part.copy_from_slice(&tile[..part.len()]));
            (at, rest) = (at + len as u64, later);
        }
        Ok(())
    }
}

fn case<const N: usize>(what: &'static str, kinds: [(Vec<u8>, usize); N], fate: Fate) -> Case {
    Case { what, file: Arc::new(Tiled::new(kinds)), fate }
}

pub(super) fn qcow2_tables() -> Vec<Case> {
    let mut image = with(samples::qcow2(), 20, &13_u32.to_be_bytes());
    // with clusters of 8 KiB each entry of the first level covers 8 MiB; the first half of them names no table, the
    // others the same one, and that one cluster
    let (entries, cluster, table_at) = (4 * MIB, 8 * KIB, image.len());
    put(&mut image, 24, &(entries as u64 * 8 * MIB as u64).to_be_bytes());
    put(&mut image, 40, &((table_at + 2 * cluster) as u64).to_be_bytes());
    let first_level = |entries: usize| {
        [
            (with(image.clone(), 36, &u32::try_from(entries).unwrap().to_be_bytes()), 1),
            (((table_at + cluster) as u64).to_be_bytes().to_vec(), cluster / 8),
            (vec![7; cluster], 1),
            (vec![0; 8], entries / 2),
            ((table_at as u64).to_be_bytes().to_vec(), entries - entries / 2),
        ]
    };
    vec![
        case("qcow2: L1 of 32 MiB", first_level(entries), Fate::Read),
        case("qcow2: L1 of an entry more", first_level(entries + 1), Fate::Refused),
    ]
}

pub(super) fn qcow2_snapshots() -> Vec<Case> {
    // identifier and name of about as many letters as are kept, of which each takes four bytes
    let letters = "\u{1f4be}".repeat(128);
    let record = |extra: usize| {
        let mut record = vec![0; 40];
        let (id, name) = (letters.as_bytes(), &letters.as_bytes()[..472]);
        put(&mut record, 12, &u16::try_from(id.len()).unwrap().to_be_bytes());
        put(&mut record, 14, &u16::try_from(name.len()).unwrap().to_be_bytes());
        put(&mut record, 36, &u32::try_from(extra).unwrap().to_be_bytes());
        record.resize(40 + extra, 0);
        [&record, id, name].concat()
    };
    let snapshots = |count: u32| {
        let image = with(samples::qcow2(), 60, &count.to_be_bytes());
        with(image, 64, &(4 * CLUSTER as u64).to_be_bytes())
    };
    let most = 65_536;
    vec![
        case("qcow2: 65,536 snapshots in 64 MiB", [(snapshots(65_536), 1), (record(0), most)], Fate::Read),
        case("qcow2: 65,536 snapshots in more", [(snapshots(65_536), 1), (record(8), most)], Fate::Corrupt),
        case("qcow2: 65,537 snapshots", [(snapshots(65_537), 1), (record(0), most + 1)], Fate::Refused),
    ]
}

pub(super) fn vmdk() -> Vec<Case> {
    // with grains of 8 KiB each entry of the directory covers 4 MiB; the first half of them names no table, the others
    // the same one, and that one grain
    let directory = |entries: usize| {
        let sectors = entries as u64 * 512 * 16;
        let text = descriptor("monolithicSparse", &format!("RW {sectors} SPARSE \"disk.vmdk\""));
        let mut image = samples::vmdk(&text);
        let table = u32::try_from(image.len() / 512).unwrap();
        put(&mut image, 12, &sectors.to_le_bytes());
        put(&mut image, 20, &16_u64.to_le_bytes());
        put(&mut image, 56, &u64::from(table + 4 + 16).to_le_bytes());
        [
            (image, 1),
            ((table + 4).to_le_bytes().to_vec(), 512),
            (vec![7; 8 * KIB], 1),
            (vec![0; 4], entries / 2),
            (table.to_le_bytes().to_vec(), entries - entries / 2),
        ]
    };
    let entries = 8 * MIB;
    vec![
        case("VMDK: grain directory of 32 MiB", directory(entries), Fate::Read),
        case("VMDK: grain directory of an entry more", directory(entries + 1), Fate::Refused),
    ]
}

pub(super) fn vhdx() -> Vec<Case> {
    let log_bytes = 32 * MIB;
    let mut image = samples::vhdx();
    let log_at = image.len() as u64;
    let guid = [7; 16];
    let current = 128 * KIB;
    put(&mut image, current + 48, &guid);
    put(&mut image, current + 68, &u32::try_from(log_bytes).unwrap().to_le_bytes());
    put(&mut image, current + 72, &log_at.to_le_bytes());
    samples::seal_vhdx(&mut image[current..current + 4096]);
    // one entry as long as the log, which makes so many pages zeros, no two of them neighbours
    let entry = |changes: usize| {
        let mut entry = vec![0; log_bytes];
        put(&mut entry, 0, b"loge");
        put(&mut entry, 8, &u32::try_from(log_bytes).unwrap().to_le_bytes());
        put(&mut entry, 16, &1_u64.to_le_bytes());
        put(&mut entry, 24, &u32::try_from(changes).unwrap().to_le_bytes());
        put(&mut entry, 32, &guid);
        put(&mut entry, 48, &log_at.to_le_bytes());
        put(&mut entry, 56, &(1_u64 << 40).to_le_bytes());
        for number in 0..changes {
            let at = 64 + 32 * number;
            put(&mut entry, at, b"zero");
            put(&mut entry, at + 8, &4096_u64.to_le_bytes());
            put(&mut entry, at + 16, &((64 * MIB + 8192 * number) as u64).to_le_bytes());
            put(&mut entry, at + 24, &1_u64.to_le_bytes());
        }
        let sum = crc32c_with_hole(&entry, 4);
        put(&mut entry, 4, &sum.to_le_bytes());
        entry
    };
    let claim = entry(0)[..4096].to_vec();
    vec![
        case("VHDX: log of 262,144 changes", [(image.clone(), 1), (entry(1 << 18), 1)], Fate::Read),
        case("VHDX: log of a million changes", [(image.clone(), 1), (entry((1 << 20) - 2), 1)], Fate::Refused),
        case("VHDX: log of 8,192 entries of 32 MiB", [(image, 1), (claim, log_bytes / 4096)], Fate::Refused),
    ]
}

pub(super) fn xz() -> Vec<Case> {
    vec![
        case("xz: two million blocks, and a window of 96 MiB", xz_blocks((2 << 20) - 16), Fate::Read),
        case("xz: an index of more than 4 MiB", xz_blocks(2 << 20), Fate::Refused),
    ]
}

pub(super) fn zst() -> Vec<Case> {
    vec![
        case("zst: a million frames, and a window of 128 MiB", zst_frames(1 << 20), Fate::Read),
        case("zst: one frame more", zst_frames((1 << 20) + 1), Fate::Corrupt),
    ]
}

/// So many blocks of one byte between two that need the largest window a decoder gets.
fn xz_blocks(count: usize) -> [(Vec<u8>, usize); 5] {
    let mut filters = Filters::new();
    filters.lzma2(&LzmaOptions::new_preset(0).unwrap());
    let stream = Stream::new_stream_encoder(&filters, Check::None).unwrap();
    let packed = zeros(XzEncoder::new_stream(Vec::new(), stream), 96 * MIB).finish().unwrap();
    // from the end: the footer, which tells the length of the index, which tells those of the block
    let words = packed[packed.len() - 8..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).unwrap();
    let index_at = packed.len() - 12 - (words as usize + 1) * 4;
    let record = &packed[index_at + 2..];
    let record_len = record.iter().enumerate().filter(|(_, byte)| **byte < 0x80).nth(1).unwrap().0 + 1;
    let record = &record[..record_len];
    let mut large = packed[12..index_at].to_vec();
    // its header's length, flags, filter, length of its properties, the dictionary
    let header_len = (usize::from(large[0]) + 1) * 4;
    assert_eq!(large[1..4], [0, 0x21, 1]);
    large[4] = 29;
    let sum = crc32fast::hash(&large[..header_len - 4]);
    put(&mut large, header_len - 4, &sum.to_le_bytes());

    let small = samples::xz_block(&[7]);
    let records = [record, &samples::xz_record(&small, 1).repeat(count), record].concat();
    let index = samples::xz_index(count + 2, &records);
    [(samples::xz_header(), 1), (large.clone(), 1), (samples::xz_padded(small), count), (large, 1), (index, 1)]
}

/// So many frames: between two that need the largest window, frames of one byte.
fn zst_frames(count: usize) -> [(Vec<u8>, usize); 3] {
    let bytes = 128 * MIB;
    let mut packer = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    packer.window_log(27).unwrap();
    packer.set_pledged_src_size(Some(bytes as u64)).unwrap();
    let large = zeros(packer, bytes).finish().unwrap();
    // one segment of one byte; a last block, stored as it is
    let small = b"\x28\xb5\x2f\xfd\x20\x01\x09\0\0\x07".to_vec();
    [(large.clone(), 1), (small, count - 2), (large, 1)]
}
