//! Disk formats: the streaming inspector and every reader, on files that our own writers made.

use std::io;
use std::path::Path;
use std::sync::Arc;

use imprint_disk::{Compression, Export, Inspector, ReadAt, Target, detect};

use crate::base::Base;
use crate::edits::Edited;
use crate::exercise;

const DISK_BYTES: u64 = 3 << 20;

/// The streaming inspector on these bytes, in two pieces.
pub fn inspector(input: &[u8]) {
    let (first, second) = input.split_at(input.len() / 3);
    let mut inspector = Inspector::new();
    inspector.feed(first);
    inspector.feed(second);
    let inspection = inspector.finish();
    let found = detect(&input.to_vec()).expect("memory can be read");
    assert_eq!(found.format, inspection.format, "stream and random access disagree");
}

/// The streaming inspector on a whole file.
pub fn stream(file: Arc<dyn ReadAt>, own: u8) {
    let mut inspector = Inspector::new();
    let mut buf = vec![0; 1000 + usize::from(own) * 1000];
    let mut offset = 0;
    // Formats whose end matters are small here.
    while offset < file.size_bytes().min(8 << 20) {
        let len = (file.size_bytes() - offset).min(buf.len() as u64);
        if file.read_at(offset, &mut buf[..len as usize]).is_err() {
            return;
        }
        inspector.feed(&buf[..len as usize]);
        offset += len;
    }
    drop(inspector.finish());
}

/// Detects a file's format, opens it, and reads the disk.
pub fn open(file: Arc<dyn ReadAt>, own: u8) {
    let Ok(inspection) = detect(&file) else { return };
    if let Ok(disk) = imprint_disk::open(file, inspection.format) {
        assert_eq!(disk.info.virtual_size_bytes, disk.guest.size_bytes());
        exercise::disk(&*disk.guest, own);
    }
}

pub fn every_format() -> Vec<Base> {
    [qcow2(), vmdk(), vhd(), vhdx(), vdi(), zvhd(), packed(), super::file_systems::partitions()]
        .into_iter()
        .flatten()
        .collect()
}

pub fn qcow2() -> Vec<Base> {
    let small = |compression| Target::Qcow2 { compression, cluster_bytes: 4096 };
    let mut bases = made(&[small(Compression::Zlib), small(Compression::Zstd), small(Compression::None)]);
    bases.extend(shared(".qcow2"));
    bases
}

pub fn vmdk() -> Vec<Base> {
    let mut bases = made(&[Target::VmdkStream]);
    bases.extend(shared(".vmdk"));
    bases
}

pub fn vhd() -> Vec<Base> {
    let mut bases = made(&[Target::VhdDynamic, Target::VhdFixed]);
    bases.extend(shared(".vhd"));
    bases
}

pub fn vhdx() -> Vec<Base> {
    let mut bases = made(&[Target::Vhdx]);
    bases.extend(shared(".vhdx"));
    bases
}

pub fn vdi() -> Vec<Base> {
    let mut bases = made(&[Target::Vdi]);
    bases.extend(shared(".vdi"));
    bases
}

pub fn zvhd() -> Vec<Base> {
    made(&[Target::Zvhd, Target::Zvhd2])
}

pub fn packed() -> Vec<Base> {
    let mut bases = made(&[Target::Gz, Target::Zst]);
    // A container of another format.
    bases.extend(Base::kept("packed.xz.zst"));
    bases
}

/// A disk with a little data here and there, as files of these formats.
fn made(targets: &[Target]) -> Vec<Base> {
    let mut disk = vec![0; DISK_BYTES as usize];
    for (at, len) in [(0, 700), (65_536, 70_000), (1 << 20, 4096), (DISK_BYTES as usize - 5000, 5000)] {
        for (index, byte) in disk[at..at + len].iter_mut().enumerate() {
            *byte = (index % 251 + index / 1000) as u8;
        }
    }
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    let write = |&target: &Target| {
        let export = Export::new(disk.clone(), target, None).expect("every format holds such a disk");
        let mut bytes = Vec::new();
        let mut sink = |part: &[u8]| {
            bytes.extend_from_slice(part);
            io::Result::Ok(())
        };
        export.write(1, &mut sink).expect("memory can be written");
        Base::new(&bytes).repaired_by(repair_of(target))
    };
    targets.iter().map(write).collect()
}

/// Files of other writers, where the project's collection of them is at hand. Large ones would be slow.
fn shared(suffix: &str) -> Vec<Base> {
    const MAX_BYTES: u64 = 64 << 20;
    let Some(folder) = std::env::var_os("IMPRINT_FUZZ_CORPUS") else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(Path::new(&folder).join("formats")) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let is_wanted = |path: &Path| {
        path.to_string_lossy().ends_with(suffix) && path.metadata().is_ok_and(|metadata| metadata.len() < MAX_BYTES)
    };
    paths.iter().filter(|path| is_wanted(path)).filter_map(|path| Some(Base::new(&std::fs::read(path).ok()?))).collect()
}

fn repair_of(target: Target) -> fn(&mut Edited) {
    match target {
        Target::VhdFixed | Target::VhdDynamic => repair_vhd,
        Target::Vhdx => repair_vhdx,
        _ => |_| {},
    }
}

/// Footers and the dynamic header: the complement of the sum of their bytes.
fn repair_vhd(file: &mut Edited) {
    let sum = |part: &[u8]| {
        let sum = part.iter().fold(0_u32, |sum, &byte| sum.wrapping_add(u32::from(byte)));
        (!sum).to_be_bytes()
    };
    file.repair(0, 512, 64, sum);
    file.repair(512, 1024, 36, sum);
    file.repair(file.size_bytes().saturating_sub(512), 512, 64, sum);
}

/// Headers and region tables: CRC-32C.
fn repair_vhdx(file: &mut Edited) {
    for (at, len) in [(64 << 10, 4096), (128 << 10, 4096), (192 << 10, 65_536), (256 << 10, 65_536)] {
        file.repair(at, len, 4, |part| crc32c::crc32c(part).to_le_bytes());
    }
}
