//! Disks written as every target: the same bytes however they are asked for, and the same disk when read back.

use std::sync::Arc;

use proptest::prelude::*;

use super::sparse::{Sparse, any_disk, mixed};
use crate::{Compression, Disk, Export, ExportError, Format, ReadAt, Target, UnitSizes, detect, open};

/// What a written file is opened as.
fn format_of(target: Target) -> Format {
    match target {
        Target::Raw => Format::Raw,
        Target::Qcow2 { .. } => Format::Qcow2,
        Target::VhdFixed | Target::VhdDynamic => Format::Vhd,
        Target::Vhdx => Format::Vhdx,
        Target::Vdi => Format::Vdi,
        Target::VmdkStream => Format::Vmdk,
        Target::Gz => Format::Gz,
        Target::Zst => Format::Zst,
        Target::Zvhd => Format::Zvhd,
        Target::Zvhd2 => Format::Zvhd2,
    }
}

fn export(disk: &Arc<dyn ReadAt>, target: Target, known: Option<UnitSizes>) -> Export {
    Export::new(Arc::clone(disk), target, known).unwrap_or_else(|error| panic!("{target}: {error}"))
}

fn written(export: &Export, threads: usize) -> (Vec<u8>, Option<UnitSizes>) {
    let mut bytes = Vec::new();
    let sizes = export.write(threads, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    (bytes, sizes.unwrap_or_else(|error| panic!("{}: {error}", export.target())))
}

/// What a file becomes whose pieces are put to their places.
fn placed(export: &Export, threads: usize) -> (Vec<u8>, Option<UnitSizes>) {
    let bytes = parking_lot::Mutex::new(Vec::new());
    let written = export.write_placed(threads, &|at, piece| {
        let (at, mut bytes) = (usize::try_from(at).unwrap(), bytes.lock());
        let end = bytes.len().max(at + piece.len());
        bytes.resize(end, 0);
        bytes[at..at + piece.len()].copy_from_slice(piece);
        Ok(())
    });
    let (size, sizes) = written.unwrap_or_else(|error| panic!("{}: {error}", export.target()));
    let mut bytes = bytes.into_inner();
    assert!(bytes.len() as u64 <= size);
    bytes.resize(usize::try_from(size).unwrap(), 0);
    (bytes, sizes)
}

fn read_back(bytes: &[u8], target: Target) -> Disk {
    open(Arc::new(bytes.to_vec()), format_of(target)).unwrap_or_else(|error| panic!("{target}: {error}"))
}

/// Everything that holds for every target: see the comments.
fn check(disk: &Sparse, target: Target, ranges: &[(u64, u64)]) {
    let source: Arc<dyn ReadAt> = Arc::new(disk.clone());
    let first = export(&source, target, None);
    let (bytes, sizes) = written(&first, 1);
    assert_eq!(first.size_bytes().is_some(), !target.is_compressed(), "{target}");
    // the number of threads makes no difference, nor does knowing the sizes, which survive being stored
    assert!(written(&first, 3).0 == bytes, "{target}: threads");
    assert!(placed(&first, 2) == (bytes.clone(), sizes.clone()), "{target}: in places");
    let sizes = sizes.map(|sizes| UnitSizes::from_bytes(&sizes.to_bytes()).unwrap());
    let again = export(&source, target, sizes);
    assert_eq!(again.size_bytes(), Some(bytes.len() as u64), "{target}");
    assert!(written(&again, 2).0 == bytes && placed(&again, 1).0 == bytes, "{target}: known sizes");
    // any range is that of the whole
    for &(start, len) in ranges {
        let start = start % (bytes.len() as u64 + 1);
        let len = len.min(bytes.len() as u64 - start);
        let mut range = vec![0xee; usize::try_from(len).unwrap()];
        again.read_at(start, &mut range).unwrap();
        let place = usize::try_from(start).unwrap();
        assert!(range == bytes[place..place + range.len()], "{target}: {start} + {len}");
        let mut streamed = Vec::new();
        let mut sink = |piece: &[u8]| {
            streamed.extend_from_slice(piece);
            Ok(())
        };
        again.write_range(start, len, 2, &mut sink).unwrap();
        assert!(streamed == range, "{target}: {start} + {len}");
    }
    assert!(again.read_at(bytes.len() as u64, &mut [0]).is_err(), "{target}: past the end");
    check_read_back(disk, target, &bytes);
}

/// What sizes of disks in that format are multiples of.
fn size_unit(target: Target) -> u64 {
    match target {
        Target::Raw | Target::Gz | Target::Zst => 1,
        Target::Zvhd | Target::Zvhd2 => 1 << 30,
        _ => 512,
    }
}

/// The file is recognised as what it is, and holds the disk, rounded up where the format must.
fn check_read_back(disk: &Sparse, target: Target, bytes: &[u8]) {
    if target != Target::Raw {
        let inspection = detect(&bytes.to_vec()).unwrap();
        assert_eq!((inspection.format, inspection.refusals), (format_of(target), vec![]), "{target}");
    }
    let back = read_back(bytes, target);
    let size = back.guest.size_bytes();
    assert_eq!(size, disk.size.next_multiple_of(size_unit(target)), "{target}");
    // some formats round up generously
    let looked_at = size.min(disk.size + (1 << 20));
    let mut content = vec![0xee; usize::try_from(looked_at).unwrap()];
    back.guest.read_at(0, &mut content).unwrap();
    let (inside, added) = content.split_at(usize::try_from(disk.size).unwrap());
    assert!(inside == disk.to_vec(), "{target}: another disk came back");
    assert!(added.iter().all(|&byte| byte == 0), "{target}");
    // its runs cover it, and what they call zeros is zeros
    let mut at = 0;
    while at < size {
        let run = back.guest.run_at(at).unwrap();
        assert!(run.len > 0 && run.len <= size - at, "{target}");
        let place = |offset: u64| usize::try_from(offset.min(looked_at)).unwrap();
        let stretch = &content[place(at)..place(at + run.len)];
        assert!(!run.kind.is_zero() || stretch.iter().all(|&byte| byte == 0), "{target}: run at {at}");
        at += run.len;
    }
}

fn qcow2_targets() -> Vec<Target> {
    let flavours = [Compression::None, Compression::Zlib, Compression::Zstd];
    let with_clusters =
        |compression| [4096, 65_536, 1 << 21].map(|cluster_bytes| Target::Qcow2 { compression, cluster_bytes });
    flavours.into_iter().flat_map(with_clusters).collect()
}

fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((any::<u64>(), prop_oneof![0_u64..600, 0_u64..3_000_000]), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn qcow2_of_any_disk(disk in any_disk(3_000_000), ranges in ranges()) {
        for target in qcow2_targets() {
            check(&disk, target, &ranges);
        }
    }

    #[test]
    fn every_target_of_any_disk(disk in any_disk(5_000_000), ranges in ranges()) {
        for target in Target::ALL {
            check(&disk, target, &ranges);
        }
    }
}

#[test]
fn disks_of_no_bytes_of_one_sector_and_of_nothing_but_a_hole() {
    let ranges = [(0, 1000), (511, 2), (70_000, 5)];
    for target in Target::ALL.into_iter().chain(qcow2_targets()) {
        check(&Sparse::new(512, [(0, mixed(512, 3))]), target, &ranges);
        check(&Sparse::new(10 << 20, []), target, &ranges);
    }
    let nothing = Sparse::new(0, []);
    for target in Target::ALL.into_iter().chain(qcow2_targets()) {
        match Export::new(Arc::new(nothing.clone()), target, None) {
            Ok(_) => check(&nothing, target, &ranges),
            Err(error) => {
                assert!(
                    matches!(error, ExportError::Impossible { target: of, .. } if of == target),
                    "{target}: {error}"
                );
                assert!(matches!(target, Target::Vhdx | Target::VmdkStream | Target::VhdFixed), "{target}: {error}");
            }
        }
    }
}

#[test]
fn sizes_of_something_else_are_ignored() {
    let make = |size, at| -> Arc<dyn ReadAt> { Arc::new(Sparse::new(size, [(at, mixed(200_000, 5))])) };
    let target = Target::qcow2(Compression::Zlib);
    let disk = make(1 << 20, 0);
    let sizes = written(&export(&disk, target, None), 1).1;
    let is_known = |disk: &Arc<dyn ReadAt>, target| export(disk, target, sizes.clone()).size_bytes().is_some();
    assert!(is_known(&disk, target));
    assert!(!is_known(&make(2 << 20, 0), target));
    assert!(!is_known(&make(1 << 20, 65_536), target));
    assert!(!is_known(&disk, Target::qcow2(Compression::Zstd)));
    let other_content: Arc<dyn ReadAt> = Arc::new(Sparse::new(1 << 20, [(0, mixed(200_000, 6))]));
    // the map is the same: only compressing shows it, and then nothing wrong is written without a word
    let wrong = export(&other_content, target, sizes);
    assert!(wrong.write(1, &mut |_| Ok(())).is_err());
    assert!(wrong.read_at(65_536, &mut [0; 4096]).is_err());
}

#[test]
fn what_is_written_first_does_not_need_what_comes_last() {
    // a sink that fails ends the work with its error
    let disk: Arc<dyn ReadAt> = Arc::new(Sparse::new(4 << 20, [(0, mixed(4 << 20, 9))]));
    for target in Target::ALL {
        let mut count = 0;
        let outcome = export(&disk, target, None).write(2, &mut |piece| {
            count += piece.len();
            if count > 100_000 { Err(std::io::Error::other("the client went away")) } else { Ok(()) }
        });
        assert_eq!(outcome.unwrap_err().to_string(), "the client went away", "{target}");
    }
}

#[test]
fn ten_tebibytes_of_hole_cost_little() {
    let size = 10 << 40;
    let data = [(0, mixed(100_000, 1)), (size / 2, mixed(70_000, 2)), (size - 5000, mixed(5000, 3))];
    let disk: Arc<dyn ReadAt> = Arc::new(Sparse::new(size, data));
    for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
        let (bytes, _) = written(&export(&disk, Target::qcow2(compression), None), 2);
        assert!(bytes.len() < 2 << 20, "{compression:?}: {}", bytes.len());
        let back = open(Arc::new(bytes), Format::Qcow2).unwrap();
        assert_eq!(back.guest.size_bytes(), size);
        let mut end = [0; 9000];
        back.guest.read_at(size - 9000, &mut end).unwrap();
        assert!(end[..4000] == [0; 4000] && end[4000..] == mixed(5000, 3)[..]);
    }
}
