use std::sync::Arc;

use super::*;
use crate::budget::Limits;

/// A FAT16 of 512-byte clusters with one file `F` in the given clusters, and as many empty files `N0`, `N1`, … as asked.
fn volume(chain: &[u16], size: u32, others: usize) -> Vec<u8> {
    const SECTORS: u32 = 50_000;
    let mut bytes = vec![0; SECTORS as usize * 512];
    bytes[..3].copy_from_slice(&[0xeb, 0, 0x90]);
    for (at, value) in [(11, 512u16), (14, 1), (17, 8192), (22, 200)] {
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    (bytes[13], bytes[16], bytes[21]) = (1, 1, 0xf8);
    bytes[19..21].copy_from_slice(&u16::try_from(SECTORS).unwrap().to_le_bytes());
    for (index, cluster) in chain.iter().enumerate() {
        let next = chain.get(index + 1).copied().unwrap_or(0xffff);
        bytes[512 + usize::from(*cluster) * 2..][..2].copy_from_slice(&next.to_le_bytes());
    }
    let root = 201 * 512;
    let mut put = |index: usize, name: &str, cluster: u16, size: u32| {
        let record = &mut bytes[root + index * 32..][..32];
        record[..11].fill(b' ');
        record[..name.len()].copy_from_slice(name.as_bytes());
        record[26..28].copy_from_slice(&cluster.to_le_bytes());
        record[28..32].copy_from_slice(&size.to_le_bytes());
    };
    put(0, "F", chain.first().copied().unwrap_or(0), size);
    for index in 0..others {
        put(index + 1, &format!("N{index}"), 0, 0);
    }
    bytes
}

fn opened(bytes: Vec<u8>) -> (Arc<dyn FileSystem>, Arc<Budget>) {
    let budget = Arc::new(Budget::new(Limits::default()));
    (open(Arc::new(bytes), budget.clone()).unwrap(), budget)
}

#[test]
fn a_file_read_in_parts_is_followed_once() {
    let chain: Vec<u16> = (2..30_002).collect();
    let (fs, budget) = opened(volume(&chain, 30_000 * 512, 0));
    let node = fs.lookup(ROOT, b"f").unwrap().unwrap();
    let before = budget.steps_taken();
    let mut buf = [0; 1024];
    for part in 0..15_000 {
        assert_eq!(fs.read(node, part * 1024, &mut buf).unwrap(), 1024);
    }
    let steps = budget.steps_taken() - before;
    assert!(steps < 30_000 * 4, "{steps}");
    assert!((30_000 * 4..1 << 20).contains(&budget.bytes_held()), "{}", budget.bytes_held());
    drop(fs);
    assert_eq!(budget.bytes_held(), 0);
}

#[test]
fn names_looked_up_one_by_one_are_read_once() {
    let (fs, budget) = opened(volume(&[2], 1, 5000));
    let before = budget.steps_taken();
    for entry in fs.read_dir(ROOT).unwrap() {
        assert_eq!(fs.lookup(ROOT, &entry.name).unwrap(), Some(entry.node));
    }
    let steps = budget.steps_taken() - before;
    assert!(steps < 10_000, "{steps}");
    assert_eq!(fs.lookup(ROOT, b"n4999").unwrap(), fs.lookup(ROOT, b"N4999").unwrap());
}

#[test]
fn chains_in_circles_and_chains_that_end_early_are_errors() {
    for circle in [&[2, 2][..], &[2, 3, 4, 3], &[2, 3, 4, 5, 6, 7, 2]] {
        let (to, chain) = circle.split_last().unwrap();
        let mut bytes = volume(chain, 1 << 20, 0);
        let last = chain.last().unwrap();
        bytes[512 + usize::from(*last) * 2..][..2].copy_from_slice(&to.to_le_bytes());
        let (fs, _) = opened(bytes);
        let node = fs.lookup(ROOT, b"F").unwrap().unwrap();
        let error = fs.read(node, 0, &mut vec![0; 1 << 20]).unwrap_err();
        assert!(error.to_string().contains("circle"), "{circle:?}: {error}");
    }
    let (fs, _) = opened(volume(&[9, 8], 2048, 0));
    let node = fs.lookup(ROOT, b"F").unwrap().unwrap();
    assert_eq!(fs.read(node, 0, &mut [0; 1024]).unwrap(), 1024);
    assert!(fs.read(node, 512, &mut [0; 1024]).is_err());
}

#[test]
fn chains_read_in_turns_are_all_remembered() {
    let chain: Vec<u16> = (2..10_002).collect();
    let mut bytes = volume(&chain, 10_000 * 512, 1);
    // The second file begins in the middle of the first one's chain.
    let record = 201 * 512 + 32;
    bytes[record + 26..record + 28].copy_from_slice(&5000u16.to_le_bytes());
    bytes[record + 28..record + 32].copy_from_slice(&(5002u32 * 512).to_le_bytes());
    let (fs, budget) = opened(bytes);
    let nodes = [b"F".as_slice(), b"N0"].map(|name| fs.lookup(ROOT, name).unwrap().unwrap());
    let before = budget.steps_taken();
    for part in 0..5000 {
        for node in nodes {
            assert_eq!(fs.read(node, part * 512, &mut [0; 512]).unwrap(), 512);
        }
    }
    let steps = budget.steps_taken() - before;
    assert!(steps < 50_000, "{steps}");
}
