//! Disk formats: the streaming inspector and every reader, on files of our own writers and of others.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use imprint_disk::{Compression, Export, Format, Inspector, ReadAt, Target, detect};

use crate::base::Base;
use crate::edits::Edited;
use crate::exercise;

const DISK_BYTES: u64 = 3 << 20;
/// Where our writer of VHDX has the log, and the length of the one entry that is put into it.
const VHDX_LOG: usize = 1 << 20;
const VHDX_ENTRY: usize = 8192;
/// What packed files may become here.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;

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
    let format = inspection.format;
    // how much a packed file may become is for those to say who take it in
    if format.is_packed() && imprint_disk::unpack(Arc::clone(&file), format, UNPACKED_BYTES_MAX).is_err() {
        return;
    }
    if let Ok(disk) = imprint_disk::open(file, format) {
        assert_eq!(disk.info.virtual_size_bytes, disk.guest.size_bytes());
        exercise::disk(&*disk.guest, own);
    }
}

/// Detects a file's format, and compares its records with each other.
pub fn check(file: Arc<dyn ReadAt>, _own: u8) {
    let Ok(inspection) = detect(&file) else { return };
    if let Ok(check) = imprint_disk::check_structure(&file, inspection.format) {
        assert!(check.texts.len() as u64 <= check.errors + check.leaks, "every text is of something counted");
    }
}

/// The formats that keep records of their own.
pub fn with_records() -> Vec<Base> {
    [qcow2(), vmdk(), vhd(), vhdx(), vdi()].into_iter().flatten().collect()
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
    bases.extend(["v2.qcow2.zst", "subclusters.qcow2.zst", "snapshot.qcow2.zst"].map(Base::kept));
    bases.extend(shared(".qcow2"));
    bases
}

pub fn vmdk() -> Vec<Base> {
    let mut bases = made(&[Target::VmdkStream]);
    bases.push(Base::kept("sparse.vmdk.zst"));
    bases.extend(shared(".vmdk"));
    bases
}

pub fn vhd() -> Vec<Base> {
    let mut bases = made(&[Target::VhdDynamic, Target::VhdFixed]);
    bases.extend(shared(".vhd").into_iter().map(|base| base.repaired_by(repair_vhd)));
    bases
}

pub fn vhdx() -> Vec<Base> {
    let mut bases = made(&[Target::Vhdx]);
    bases.push(unclosed_vhdx());
    bases.extend(shared(".vhdx").into_iter().map(|base| base.repaired_by(repair_vhdx)));
    bases
}

pub fn vdi() -> Vec<Base> {
    let mut bases = made(&[Target::Vdi]);
    bases.push(Base::kept("static.vdi.zst"));
    bases.extend(shared(".vdi"));
    bases
}

pub fn zvhd() -> Vec<Base> {
    made(&[Target::Zvhd, Target::Zvhd2])
}

pub fn packed() -> Vec<Base> {
    let mut bases = made(&[Target::Gz, Target::Zst]);
    // A container of another format.
    bases.push(Base::kept("packed.xz.zst"));
    bases
}

/// A disk with a little data here and there, as a file of this format.
fn written(target: Target) -> Vec<u8> {
    let mut disk = vec![0; DISK_BYTES as usize];
    for (at, len) in [(0, 700), (65_536, 70_000), (1 << 20, 4096), (DISK_BYTES as usize - 5000, 5000)] {
        for (index, byte) in disk[at..at + len].iter_mut().enumerate() {
            *byte = (index % 251 + index / 1000) as u8;
        }
    }
    let export = Export::new(Arc::new(disk), target, None).expect("every format holds such a disk");
    let mut bytes = Vec::new();
    let mut sink = |part: &[u8]| {
        bytes.extend_from_slice(part);
        io::Result::Ok(())
    };
    export.write(1, &mut sink).expect("memory can be written");
    bytes
}

fn made(targets: &[Target]) -> Vec<Base> {
    targets.iter().map(|&target| Base::new(&written(target)).repaired_by(repair_of(target))).collect()
}

/// A VHDX that was not closed: what its log holds is to be written over the first page of the disk.
fn unclosed_vhdx() -> Base {
    const NEWER_HEADER: usize = 128 << 10;
    const GUID: [u8; 16] = [7; 16];
    let mut file = written(Target::Vhdx);
    let (file_bytes, sequence) = (file.len() as u64, 5_u64);
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(NEWER_HEADER + 48, &GUID);
    put(VHDX_LOG, b"loge");
    put(VHDX_LOG + 8, &(VHDX_ENTRY as u32).to_le_bytes());
    put(VHDX_LOG + 16, &sequence.to_le_bytes());
    put(VHDX_LOG + 24, &1_u32.to_le_bytes());
    put(VHDX_LOG + 32, &GUID);
    put(VHDX_LOG + 48, &file_bytes.to_le_bytes());
    put(VHDX_LOG + 56, &file_bytes.to_le_bytes());
    // the one page: its first and last bytes stand in its descriptor, and are those of the log where it lies
    put(VHDX_LOG + 64, b"desc");
    put(VHDX_LOG + 64 + 16, &(file_bytes - (2 << 20)).to_le_bytes());
    put(VHDX_LOG + 64 + 24, &sequence.to_le_bytes());
    put(VHDX_LOG + 4096, b"data");
    put(VHDX_LOG + 4096 + 8, &[9; 4084]);
    put(VHDX_LOG + 8188, &(sequence as u32).to_le_bytes());
    for (at, len) in [(NEWER_HEADER, 4096), (VHDX_LOG, VHDX_ENTRY)] {
        file[at + 4..at + 8].fill(0);
        let sum = crc32c::crc32c(&file[at..at + len]);
        file[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
    }
    let opened = imprint_disk::open(Arc::new(file.clone()), Format::Vhdx).expect("its log can be replayed");
    assert!(!opened.info.warnings.is_empty(), "it has a log");
    Base::new(&file).repaired_by(repair_vhdx)
}

/// Files of other writers, where the project's collection of them is at hand.
fn shared(suffix: &str) -> Vec<Base> {
    let Some(folder) = std::env::var_os("IMPRINT_FUZZ_CORPUS") else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(Path::new(&folder).join("formats")) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.iter().filter_map(|path| other_writers(path, suffix)).collect()
}

/// A file with that suffix, or packed after it. Of one that is too large nothing is taken: it would be slow.
fn other_writers(path: &Path, suffix: &str) -> Option<Base> {
    const MAX_BYTES: u64 = 512 << 20;
    let name = path.to_str()?;
    let base = match &name[name.rfind(suffix)? + suffix.len()..] {
        "" => Base::read_from(std::fs::File::open(path).ok()?.take(MAX_BYTES + 1)).ok()?,
        ".xz" => unpacked("xz", path, MAX_BYTES + 1)?,
        ".bz2" => unpacked("bzip2", path, MAX_BYTES + 1)?,
        _ => return None,
    };
    (base.size() <= MAX_BYTES).then_some(base)
}

/// What a program unpacks of a file, at most so many bytes.
fn unpacked(program: &str, path: &Path, bytes_max: u64) -> Option<Base> {
    let mut unpacker = Command::new(program).arg("-dc").arg(path).stdout(Stdio::piped()).spawn().ok()?;
    let base = Base::read_from(unpacker.stdout.take()?.take(bytes_max)).ok();
    // One that has more to say ends by itself, because nobody listens.
    unpacker.wait().ok()?;
    base
}

fn repair_of(target: Target) -> fn(&mut Edited) {
    match target {
        Target::VhdFixed | Target::VhdDynamic => repair_vhd,
        Target::Vhdx => repair_vhdx,
        Target::Zvhd | Target::Zvhd2 => repair_zvhd,
        _ => |_| {},
    }
}

/// Footers and the dynamic header: the complement of the sum of their bytes.
fn repair_vhd(file: &mut Edited) {
    let sum = |part: &[u8]| byte_sum(part).to_be_bytes();
    file.repair(0, 512, 64, sum);
    file.repair(512, 1024, 36, sum);
    file.repair(file.size_bytes().saturating_sub(512), 512, 64, sum);
}

/// The first page and the last: the same sum, the other way around.
fn repair_zvhd(file: &mut Edited) {
    let sum = |part: &[u8]| byte_sum(part).to_le_bytes();
    file.repair(0, 512, 64, sum);
    file.repair(file.size_bytes().saturating_sub(4096), 512, 64, sum);
}

fn byte_sum(part: &[u8]) -> u32 {
    !part.iter().fold(0_u32, |sum, &byte| sum.wrapping_add(u32::from(byte)))
}

/// Headers, region tables and the log's entry: CRC-32C.
fn repair_vhdx(file: &mut Edited) {
    let entry = (VHDX_LOG as u64, VHDX_ENTRY);
    for (at, len) in [(64 << 10, 4096), (128 << 10, 4096), (192 << 10, 65_536), (256 << 10, 65_536), entry] {
        file.repair(at, len, 4, |part| crc32c::crc32c(part).to_le_bytes());
    }
}
