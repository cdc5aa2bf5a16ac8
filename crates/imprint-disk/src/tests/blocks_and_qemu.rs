//! VHD, VHDX and VDI against `qemu-img`, when it is installed: what it makes is read, what is written it reads.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use super::disks::assert_same;
use super::sparse::{Sparse, mixed};
use crate::check::check_structure;
use crate::{Export, FileBytes, Format, ReadAt, Target, detect, open};

const MIB: u64 = 1 << 20;

/// What `qemu-img` says when it wants to encrypt and could not measure how fast keys are derived here, which on a busy
/// machine is so once in twenty times.
const MEASURED_NOTHING: &str = "Unable to get accurate CPU usage";
/// How often it is asked again then.
const TRIES: usize = 10;

/// Runs `qemu-img` in `folder`: what it said, or `None` when it is not installed.
pub(super) fn qemu_img(folder: &Path, arguments: &[&str]) -> Option<String> {
    let run = || Command::new("qemu-img").args(arguments).current_dir(folder).output();
    let measured_nothing = |output: &Output| String::from_utf8_lossy(&output.stderr).contains(MEASURED_NOTHING);
    let mut done = run();
    for _ in 1..TRIES {
        if done.as_ref().is_ok_and(measured_nothing) {
            done = run();
        }
    }
    match done {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "qemu-img {arguments:?}: {said}");
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) => {
            // where everything is installed, nothing may be left out
            assert!(std::env::var_os("CI").is_none(), "qemu-img cannot be run: {error}");
            eprintln!("skipped: qemu-img cannot be run: {error}");
            None
        }
    }
}

/// Sparse, full, of odd sizes, of one sector, with a last block that is short.
fn disks() -> Vec<Sparse> {
    vec![
        Sparse::new(512, [(0, mixed(512, 1))]),
        Sparse::new(1024, []),
        Sparse::new(3 * MIB, [(0, mixed(3 << 20, 2))]),
        Sparse::new(33 * MIB + 512, [(0, mixed(70_000, 3)), (20 * MIB - 5, mixed(9000, 4)), (33 * MIB, vec![5; 512])]),
        Sparse::new(5 * MIB + 5, [(5 * MIB, vec![7; 5])]),
    ]
}

/// Writes only the data, so that the file has the holes of the disk.
fn store(disk: &dyn ReadAt, path: &Path) {
    let file = std::fs::File::create(path).unwrap();
    file.set_len(disk.size_bytes()).unwrap();
    let mut at = 0;
    while at < disk.size_bytes() {
        let run = disk.run_at(at).unwrap();
        if !run.kind.is_zero() {
            let mut bytes = vec![0; usize::try_from(run.len.min(MIB)).unwrap()];
            disk.read_at(at, &mut bytes).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &bytes, at).unwrap();
            at += bytes.len() as u64;
        } else {
            at += run.len;
        }
    }
}

#[test]
fn what_is_written_is_read_by_qemu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let targets =
        [(Target::VhdFixed, "vpc"), (Target::VhdDynamic, "vpc"), (Target::Vhdx, "vhdx"), (Target::Vdi, "vdi")];
    for disk in disks() {
        let size = disk.size;
        store(&disk, &path.join("raw"));
        for (target, name) in targets {
            let mut file = Vec::new();
            let export = Export::new(Arc::new(disk.clone()), target, None).unwrap();
            let sink = &mut |part: &[u8]| {
                file.extend_from_slice(part);
                Ok(())
            };
            export.write(1, sink).unwrap();
            std::fs::write(path.join("image"), file).unwrap();
            let Some(info) = qemu_img(path, &["info", "-f", name, "--output=json", "image"]) else { return };
            let expected = format!("\"virtual-size\": {},", size.next_multiple_of(512));
            assert!(info.contains(&expected), "{target} of {size}: {info}");
            qemu_img(path, &["compare", "-f", "raw", "-F", name, "raw", "image"]);
            if name != "vpc" {
                qemu_img(path, &["check", "-f", name, "image"]);
            }
        }
    }
}

#[test]
fn what_qemu_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let flavours = [
        ("vpc", "subformat=dynamic", Format::Vhd),
        ("vpc", "subformat=dynamic,force_size=on", Format::Vhd),
        ("vpc", "subformat=fixed", Format::Vhd),
        ("vpc", "subformat=fixed,force_size=on", Format::Vhd),
        ("vhdx", "subformat=dynamic", Format::Vhdx),
        ("vhdx", "subformat=dynamic,block_size=1M", Format::Vhdx),
        ("vhdx", "subformat=dynamic,block_size=256M,block_state_zero=off", Format::Vhdx),
        ("vhdx", "subformat=fixed,log_size=4M", Format::Vhdx),
        ("vdi", "static=off", Format::Vdi),
        ("vdi", "static=on", Format::Vdi),
    ];
    for disk in disks() {
        store(&disk, &path.join("raw"));
        for (name, options, format) in flavours {
            if qemu_img(path, &["convert", "-f", "raw", "-O", name, "-o", options, "raw", "image"]).is_none() {
                return;
            }
            let file: Arc<dyn ReadAt> =
                Arc::new(FileBytes::new(std::fs::File::open(path.join("image")).unwrap()).unwrap());
            let inspection = detect(&*file).unwrap();
            assert_eq!((inspection.format, inspection.refusals), (format, vec![]), "{options}");
            let read = open(Arc::clone(&file), format).unwrap_or_else(|error| panic!("{name} {options}: {error}"));
            assert_eq!(inspection.virtual_size_bytes, Some(read.guest.size_bytes()), "{name} {options}");
            assert_same(&disk, &read.guest, &format!("{name} {options}"));
            let check = check_structure(&file, format).unwrap();
            assert!(check.is_clean(), "{name} {options}: {:?}", check.texts);
        }
    }
}

/// Compares what `disk` calls data, and both ends of what it calls zeros: a raw file cannot tell its holes.
fn assert_same_data(raw: &dyn ReadAt, disk: &dyn ReadAt, what: &str) {
    let mut at = 0;
    while at < disk.size_bytes() {
        let run = disk.run_at(at).unwrap();
        let mut ends = vec![(at, run.len.min(MIB)), (at + run.len - run.len.min(MIB), run.len.min(MIB))];
        if !run.kind.is_zero() {
            ends = (0..run.len.div_ceil(MIB)).map(|n| (at + n * MIB, MIB.min(run.len - n * MIB))).collect();
        }
        for (start, len) in ends {
            let mut both = [vec![1; usize::try_from(len).unwrap()], vec![2; usize::try_from(len).unwrap()]];
            raw.read_at(start, &mut both[0]).unwrap();
            disk.read_at(start, &mut both[1]).unwrap();
            assert!(both[0] == both[1], "{what}: differs within {len} bytes at {start}");
        }
        at += run.len;
    }
}

#[test]
fn disks_of_other_writers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/formats");
    if !folder.is_dir() {
        eprintln!("skipped: there is no corpus at {}", folder.display());
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path();
    let images = [
        ("alp-dynamic-force.vhd.xz", "vpc"),
        ("alp-dynamic.vhd.xz", "vpc"),
        ("alp.vdi.xz", "vdi"),
        ("alp.vhdx.xz", "vhdx"),
        ("dfvfs-ext2.vhd.xz", "vpc"),
        ("qemu-d2v-zerofilled.vhd.bz2", "vpc"),
        ("qemu-iotest-dynamic-1G.vhdx.bz2", "vhdx"),
        ("qemu-test-disk2vhd.vhdx.bz2", "vhdx"),
        ("qemu-virtualpc-dynamic.vhd.bz2", "vpc"),
    ];
    for (name, qemu_name) in images {
        let program = if name.ends_with("xz") { "xz" } else { "bzip2" };
        let input = std::fs::File::open(folder.join(name)).unwrap();
        let output = std::fs::File::create(path.join("image")).unwrap();
        let unpacked = Command::new(program).arg("-dc").stdin(input).stdout(output).status();
        if !unpacked.is_ok_and(|status| status.success()) {
            eprintln!("skipped: {name} needs {program}");
            continue;
        }
        if qemu_img(path, &["convert", "-f", qemu_name, "-O", "raw", "image", "raw"]).is_none() {
            return;
        }
        let open_file = |name: &str| Arc::new(FileBytes::new(std::fs::File::open(path.join(name)).unwrap()).unwrap());
        let file = open_file("image");
        let format = detect(&*file).unwrap().format;
        let disk = open(file, format).unwrap_or_else(|error| panic!("{name}: {error}"));
        let raw = open_file("raw");
        assert_eq!(disk.guest.size_bytes(), raw.size_bytes(), "{name}");
        assert_same_data(&*raw, &*disk.guest, name);
    }
}
