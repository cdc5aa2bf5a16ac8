//! What is inside disks: partition tables, volumes, file systems, the whole check.

use std::path::Path;
use std::sync::Arc;

use imprint_disk::{Format, ReadAt};
use imprint_inspect::{btrfs as btrfs_reader, volumes as finder, xfs as xfs_reader};

use crate::base::Base;
use crate::exercise;

pub fn open_xfs(file: Arc<dyn ReadAt>, own: u8) {
    if let Ok(fs) = xfs_reader::open(file, exercise::budget()) {
        exercise::file_system(&*fs, own);
    }
}

pub fn open_btrfs(file: Arc<dyn ReadAt>, own: u8) {
    if let Ok(fs) = btrfs_reader::open(file, exercise::budget()) {
        exercise::file_system(&*fs, own);
    }
}

/// Finds every volume and reads in it.
pub fn volumes(file: Arc<dyn ReadAt>, own: u8) {
    let budget = exercise::budget();
    let volumes = finder::find(&file, &budget);
    let found: Vec<_> = volumes.found.iter().filter_map(|found| found.fs.as_ref()).collect();
    if !found.is_empty() {
        exercise::file_system(&**found[usize::from(own) % found.len()], own);
    }
}

/// The whole check.
pub fn inspect(file: Arc<dyn ReadAt>, _own: u8) {
    let report = imprint_inspect::inspect(&file, exercise::limits());
    drop(report.to_text());
}

pub fn xfs() -> Vec<Base> {
    kept(&["xfs-fuzz.img.zst", "xfs-v5.img.zst", "xfs-v4.img.zst"])
}

/// Its checksums are of a kind that is not verified, so edits reach what is behind them.
pub fn btrfs() -> Vec<Base> {
    kept(&["btrfs-fuzz.img.zst"])
}

pub fn ext() -> Vec<Base> {
    kept(&["ext4.img.zst", "ext4-no-checksums.img.zst", "ext2.img.zst"])
}

pub fn fat() -> Vec<Base> {
    kept(&["fat12.img.zst", "fat16.img.zst", "fat32.img.zst"])
}

pub fn ntfs() -> Vec<Base> {
    let mut bases = kept(&["ntfs.img.zst"]);
    bases.extend(guests_of(&["windows-like"]));
    bases
}

pub fn iso9660() -> Vec<Base> {
    kept(&["iso-rock-ridge.img.zst", "iso-joliet.img.zst"])
}

pub fn partitions() -> Vec<Base> {
    kept(&["gpt.img.zst", "mbr.img.zst"])
}

pub fn lvm() -> Vec<Base> {
    kept(&["lvm.img.zst"])
}

pub fn guests() -> Vec<Base> {
    let mut bases = kept(&["guest.img.zst"]);
    bases.extend(guests_of(&["rhel9-like", "sles15-like", "alpine-like", "windows-like", "deb12-xfs-nonvme"]));
    bases
}

fn kept(names: &[&str]) -> Vec<Base> {
    names.iter().map(|name| Base::kept(name)).collect()
}

/// Guests of the project's collection, where that is at hand; then all of them.
fn guests_of(names: &[&str]) -> Vec<Base> {
    let Some(folder) = std::env::var_os("IMPRINT_FUZZ_CORPUS") else { return Vec::new() };
    let open = |name: &&str| {
        let path = Path::new(&folder).join("guests").join(format!("{name}.qcow2"));
        let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: Arc<dyn ReadAt> = Arc::new(file);
        let guest = imprint_disk::open(file, Format::Qcow2).expect("a sound guest").guest;
        Base::of(&*guest)
    };
    names.iter().map(open).collect()
}
