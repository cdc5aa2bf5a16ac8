use std::sync::atomic::{AtomicU64, Ordering};

use super::entries::Entries;
use super::identity::identity;
use super::table::Table;
use crate::ReadAt;

/// Counts how often it is read.
struct Counted(Vec<u8>, AtomicU64);

impl ReadAt for Counted {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(offset, buf)
    }
}

#[test]
fn a_table_is_read_by_pages_that_are_kept() {
    let file: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
    let file = Counted(file, AtomicU64::new(0));
    let table = Table::<4>::new(400, 49_000);
    for index in (0..49_000).rev() {
        assert_eq!(u64::from(u32::from_be_bytes(table.entry(&file, index).unwrap())), index + 100);
    }
    assert_eq!(file.1.load(Ordering::Relaxed), 49_000_u64.div_ceil(8192));
    assert!(table.entry(&file, 49_000).is_err());
    let mut seen = 0;
    let all = table.for_each(&file, |index, entry| {
        assert_eq!((index, u64::from(u32::from_be_bytes(entry))), (seen, seen + 100));
        seen += 1;
        std::io::Result::Ok(())
    });
    all.unwrap();
    assert_eq!(seen, 49_000);
}

#[test]
fn entries_are_cut_where_a_range_is() {
    let table = Entries::new(1000, |index| index.to_le_bytes());
    let whole: Vec<u8> = (0..1000_u64).flat_map(u64::to_le_bytes).collect();
    for (start, len) in [(0, 8000), (0, 1), (7, 2), (8, 8), (3, 30), (7999, 1), (8000, 0)] {
        let mut range = vec![0xee; len];
        table.read_at(start as u64, &mut range).unwrap();
        assert_eq!(range, whole[start..start + len]);
    }
    assert!(table.read_at(7999, &mut [0; 2]).is_err());
}

#[test]
fn identities_are_uuids_that_differ() {
    let one = identity("vdi image", 5, 6);
    assert_eq!(one, identity("vdi image", 5, 6));
    assert_eq!((one[6] >> 4, one[8] >> 6), (8, 2));
    for other in [identity("vdi state", 5, 6), identity("vdi image", 6, 6), identity("vdi image", 5, 7)] {
        assert_ne!(one, other);
    }
}
