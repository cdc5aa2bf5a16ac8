use std::sync::Arc;

use crate::tests::samples;
use crate::{Format, OpenError, ReadAt, Refusal, RunKind, open};

const MIB: usize = samples::MIB;

/// Three blocks of the disk, the first stored, as the second block of the file.
fn file(entries: [u32; 3]) -> Vec<u8> {
    let mut file = samples::vdi();
    samples::put(&mut file, 388, &2_u32.to_le_bytes());
    for (index, entry) in entries.into_iter().enumerate() {
        samples::put(&mut file, 512 + 4 * index, &entry.to_le_bytes());
    }
    file.resize(1024 + MIB, 1);
    file.resize(1024 + 2 * MIB, 2);
    file
}

#[test]
fn holes_discarded_blocks_and_blocks_in_any_order() {
    let disk = open(Arc::new(file([1, u32::MAX, u32::MAX - 1])), Format::Vdi).unwrap();
    let kinds = [0, 1, 2].map(|block| disk.guest.run_at(block * MIB as u64).unwrap());
    assert_eq!(kinds.map(|run| run.kind), [RunKind::Data, RunKind::Hole, RunKind::Zero]);
    assert_eq!(kinds.map(|run| run.len), [MIB as u64; 3]);
    let mut bytes = vec![7; 3 * MIB];
    disk.guest.read_at(0, &mut bytes).unwrap();
    assert!(bytes[..MIB].iter().all(|&byte| byte == 2) && bytes[MIB..].iter().all(|&byte| byte == 0));
    assert!(disk.guest.read_at(3 * MIB as u64, &mut [0]).is_err());
    assert!(disk.guest.run_at(3 * MIB as u64).is_err());
}

#[test]
fn entries_beyond_the_blocks_there_are() {
    for entry in [2, 1000, u32::MAX - 2] {
        let refused = open(Arc::new(file([entry, 0, 0])), Format::Vdi);
        let Err(OpenError::Refused(refusals)) = refused else { panic!("{refused:?}") };
        assert!(matches!(refusals[..], [Refusal::Inconsistent { field: "VDI block map", .. }]), "{refusals:?}");
    }
}
