use std::sync::Arc;

use super::open;
use crate::file_system::FileSystem;
use crate::fixtures::{at, budget, expected, image, listing, numbers, read_all, read_everything, unpacked};

fn opened(name: &str) -> Arc<dyn FileSystem> {
    open(image(name), budget()).unwrap()
}

#[test]
fn lists_version_5_as_the_kernel_does() {
    let fs = opened("xfs-v5");
    assert_eq!(listing(&*fs, fs.root()), expected("xfs-v5"));
    assert_eq!(fs.label().as_deref(), Some("imprint-5"));
    assert_eq!(fs.uuid().unwrap().len(), 36);
    assert_eq!(fs.size_bytes(), 32 << 20);
    assert!(fs.is_clean());
}

#[test]
fn lists_blocks_of_1_kib_and_directory_blocks_of_8_as_the_kernel_does() {
    let fs = opened("xfs-small-blocks");
    assert_eq!(listing(&*fs, fs.root()), expected("xfs-small-blocks"));
}

#[test]
fn lists_version_4_without_file_types() {
    let fs = opened("xfs-v4");
    assert_eq!(listing(&*fs, fs.root()), expected("xfs-v4"));
    assert!(fs.is_clean());
}

#[test]
fn what_was_not_unmounted_is_not_clean() {
    assert!(!opened("xfs-v5-dirty").is_clean());
}

#[test]
fn reads_the_same_in_parts_of_any_size() {
    let fs = opened("xfs-v5");
    for path in ["sparse", "pieces", "reserved", "odd"] {
        let node = at(&*fs, fs.root(), path);
        let whole = read_all(&*fs, node, 4 << 20);
        assert!(whole == read_all(&*fs, node, 1009), "{path}");
    }
}

#[test]
fn an_unknown_feature_is_refused_by_name() {
    let mut bytes = unpacked("xfs-v5.img.zst");
    bytes[216] = 0x80;
    let error = open(Arc::new(bytes), budget()).err().unwrap();
    assert_eq!(error.to_string(), "XFS feature 0x80000000 is not supported");
}

#[test]
fn damage_anywhere_is_an_error_at_worst() {
    let sound = unpacked("xfs-small-blocks.img.zst");
    let mut next = numbers(5);
    let used: Vec<usize> =
        (0..sound.len()).step_by(512).filter(|&at| sound[at..at + 512].iter().any(|&b| b != 0)).collect();
    for _ in 0..12 {
        let mut bytes = sound.clone();
        for _ in 0..40 {
            let sector = used[usize::try_from(next()).unwrap() % used.len()];
            bytes[sector + usize::try_from(next() % 512).unwrap()] = next().to_le_bytes()[0];
        }
        if let Ok(fs) = open(Arc::new(bytes), budget()) {
            read_everything(&*fs);
        }
    }
}
