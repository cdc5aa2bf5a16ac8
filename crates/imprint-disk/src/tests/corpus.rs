//! Images made by other programs, from the shared corpus when it is there.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Format, Inspection, Inspector, Refusal, Warning};

const MIB: u64 = 1024 * 1024;

fn corpus(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: there is no corpus at {}", path.display());
    None
}

/// Inspects a file, through its decompressor when its name ends in one's suffix; `None` if that program is absent.
fn inspect_file(path: &Path) -> Option<Inspection> {
    let program = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("xz") => "xz",
        Some("bz2") => "bzip2",
        Some("gz") => "gzip",
        _ => "cat",
    };
    let arguments: &[&str] = if program == "cat" { &[] } else { &["-dc"] };
    let file = std::fs::File::open(path).unwrap();
    let child = Command::new(program).args(arguments).stdin(file).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {} needs {program}", path.display());
        return None;
    };
    let mut inspector = Inspector::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut output = child.stdout.take().unwrap();
    loop {
        let count = output.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        inspector.feed(&buffer[..count]);
    }
    assert!(child.wait().unwrap().success(), "{} could not be decompressed", path.display());
    Some(inspector.finish())
}

#[test]
fn formats_are_recognised_with_their_size() {
    let Some(folder) = corpus("formats") else { return };
    let expected = [
        ("alp-c2M.qcow2.xz", Format::Qcow2, 128 * MIB),
        ("alp-c4k.qcow2", Format::Qcow2, 128 * MIB),
        ("alp-dynamic-force.vhd.xz", Format::Vhd, 128 * MIB),
        ("alp-dynamic.vhd.xz", Format::Vhd, 134_250_496),
        ("alp-extl2.qcow2.xz", Format::Qcow2, 128 * MIB),
        ("alp-snap.qcow2", Format::Qcow2, 128 * MIB),
        ("alp-sparse.vmdk.xz", Format::Vmdk, 128 * MIB),
        ("alp-stream.vmdk", Format::Vmdk, 128 * MIB),
        ("alp-v2.qcow2", Format::Qcow2, 128 * MIB),
        ("alp-zstd.qcow2", Format::Qcow2, 128 * MIB),
        ("alp.vdi.xz", Format::Vdi, 128 * MIB),
        ("alp.vhdx.xz", Format::Vhdx, 128 * MIB),
        ("dfvfs-ext2.qcow2.xz", Format::Qcow2, 4 * MIB),
        ("dfvfs-ext2.vhd.xz", Format::Vhd, 4_212_736),
        ("dfvfs-ext2.vmdk.xz", Format::Vmdk, 4 * MIB),
        ("dfvfs-windows_volume.qcow2.xz", Format::Qcow2, 35_913_728),
        ("qemu-d2v-zerofilled.vhd.bz2", Format::Vhd, 263_454_720),
        ("qemu-grub_mbr.raw.bz2", Format::Gpt, 512),
        ("qemu-iotest-dynamic-1G.vhdx.bz2", Format::Vhdx, 1024 * MIB),
        ("qemu-iotest-version3.vmdk.bz2", Format::Vmdk, 16 * 1024 * MIB),
        ("qemu-test-disk2vhd.vhdx.bz2", Format::Vhdx, 256 * MIB),
        ("qemu-virtualpc-dynamic.vhd.bz2", Format::Vhd, 136_363_130_880),
    ];
    for (name, format, virtual_size_bytes) in expected {
        let Some(inspection) = inspect_file(&folder.join(name)) else { continue };
        assert_eq!(inspection.refusals, [], "{name}");
        assert_eq!(inspection.format, format, "{name}");
        assert_eq!(inspection.virtual_size_bytes, Some(virtual_size_bytes), "{name}");
        let unclosed = inspection.warnings.iter().any(|w| matches!(w, Warning::Dirty | Warning::FooterMissing));
        assert!(!unclosed, "{name}: {:?}", inspection.warnings);
    }
}

#[test]
fn edited_footer_is_refused() {
    let Some(folder) = corpus("formats") else { return };
    // its makers changed the identifier by hand and left the checksum as it was; other strict readers refuse it too
    let Some(inspection) = inspect_file(&folder.join("dfvfs-image.vhd.xz")) else { return };
    assert_eq!((inspection.format, inspection.virtual_size_bytes), (Format::Vhd, Some(104_448)));
    assert_eq!(inspection.refusals, [Refusal::BadChecksum { field: "VHD footer" }]);
}

#[test]
fn differencing_disks_are_refused() {
    let Some(folder) = corpus("formats") else { return };
    for name in ["dfvfs-fat-differential.vhd.xz", "dfvfs-image-differential.vhd.xz"] {
        let Some(inspection) = inspect_file(&folder.join(name)) else { continue };
        assert_eq!(inspection.format, Format::Vhd, "{name}");
        assert!(inspection.refusals.contains(&Refusal::Differencing), "{name}: {:?}", inspection.refusals);
    }
}

#[test]
fn file_systems_are_raw_disks_with_their_own_tables() {
    let Some(folder) = corpus("fs") else { return };
    let expected = [
        ("dfvfs-iso9660.raw.xz", Format::Iso),
        ("utillinux-iso-rr-joliet.img.xz", Format::Iso),
        ("utillinux-ext2.img.xz", Format::Raw),
        ("utillinux-ext3.img.xz", Format::Raw),
        ("utillinux-fat.img.xz", Format::Raw),
        ("utillinux-fat32_xp_label1.img.xz", Format::Raw),
        ("utillinux-swap1.img.xz", Format::Raw),
        ("utillinux-xfs-v5.img.xz", Format::Raw),
        ("utillinux-luks2.img.xz", Format::Luks),
        ("utillinux-pt-gpt.img.xz", Format::Gpt),
        ("utillinux-pt-dos+bsd.img.xz", Format::Gpt),
    ];
    for (name, format) in expected {
        let Some(inspection) = inspect_file(&folder.join(name)) else { continue };
        assert_eq!(inspection.format, format, "{name}");
    }
}

#[test]
fn guests_are_safe() {
    let Some(folder) = corpus("guests") else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(inspection) = inspect_file(&path) else { continue };
        assert_eq!((inspection.format, &inspection.refusals), (Format::Qcow2, &vec![]), "{}", path.display());
        assert!(inspection.virtual_size_bytes.is_some_and(|size| size > MIB), "{}", path.display());
    }
}

#[test]
fn corrupt_images_get_an_answer() {
    let Some(folder) = corpus("corrupt") else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // whatever the answer is: it must not panic, and a fuzzed header may not slip through as sound
        let Some(inspection) = inspect_file(&path) else { continue };
        if inspection.format == Format::Vmdk {
            assert_ne!(inspection.refusals, [], "{}", path.display());
        }
    }
}
