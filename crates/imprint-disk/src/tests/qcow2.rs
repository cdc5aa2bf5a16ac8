//! qcow2 against the programs of QEMU, against the corpus, and against images made to mislead.

use std::path::Path;
use std::sync::Arc;

use super::made_by_qemu::qemu_img;
use super::sparse::{Sparse, mixed, noise};
use crate::{Compression, Export, FileBytes, Format, OpenError, ReadAt, Target, open};

const MIB: u64 = 1 << 20;

/// A disk with data at both ends, a run of noise and zeros that no map knows of.
fn disk(size: u64) -> Sparse {
    let at_end = size.min(3000);
    let mut data = vec![(0, mixed(usize::try_from(size.min(200_000)).unwrap(), 1))];
    if size > 4 * MIB {
        data.push((MIB + 512, noise(300_000, 2)));
        data.push((2 * MIB, vec![0; 200_000]));
        data.push((size - at_end, mixed(usize::try_from(at_end).unwrap(), 3)));
    }
    Sparse::new(size, data)
}

fn write_file(path: &Path, disk: Sparse, target: Target) {
    let mut bytes = Vec::new();
    let mut sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    Export::new(Arc::new(disk), target, None).unwrap().write(2, &mut sink).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn opened(path: &Path) -> crate::Disk {
    let file = FileBytes::new(std::fs::File::open(path).unwrap()).unwrap();
    open(Arc::new(file), Format::Qcow2).unwrap()
}

fn content(disk: &dyn ReadAt) -> Vec<u8> {
    let mut bytes = vec![0xee; usize::try_from(disk.size_bytes()).unwrap()];
    // in pieces that divide nothing, so that clusters are read in parts, too
    for (number, piece) in (0_u64..).zip(bytes.chunks_mut(100_003)) {
        disk.read_at(number * 100_003, piece).unwrap();
    }
    bytes
}

#[test]
fn qemu_reads_what_is_written_and_finds_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for size in [512, 65_536, MIB + 512, 5 * MIB, 40 * MIB + 1536] {
        std::fs::write(path.join("raw"), disk(size).to_vec()).unwrap();
        for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
            for cluster_bytes in [4096, 65_536, 2 << 20] {
                write_file(&path.join("image"), disk(size), Target::Qcow2 { compression, cluster_bytes });
                if !qemu_img(path, &["check", "-f", "qcow2", "image"]) {
                    return;
                }
                qemu_img(path, &["compare", "-f", "raw", "-F", "qcow2", "raw", "image"]);
            }
        }
    }
}

#[test]
fn qemu_finds_nothing_wrong_with_disks_of_many_tebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let size = 10 << 40;
    // enough tables that the reference counts need more than one block
    let scattered = (0..700).map(|number| (number * (14 << 30) + number * 512, mixed(1000, 7)));
    for compression in [Compression::None, Compression::Zlib] {
        let target = Target::Qcow2 { compression, cluster_bytes: 32_768 };
        write_file(&folder.path().join("image"), Sparse::new(size, scattered.clone()), target);
        if !qemu_img(folder.path(), &["check", "-f", "qcow2", "image"]) {
            return;
        }
        let back = opened(&folder.path().join("image"));
        assert_eq!(back.guest.size_bytes(), size);
        for (at, data) in scattered.clone() {
            let mut read = vec![0; 1000];
            back.guest.read_at(at, &mut read).unwrap();
            assert!(read == data, "{compression:?} {at}");
        }
    }
}

#[test]
fn all_kinds_of_clusters_that_qemu_writes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let raw = disk(6 * MIB).to_vec();
    std::fs::write(path.join("raw"), &raw).unwrap();
    let flavours: [&[&str]; 12] = [
        &["-o", "compat=0.10"],
        &["-o", "compat=0.10", "-c"],
        &["-o", "compat=1.1"],
        &["-c"],
        &["-o", "compression_type=zstd", "-c"],
        &["-o", "compression_type=zstd,cluster_size=2M", "-c"],
        &["-o", "cluster_size=512"],
        &["-o", "cluster_size=512", "-c"],
        &["-o", "cluster_size=2M"],
        &["-o", "extended_l2=on"],
        &["-o", "extended_l2=on,cluster_size=16k", "-c"],
        &["-o", "lazy_refcounts=on,preallocation=metadata"],
    ];
    for options in flavours {
        let convert = [&["convert", "-f", "raw", "-O", "qcow2"], options, &["raw", "image"]].concat();
        if !qemu_img(path, &convert) {
            return;
        }
        let image = opened(&path.join("image"));
        assert!(content(&*image.guest) == raw, "{options:?}");
        let version = if options.contains(&"compat=0.10") || options.contains(&"compat=0.10,") { "v2" } else { "v3" };
        assert_eq!(image.info.variant, version, "{options:?}");
    }
}

#[test]
fn zeros_and_holes_inside_extended_clusters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    if !qemu_img(path, &["create", "-f", "qcow2", "-o", "extended_l2=on", "image", "1M"]) {
        return;
    }
    let write = |command: &str| {
        let mut program = std::process::Command::new("qemu-io");
        program.args(["-f", "qcow2", "-c", command, "image"]).current_dir(path);
        // it comes in one package with qemu-img
        program.output().expect("qemu-io runs").status.success()
    };
    assert!(write("write -P 0x11 2k 10k") && write("write -z 4k 2k") && write("write -P 0x22 130k 1k"));
    let mut expected = vec![0; 1 << 20];
    expected[2048..12_288].fill(0x11);
    expected[4096..6144].fill(0);
    expected[130 * 1024..131 * 1024].fill(0x22);
    let image = opened(&path.join("image"));
    assert!(content(&*image.guest) == expected);
}

#[test]
fn snapshots_are_listed_and_the_current_state_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("raw"), disk(5 * MIB).to_vec()).unwrap();
    if !qemu_img(path, &["convert", "-f", "raw", "-O", "qcow2", "raw", "image"]) {
        return;
    }
    qemu_img(path, &["snapshot", "-c", "before the update", "image"]);
    qemu_img(path, &["snapshot", "-c", "second", "image"]);
    let image = opened(&path.join("image"));
    let names: Vec<_> = image.info.snapshots.iter().map(|snapshot| (&*snapshot.id, &*snapshot.name)).collect();
    assert_eq!(names, [("1", "before the update"), ("2", "second")]);
    assert!(image.info.snapshots.iter().all(|s| s.virtual_size_bytes == 5 * MIB && s.taken_secs > 1_000_000_000));
    assert!(content(&*image.guest) == disk(5 * MIB).to_vec());
}

/// A small image, and where its tables are: 4 KiB clusters, version 3, one second-level table.
struct Damaged {
    bytes: Vec<u8>,
    l2: usize,
}

impl Damaged {
    fn new(compression: Compression) -> Damaged {
        let mut bytes = Vec::new();
        let mut sink = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        let target = Target::Qcow2 { compression, cluster_bytes: 4096 };
        let disk = Sparse::new(64 * 4096, [(0, mixed(8 * 4096, 4))]);
        Export::new(Arc::new(disk), target, None).unwrap().write(1, &mut sink).unwrap();
        let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        let l1 = usize::try_from(number(40)).unwrap();
        let l2 = usize::try_from(number(l1) & !(1 << 63)).unwrap();
        Damaged { bytes, l2 }
    }

    fn put(&mut self, at: usize, value: u64) -> &mut Damaged {
        self.bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
        self
    }

    /// Reading the first cluster; the second must still be there.
    fn first_cluster(&self) -> Result<Vec<u8>, String> {
        let disk = open(Arc::new(self.bytes.clone()), Format::Qcow2).map_err(|error| error.to_string())?;
        let mut cluster = vec![0; 4096];
        disk.guest.read_at(4096, &mut cluster).expect("the second cluster is sound");
        disk.guest.read_at(100, &mut cluster[..7]).map_err(|error| error.to_string())?;
        disk.guest.read_at(0, &mut cluster).map_err(|error| error.to_string())?;
        Ok(cluster)
    }
}

#[test]
fn entries_that_point_nowhere_are_corrupt_and_hurt_nobody_else() {
    let sound = Damaged::new(Compression::None);
    assert_eq!(sound.first_cluster().unwrap(), mixed(8 * 4096, 4)[..4096]);
    let (l2, end) = (sound.l2, sound.bytes.len() as u64);
    let first = |value| Damaged::new(Compression::None).put(l2, value).first_cluster();
    assert!(first(end).unwrap_err().contains("outside the file"));
    assert!(first(1 << 55).unwrap_err().contains("outside the file"));
    assert!(first(4096 + 512).unwrap_err().contains("does not start on a cluster"));
    // compressed data that is none, lies outside, or is the header
    assert!(first(1 << 62 | end).unwrap_err().contains("outside the file"));
    assert!(first(1 << 62 | 1).unwrap_err().contains("does not give one cluster"));
    assert!(first(u64::MAX).is_err());
    // harmless: flags without a place, zeros, a table as data
    assert_eq!(first(1 << 63).unwrap(), [0; 4096]);
    assert_eq!(first(1).unwrap(), [0; 4096]);
    assert!(first(1 << 63 | 4096).is_ok());
}

#[test]
fn tables_outside_the_file_are_corrupt() {
    for entry in [1 << 40, 4096 + 512, 0x00ff_ffff_ffff_fe00] {
        let mut image = Damaged::new(Compression::None);
        let l1 = usize::try_from(u64::from_be_bytes(image.bytes[40..48].try_into().unwrap())).unwrap();
        image.put(l1, entry);
        let error = open(Arc::new(image.bytes), Format::Qcow2).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt(_)), "{entry:#x}: {error}");
    }
}

#[test]
fn a_snapshot_table_of_lies_is_corrupt() {
    for (count, offset) in [(1_u32, 0_u64), (65_536, 0)] {
        let mut image = Damaged::new(Compression::None);
        let at = if offset == 0 { image.bytes.len() as u64 } else { offset };
        // room for the smallest records, as the header's check wants, but the first is longer than it may be
        image.bytes.resize(image.bytes.len() + 40 * usize::try_from(count).unwrap(), 0xff);
        image.put(64, at);
        image.bytes[60..64].copy_from_slice(&count.to_be_bytes());
        assert!(matches!(open(Arc::new(image.bytes), Format::Qcow2), Err(OpenError::Corrupt(_))), "{count}");
    }
}

#[test]
fn what_the_inspection_refuses_is_not_opened() {
    let mut image = super::samples::qcow2();
    image[8..16].copy_from_slice(&112_u64.to_be_bytes());
    assert!(matches!(open(Arc::new(image), Format::Qcow2), Err(OpenError::Refused(_))));
    assert!(matches!(open(Arc::new(b"QFI\xfb".to_vec()), Format::Qcow2), Err(OpenError::Refused(_))));
    assert!(matches!(open(Arc::new(Vec::new()), Format::Qcow2), Err(OpenError::Refused(_))));
}

#[test]
fn every_byte_of_a_small_image_may_be_wrong() {
    for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
        let sound = Damaged::new(compression);
        for at in
            (0..sound.bytes.len()).filter(|at| *at < 200 || at % 97 == 0 || (sound.l2..sound.l2 + 64).contains(at))
        {
            let mut bytes = sound.bytes.clone();
            bytes[at] ^= 0x41;
            let Ok(disk) = open(Arc::new(bytes), Format::Qcow2) else { continue };
            // whatever is read: there is an answer, and a walk over the runs ends
            let _ = disk.guest.read_at(0, &mut vec![0; 64 * 4096]);
            let (mut run_at, mut runs) = (0, 0);
            while let Some(run) = disk.guest.run_at(run_at).ok().filter(|_| runs < 1000) {
                run_at += run.len;
                runs += 1;
            }
        }
    }
}
