use std::sync::Arc;

use super::geometry::{Geometry, MAX};
use crate::tests::samples;
use crate::{Format, OpenError, ReadAt, Refusal, Run, RunKind, open};

fn geometry(cylinders: u16, heads: u8, sectors: u8) -> Geometry {
    Geometry { cylinders, heads, sectors }
}

#[test]
fn the_rule_of_the_format() {
    // as the format's specification computes them, at each of its turns
    assert_eq!(Geometry::of(0), geometry(0, 4, 17));
    assert_eq!(Geometry::of(1), geometry(0, 4, 17));
    assert_eq!(Geometry::of(8192), geometry(120, 4, 17));
    assert_eq!(Geometry::of(262_144), geometry(963, 16, 17));
    assert_eq!(Geometry::of(1024 * 16 * 17 - 1), geometry(1023, 16, 17));
    assert_eq!(Geometry::of(1024 * 16 * 17), geometry(561, 16, 31));
    assert_eq!(Geometry::of(1024 * 16 * 31), geometry(503, 16, 63));
    assert_eq!(Geometry::of(65_535 * 16 * 63 - 1), geometry(65_534, 16, 63));
    assert_eq!(Geometry::of(65_535 * 16 * 63), geometry(16_191, 16, 255));
    assert_eq!(Geometry::of(u64::MAX), MAX);
}

#[test]
fn a_geometry_is_stated_only_when_it_is_the_size() {
    assert_eq!(Geometry::stating(4 * 17 * 100), geometry(100, 4, 17));
    assert_eq!(Geometry::stating(4 * 17 * 100 + 1), MAX);
    assert_eq!(Geometry::stating(0), MAX);
    assert_eq!(Geometry::stating(2048), MAX);
    assert_eq!(Geometry::stating(MAX.total() + 1), MAX);
}

const BLOCK: usize = 2 << 20;

/// A disk of 4 MiB whose second block is stored, all of it twos, with a bitmap that says that only some sectors are.
fn dynamic(bitmap: impl Fn(&mut [u8])) -> Vec<u8> {
    let empty = samples::vhd_dynamic();
    let (front, footer) = empty.split_at(empty.len() - 512);
    let mut file = front.to_vec();
    samples::put(&mut file, 1536 + 4, &u32::try_from(front.len() / 512).unwrap().to_be_bytes());
    let mut bits = vec![0; 512];
    bitmap(&mut bits);
    file.extend(bits);
    file.resize(file.len() + BLOCK, 2);
    file.extend(footer);
    file
}

#[test]
fn sectors_that_the_bitmap_leaves_out_are_zeros() {
    let file = dynamic(|bits| {
        bits[0] = 0b0110_0000;
        bits[1..3].fill(0xff);
    });
    let disk = open(Arc::new(file), Format::Vhd).unwrap();
    let mut bytes = vec![7; 2 * BLOCK];
    disk.guest.read_at(0, &mut bytes).unwrap();
    let sector = |sector: usize| bytes[BLOCK + sector * 512];
    assert!(bytes[..BLOCK].iter().all(|&byte| byte == 0));
    assert_eq!([0, 1, 2, 3, 7, 8, 23, 24, 4095].map(sector), [0, 2, 2, 0, 0, 2, 2, 0, 0]);
    let run = |sector: usize| disk.guest.run_at((BLOCK + sector * 512 + 100) as u64).unwrap();
    assert_eq!(run(0), Run { len: 412, kind: RunKind::Zero });
    assert_eq!(run(1), Run { len: 924, kind: RunKind::Data });
    assert_eq!(run(3), Run { len: 5 * 512 - 100, kind: RunKind::Zero });
    assert_eq!(run(8), Run { len: 16 * 512 - 100, kind: RunKind::Data });
    assert_eq!(disk.guest.run_at(0).unwrap(), Run { len: BLOCK as u64, kind: RunKind::Hole });
}

#[test]
fn blocks_outside_the_file() {
    let whole = dynamic(|bits| bits.fill(0xff));
    for sector in [0_u32, 2, 6, 1 << 20, u32::MAX - 1] {
        let mut file = whole.clone();
        samples::put(&mut file, 1540, &sector.to_be_bytes());
        let refused = open(Arc::new(file), Format::Vhd);
        let Err(OpenError::Refused(refusals)) = refused else { panic!("{sector}: {refused:?}") };
        assert_eq!(refusals, [Refusal::OutsideFile { field: "VHD block" }]);
    }
}
