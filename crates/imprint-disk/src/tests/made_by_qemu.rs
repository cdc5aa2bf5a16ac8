//! Images made by `qemu-img`, when it is installed.

use std::path::Path;

use super::inspect;
use crate::{Format, Inspection, Refusal, Warning};

const SIZE: u64 = 5 * 1024 * 1024;

/// Runs `qemu-img` in `folder`; false (and a word about it) when it is not installed.
pub(super) fn qemu_img(folder: &Path, arguments: &[&str]) -> bool {
    super::blocks_and_qemu::qemu_img(folder, arguments).is_some()
}

/// A disk of [`SIZE`] bytes with data at both ends, converted to `format` with `options`.
fn convert(format: &str, options: &[&str]) -> Option<Inspection> {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = vec![0_u8; usize::try_from(SIZE).unwrap()];
    let len = disk.len();
    disk[70_000..200_000].fill(0x5a);
    disk[len - 3000..].fill(0xa5);
    std::fs::write(folder.path().join("disk.raw"), disk).unwrap();
    let mut arguments = vec!["convert", "-f", "raw", "-O", format];
    for option in options {
        arguments.extend(if *option == "-c" { vec!["-c"] } else { vec!["-o", option] });
    }
    arguments.extend(["disk.raw", "image"]);
    qemu_img(folder.path(), &arguments).then(|| inspect(&std::fs::read(folder.path().join("image")).unwrap()))
}

fn assert_sound(format: &str, options: &[&str], expected: Format, size: u64) {
    let Some(inspection) = convert(format, options) else { return };
    assert_eq!(inspection.format, expected, "{format} {options:?}");
    assert_eq!(inspection.refusals, [], "{format} {options:?}");
    assert_eq!(inspection.warnings, [], "{format} {options:?}");
    assert_eq!(inspection.virtual_size_bytes, Some(size), "{format} {options:?}");
}

#[test]
fn qcow2() {
    let flavours: [&[&str]; 9] = [
        &["compat=0.10"],
        &["compat=1.1"],
        &["compat=1.1", "-c"],
        &["compression_type=zstd", "-c"],
        &["cluster_size=512"],
        &["cluster_size=2M"],
        &["extended_l2=on"],
        &["refcount_bits=1"],
        &["lazy_refcounts=on", "preallocation=metadata"],
    ];
    for options in flavours {
        assert_sound("qcow2", options, Format::Qcow2, SIZE);
    }
}

#[test]
fn vmdk() {
    for subformat in ["subformat=monolithicSparse", "subformat=streamOptimized"] {
        assert_sound("vmdk", &[subformat], Format::Vmdk, SIZE);
        assert_sound("vmdk", &[subformat, "adapter_type=lsilogic"], Format::Vmdk, SIZE);
    }
    // these are texts that name other files
    for subformat in ["monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse"] {
        let Some(inspection) = convert("vmdk", &[&format!("subformat={subformat}")]) else { return };
        assert_eq!(inspection.format, Format::Vmdk, "{subformat}");
        let type_is_refused = |refusal: &Refusal| matches!(refusal, Refusal::VmdkType { .. });
        assert!(inspection.refusals.iter().any(type_is_refused), "{subformat}: {:?}", inspection.refusals);
    }
}

#[test]
fn vhd() {
    for subformat in ["subformat=dynamic", "subformat=fixed"] {
        assert_sound("vpc", &[subformat, "force_size=on"], Format::Vhd, SIZE);
        // without it the disk grows to what a geometry can express
        assert_sound("vpc", &[subformat], Format::Vhd, 5_257_216);
    }
}

#[test]
fn vhdx() {
    for subformat in ["subformat=dynamic", "subformat=fixed"] {
        assert_sound("vhdx", &[subformat], Format::Vhdx, SIZE);
        assert_sound("vhdx", &[subformat, "block_size=2M", "log_size=2M"], Format::Vhdx, SIZE);
    }
}

#[test]
fn vdi() {
    assert_sound("vdi", &["static=off"], Format::Vdi, SIZE);
    assert_sound("vdi", &["static=on"], Format::Vdi, SIZE);
}

#[test]
fn qed_parallels() {
    if let Some(inspection) = convert("qed", &[]) {
        assert_eq!(inspection.refusals, [Refusal::BannedFormat(Format::Qed)]);
    }
    if let Some(inspection) = convert("parallels", &[]) {
        assert_eq!((inspection.format, inspection.refusals), (Format::Ploop, vec![]));
    }
}

#[test]
fn images_that_need_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let read = |name: &str| inspect(&std::fs::read(path.join(name)).unwrap());
    if !qemu_img(path, &["create", "-f", "qcow2", "base", "1M"]) {
        return;
    }
    qemu_img(path, &["create", "-f", "qcow2", "-b", "base", "-F", "qcow2", "overlay"]);
    assert_eq!(read("overlay").refusals, [Refusal::BackingFile]);
    qemu_img(path, &["create", "-f", "qcow2", "-o", "data_file=elsewhere", "external", "1M"]);
    assert_eq!(read("external").refusals, [Refusal::ExternalDataFile]);
    qemu_img(path, &["create", "-f", "vmdk", "parent", "1M"]);
    qemu_img(path, &["create", "-f", "vmdk", "-b", "parent", "-F", "vmdk", "delta"]);
    assert!(read("delta").refusals.contains(&Refusal::BackingFile));
}

#[test]
fn encrypted_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let secret = ["--object", "secret,id=s,data=none", "-o"];
    let read = |name: &str| inspect(&std::fs::read(path.join(name)).unwrap());
    let create = |format, option, name| {
        let [object, value, flag] = secret;
        qemu_img(path, &["create", object, value, "-f", format, flag, option, name, "1M"])
    };
    if !create("qcow2", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", "inside") {
        return;
    }
    assert_eq!(read("inside").refusals, [Refusal::Encrypted]);
    create("luks", "key-secret=s,iter-time=10", "luks");
    let luks = read("luks");
    assert_eq!((luks.format, luks.virtual_size_bytes), (Format::Luks, Some(1024 * 1024)));
    assert_eq!(luks.refusals, []);
}

#[test]
fn unclosed_image_is_only_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    if !qemu_img(folder.path(), &["create", "-f", "qcow2", "image", "1M"]) {
        return;
    }
    let mut bytes = std::fs::read(folder.path().join("image")).unwrap();
    bytes[79] |= 0b11;
    let inspection = inspect(&bytes);
    assert_eq!((inspection.refusals, inspection.warnings), (vec![], vec![Warning::Dirty, Warning::Corrupt]));
}
