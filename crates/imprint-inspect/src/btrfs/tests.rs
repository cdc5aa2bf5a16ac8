use std::sync::Arc;

use super::{checksum, lzo, open};
use crate::file_system::{FileSystem, Kind};
use crate::fixtures::{at, budget, expected, image, listing, numbers, read_all, read_everything, unpacked};

const SUPERBLOCK: usize = 64 << 10;

fn opened(name: &str) -> Arc<dyn FileSystem> {
    open(image(name), budget()).unwrap()
}

fn subvolume(fs: &dyn FileSystem, path: &str) -> crate::Node {
    fs.subvolumes().into_iter().find(|(name, _)| name == path).unwrap_or_else(|| panic!("no {path}")).1
}

fn open_changed(name: &str, change: impl FnOnce(&mut [u8])) -> crate::Result<Arc<dyn FileSystem>> {
    let mut bytes = unpacked(&format!("{name}.img.zst"));
    let block = &mut bytes[SUPERBLOCK..SUPERBLOCK + 4096];
    change(block);
    let sum = crc32c::crc32c(&block[32..]);
    block[..4].copy_from_slice(&sum.to_le_bytes());
    open(Arc::new(bytes), budget())
}

#[test]
fn lists_it_as_the_kernel_does() {
    let fs = opened("btrfs");
    assert_eq!(listing(&*fs, subvolume(&*fs, "")), expected("btrfs"));
    assert_eq!(fs.label().as_deref(), Some("imprint"));
    assert_eq!(fs.uuid().unwrap().len(), 36);
    assert_eq!(fs.size_bytes(), 128 << 20);
    assert!(fs.is_clean());
}

#[test]
fn lists_mixed_block_groups_and_another_checksum_as_the_kernel_does() {
    let fs = opened("btrfs-mixed");
    assert_eq!(listing(&*fs, subvolume(&*fs, "")), expected("btrfs-mixed"));
}

#[test]
fn knows_the_subvolumes_and_the_default_one() {
    let fs = opened("btrfs");
    let mut paths: Vec<String> = fs.subvolumes().into_iter().map(|(path, _)| path).collect();
    paths.sort();
    assert_eq!(paths, ["", "@", "@/folder/inner", "snapshot"]);
    assert_eq!(fs.root(), subvolume(&*fs, "@"));
    assert_eq!(read_all(&*fs, at(&*fs, fs.root(), "file"), 100), b"changed after the snapshot\n");
    let snapshot = subvolume(&*fs, "snapshot");
    assert_eq!(read_all(&*fs, at(&*fs, snapshot, "file"), 100), b"in the subvolume\n");
    // A snapshot does not go on into subvolumes: their places are empty.
    let inner = at(&*fs, snapshot, "folder/inner");
    assert_eq!(fs.metadata(inner).unwrap().kind, Kind::Directory);
    assert!(fs.read_dir(inner).unwrap().is_empty());
    assert_eq!(fs.lookup(inner, b"file").unwrap(), None);
}

#[test]
fn reads_the_same_in_parts_of_any_size() {
    let fs = opened("btrfs");
    let top = subvolume(&*fs, "");
    for path in ["sparse", "pieces", "reserved", "lzo/rewritten", "zlib/long", "zstd/hole", "lzo/inline"] {
        let node = at(&*fs, top, path);
        let whole = read_all(&*fs, node, 4 << 20);
        assert!(whole == read_all(&*fs, node, 1009), "{path}");
    }
}

#[test]
fn a_log_that_waits_is_not_clean() {
    let fs = open_changed("btrfs", |block| block[96] = 1).unwrap();
    assert!(!fs.is_clean());
}

#[test]
fn an_unknown_feature_is_refused_by_name() {
    let error = open_changed("btrfs", |block| block[188 + 4] = 1).err().unwrap();
    assert_eq!(error.to_string(), "btrfs feature 0x100000000 is not supported");
}

#[test]
fn a_tree_of_more_levels_than_there_are_is_corrupt() {
    // of the tree of roots, and of the one of chunks
    for at in [198, 199] {
        for level in [8, 255] {
            let error = open_changed("btrfs", |block| block[at] = level).err().unwrap();
            assert_eq!(error.to_string(), "btrfs: too deep a tree", "{at}: {level}");
        }
        // one that could be, but is not the one of the block
        let error = open_changed("btrfs", |block| block[at] = 7).err().unwrap();
        assert!(error.to_string().ends_with("level"), "{at}: {error}");
    }
}

#[test]
fn a_superblock_with_a_wrong_checksum_is_corrupt() {
    let mut bytes = unpacked("btrfs.img.zst");
    bytes[SUPERBLOCK + 300] ^= 1;
    assert_eq!(open(Arc::new(bytes), budget()).err().unwrap().to_string(), "btrfs superblock: checksum");
}

/// Metadata stand on the device twice (DUP): one copy of each block may be lost.
#[test]
fn reads_the_other_copy_of_a_damaged_block() {
    let mut bytes = unpacked("btrfs.img.zst");
    let uuid = bytes[SUPERBLOCK + 32..SUPERBLOCK + 48].to_vec();
    let mut seen = std::collections::HashSet::new();
    let mut damaged = 0;
    for at in (0..bytes.len()).step_by(16 << 10).filter(|&at| at != SUPERBLOCK) {
        if bytes[at + 32..at + 48] == uuid[..] && seen.insert(bytes[at + 48..at + 56].to_vec()) {
            bytes[at + 200] ^= 0xff;
            damaged += 1;
        }
    }
    assert!(damaged > 5);
    let fs = open(Arc::new(bytes), budget()).unwrap();
    assert_eq!(listing(&*fs, subvolume(&*fs, "")), expected("btrfs"));
}

#[test]
fn damage_anywhere_is_an_error_at_worst() {
    // Its checksums are not verified, so that damage is seen by what is behind them.
    let sound = unpacked("btrfs-mixed.img.zst");
    let uuid = &sound[SUPERBLOCK + 32..SUPERBLOCK + 48];
    let blocks: Vec<usize> =
        (0..sound.len()).step_by(4096).filter(|&at| &sound[at + 32..at + 48] == uuid && at != SUPERBLOCK).collect();
    let mut next = numbers(7);
    for _ in 0..12 {
        let mut bytes = sound.clone();
        for _ in 0..20 {
            let block = blocks[usize::try_from(next()).unwrap() % blocks.len()];
            bytes[block + 80 + usize::try_from(next() % 4016).unwrap()] = next().to_le_bytes()[0];
        }
        if let Ok(fs) = open(Arc::new(bytes), budget()) {
            read_everything(&*fs);
        }
    }
}

#[test]
fn hashes_names_as_the_format_says() {
    // The name by which the root tree finds the default subvolume; its hash is part of every btrfs.
    assert_eq!(checksum::of_name(b"default"), 0x8dbf_c2d2);
}

#[test]
fn lzo_knows_every_instruction() {
    let check = |packed: &[u8], expected: &[u8]| {
        let mut out = vec![0; expected.len()];
        assert_eq!(lzo::decompress(packed, &mut out), Some(expected.len()), "{packed:x?}");
        assert_eq!(out, expected, "{packed:x?}");
        for cut in 0..packed.len() {
            assert_eq!(lzo::decompress(&packed[..cut], &mut out), None, "cut at {cut}: {packed:x?}");
        }
    };
    let end = [0x11, 0, 0];
    let packed = |parts: &[&[u8]]| [&parts.concat()[..], &end].concat();
    // A run to begin with; a match of four with a literal behind it; a short match of two.
    check(&packed(&[&[17 + 4], b"abcd", &[0b0110_1101, 0], b"x", &[0, 0]]), b"abcdabcdxxx");
    // A match of eight that reaches into itself.
    check(&packed(&[&[17 + 2], b"ab", &[0b1110_0100, 0]]), b"ababababab");
    // A long run, then a match of three from far back, whose distance counts from 2049.
    let run: Vec<u8> = (0..2100_u32).map(|number| (number % 251).to_le_bytes()[0]).collect();
    let far = &run[2100 - 2062..][..3];
    check(&packed(&[&[0, 0, 0, 0, 0, 0, 0, 0, 0, 42], &run, &[0b0000_0100, 3]]), &[&run, far].concat());
    // Long matches, one from more than 16384 back.
    let long = [&[17 + 1, b'z', 32][..], &[0; 70], &[1, 0, 0], &[16 | 3, 5 << 2, 0]].concat();
    check(&packed(&[&long]), &vec![b'z'; 1 + 31 + 255 * 70 + 1 + 2 + 5]);
}

#[test]
fn lzo_writes_nothing_behind_its_end_and_reads_nothing_before_its_beginning() {
    assert_eq!(lzo::decompress(&[17 + 4, 1, 2, 3, 4, 0x11, 0, 0], &mut [0; 3]), None);
    assert_eq!(lzo::decompress(&[17 + 1, b'a', 0b0100_0100, 0, 0x11, 0, 0], &mut [0; 64]), None);
}
