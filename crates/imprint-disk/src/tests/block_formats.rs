//! Disks through the formats made of blocks (VHD, VHDX, VDI) and of packed blocks (ZVHD), and back.

use std::sync::Arc;

use super::disks::{assert_same, reopened};
use super::sparse::{Sparse, noise};
use crate::formats::vhd;
use crate::{Export, ExportError, Format, ReadAt, Target, open};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;

const VIEWS: [Target; 4] = [Target::VhdFixed, Target::VhdDynamic, Target::Vhdx, Target::Vdi];
const PACKED: [Target; 2] = [Target::Zvhd, Target::Zvhd2];

/// A disk with data that no codec makes smaller at each start for so many bytes.
fn disk(size: u64, data: &[(u64, usize)]) -> Arc<dyn ReadAt> {
    Arc::new(Sparse::new(size, data.iter().map(|&(start, len)| (start, noise(len, 7)))))
}

fn full(size: u64) -> Arc<dyn ReadAt> {
    disk(size, &[(0, usize::try_from(size).unwrap())])
}

/// Through the format and back, with the size that the format keeps.
#[track_caller]
fn assert_round_trip(original: &Arc<dyn ReadAt>, target: Target) {
    let what = format!("{target} of {} bytes", original.size_bytes());
    let back = reopened(original, target);
    let unit = if PACKED.contains(&target) { GIB } else { 512 };
    assert_eq!(back.guest.size_bytes(), original.size_bytes().next_multiple_of(unit), "{what}");
    assert_same(original, &back.guest, &what);
}

#[test]
fn sizes_that_fit_nothing() {
    for size in [1, 511, 512, 513, 4096, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 512, 5 * MIB - 7] {
        for target in VIEWS.into_iter().chain(PACKED) {
            assert_round_trip(&full(size), target);
            assert_round_trip(&disk(size, &[]), target);
            assert_round_trip(&disk(size, &[(size - 1, 1)]), target);
        }
    }
}

#[test]
fn sparse_disks_beyond_2_tib_cost_only_their_tables() {
    let ends = |size: u64| disk(size, &[(0, 5000), (size / 2 - 3, 70_000), (size - 513, 513)]);
    assert_round_trip(&ends(2040 * GIB), Target::VhdDynamic);
    let fixed = vhd::fixed(ends(2040 * GIB)).unwrap();
    assert_eq!(fixed.size_bytes(), 2040 * GIB + 512);
    let opened = open(Arc::new(fixed), Format::Vhd).unwrap();
    assert_same(&ends(2040 * GIB), &opened.guest, "fixed");
    assert_round_trip(&ends(2 * TIB + 512), Target::Vhdx);
    assert_round_trip(&ends(64 * TIB), Target::Vhdx);
    assert_round_trip(&ends(3 * TIB), Target::Vdi);
    assert_round_trip(&ends(64 * TIB), Target::Zvhd);
    assert_round_trip(&ends(4 * TIB), Target::Zvhd2);
}

#[test]
fn disks_that_a_format_has_no_room_for() {
    let too_large = [
        (Target::VhdFixed, 2040 * GIB + 1),
        (Target::VhdDynamic, 2040 * GIB + 512),
        (Target::Vhdx, 64 * TIB + 1),
        (Target::Vdi, 64 * TIB + 1),
        (Target::Zvhd, 64 * TIB + 1),
        (Target::Zvhd2, 4 * TIB + 1),
        (Target::Vhdx, 0),
    ];
    for (target, size) in too_large {
        let refused = Export::new(disk(size, &[]), target, None);
        assert!(matches!(refused, Err(ExportError::Impossible { target: of, .. }) if of == target), "{target} {size}");
    }
}

#[test]
fn a_view_is_as_long_as_its_data_and_its_tables() {
    let sparse = || disk(100 * GIB, &[(0, 1), (7 * GIB, 3 << 20)]);
    let size = |target| Export::new(sparse(), target, None).unwrap().size_bytes().unwrap();
    assert_eq!(size(Target::VhdFixed), 100 * GIB + 512);
    // footer, header, 4 bytes for each of 51,200 blocks, three blocks with bitmaps, footer
    assert_eq!(size(Target::VhdDynamic), 512 + 1024 + 4 * 51_200 + 3 * (2 * MIB + 512) + 512);
    assert_eq!(size(Target::Vhdx), 4 * MIB + 3 * 2 * MIB);
    assert_eq!(size(Target::Vdi), MIB + 4 * MIB);
}
