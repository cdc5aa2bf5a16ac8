//! What is found in sound files and in files that were damaged in one place.

use std::sync::Arc;

use super::{Check, Steps, check_structure, check_within};
use crate::tests::samples;
use crate::{Compression, Export, Format, OpenError, ReadAt, Target};

fn written(target: Target) -> Vec<u8> {
    let mut disk = vec![0; 3 << 20];
    disk[70_000..200_000].fill(7);
    disk[(2 << 20) + 5..(2 << 20) + 90_000].fill(9);
    let export = Export::new(Arc::new(disk), target, None).expect("can be written");
    let mut file = Vec::new();
    export
        .write(1, &mut |bytes| {
            file.extend_from_slice(bytes);
            Ok(())
        })
        .expect("writes");
    file
}

fn look(file: Vec<u8>, format: Format) -> Check {
    check_structure(&(Arc::new(file) as Arc<dyn ReadAt>), format).expect("opens")
}

fn be64(file: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_be_bytes(file[at..at + 8].try_into().expect("eight"))).expect("small")
}

#[test]
fn what_is_written_is_clean() {
    for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
        let check = look(written(Target::qcow2(compression)), Format::Qcow2);
        assert!(check.is_clean() && check.has_records, "{compression:?}: {check:?}");
    }
    let check = look(written(Target::VmdkStream), Format::Vmdk);
    assert!(check.is_clean() && check.has_records, "{check:?}");
    assert!(!look(vec![1; 512], Format::Raw).has_records);
}

#[test]
fn counts_that_are_wrong() {
    let file = written(Target::qcow2(Compression::None));
    let block = be64(&file, be64(&file, 48));
    let changed = |cluster: usize, count: u16| {
        let mut file = file.clone();
        samples::put(&mut file, block + 2 * cluster, &count.to_be_bytes());
        look(file, Format::Qcow2)
    };
    let lost = changed(0, 0);
    assert_eq!((lost.errors, lost.leaks), (1, 0), "{lost:?}");
    let data = file.len() / 65_536 - 1;
    // the entry that leads there says that it is the only one
    let leaked = changed(data, 2);
    assert_eq!((leaked.errors, leaked.leaks), (1, 1), "{leaked:?}");
    let behind = changed(data + 1, 1);
    assert_eq!((behind.errors, behind.leaks), (0, 1), "{behind:?}");
}

#[test]
fn clusters_that_two_places_use() {
    let mut file = written(Target::qcow2(Compression::None));
    let l2 = be64(&file, be64(&file, 40)) & 0x00ff_ffff_ffff_fe00;
    let entries: Vec<usize> = (0..48).map(|entry| l2 + 8 * entry).filter(|&at| be64(&file, at) << 8 != 0).collect();
    let first: [u8; 8] = file[entries[0]..entries[0] + 8].try_into().expect("eight");
    samples::put(&mut file, entries[1], &first);
    let check = look(file, Format::Qcow2);
    assert_eq!((check.errors, check.leaks), (1, 1), "{check:?}");
}

#[test]
fn grains_that_lie_over_each_other() {
    let mut image = samples::vmdk(&samples::descriptor("monolithicSparse", samples::EXTENT));
    samples::put(&mut image, 21 * 512, &22_u32.to_le_bytes());
    for (entry, sector) in [(0, 128_u32), (1, 256), (2, 384)] {
        samples::put(&mut image, 22 * 512 + 4 * entry, &sector.to_le_bytes());
    }
    image.resize(512 * 512, 0);
    assert!(look(image.clone(), Format::Vmdk).is_clean());
    samples::put(&mut image, 22 * 512 + 4, &200_u32.to_le_bytes());
    assert_eq!(look(image.clone(), Format::Vmdk).errors, 1);
    samples::put(&mut image, 22 * 512 + 4, &22_u32.to_le_bytes());
    assert!(look(image, Format::Vmdk).errors > 0);
}

#[test]
fn a_small_file_makes_no_long_list_of_grains() {
    // a thousand tables of 512 grains, all of them one table
    let capacity = 1000_u64 * 512 * 128;
    let mut image =
        samples::vmdk(&samples::descriptor("monolithicSparse", &format!("RW {capacity} SPARSE \"disk.vmdk\"")));
    samples::put(&mut image, 12, &capacity.to_le_bytes());
    for table in 0..1000 {
        samples::put(&mut image, 21 * 512 + 4 * table, &40_u32.to_le_bytes());
    }
    for grain in 0..512 {
        samples::put(&mut image, 40 * 512 + 4 * grain, &64_u32.to_le_bytes());
    }
    image.resize(512 * 512, 0);
    let file: Arc<dyn ReadAt> = Arc::new(image);
    let found = check_within(&file, Format::Vmdk, Steps(10_000)).expect("looked at");
    assert!((512..2048).contains(&found.errors) && found.texts[0].contains("room for"), "{found:?}");
}

#[test]
fn the_same_table_again_and_again_is_too_much() {
    let within =
        |file: &[u8], format, steps| check_within(&(Arc::new(file.to_vec()) as Arc<dyn ReadAt>), format, Steps(steps));
    let is_too_much = |checked| matches!(checked, Err(OpenError::Unsupported(_)));
    let mut file = written(Target::qcow2(Compression::None));
    assert!(within(&file, Format::Qcow2, 100_000).is_ok());
    // the first level has 8,192 entries, each of which leads to the one table of the second
    let l1_at = be64(&file, 40);
    samples::put(&mut file, 36, &8192_u32.to_be_bytes());
    let entry: [u8; 8] = file[l1_at..l1_at + 8].try_into().expect("eight");
    let level = entry.repeat(8192);
    let end = file.len().next_multiple_of(65_536);
    file.resize(end, 0);
    samples::put(&mut file, 40, &(end as u64).to_be_bytes());
    file.extend(level);
    assert!(is_too_much(within(&file, Format::Qcow2, 8191 * 8192)));
    assert!(within(&file, Format::Qcow2, 8300 * 8192).is_ok_and(|check| check.errors > 0));

    // every grain stands at the beginning, and so does every table
    let mut image = samples::vmdk(&samples::descriptor("monolithicSparse", samples::EXTENT));
    samples::put(&mut image, 21 * 512, &22_u32.to_le_bytes());
    for grain in 0..16 {
        samples::put(&mut image, 22 * 512 + 4 * grain, &22_u32.to_le_bytes());
    }
    image.resize(512 * 512, 0);
    assert!(is_too_much(within(&image, Format::Vmdk, 16)));
    assert!(within(&image, Format::Vmdk, 100).is_ok_and(|check| check.errors > 16));
}

#[test]
fn every_byte_is_read() {
    struct Damaged;
    impl ReadAt for Damaged {
        fn size_bytes(&self) -> u64 {
            10 << 20
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
            let holds = (offset..offset + buf.len() as u64).contains(&(9 << 20));
            if holds { Err(crate::corrupt("damaged")) } else { Ok(()) }
        }
    }
    assert!(super::read_through(&Damaged).is_err());
    super::read_through(&vec![1; 3 << 20]).expect("is sound");
}
