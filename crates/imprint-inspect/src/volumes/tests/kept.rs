//! The file systems that `fixtures/volumes.py` made, against the lists that it made of them.

use std::sync::Arc;

use super::{digest, listing, volumes};
use crate::file_system::FileSystem;
use crate::fixtures::{expected, unpacked};

/// A kept file system, alone on its disk.
fn open(name: &str) -> Arc<dyn FileSystem> {
    let mut found = volumes(unpacked(&format!("{name}.img.zst"))).found;
    assert_eq!(found.len(), 1);
    let found = found.remove(0);
    found.fs.unwrap_or_else(|| panic!("{name}: {:?}", found.trouble))
}

/// The kept list without modes, and without the sizes that only some file systems have.
fn kept(name: &str) -> Vec<String> {
    let words = |line: &str| {
        let mut parts = line.splitn(5, ' ');
        let (kind, _, size) = (parts.next()?, parts.next()?, parts.next()?);
        let (what, path) = (parts.next()?, parts.next()?);
        Some(match kind {
            "file" => format!("file {size} {what} {path}"),
            "link" => format!("link {what} {path}"),
            kind => format!("{kind} {path}"),
        })
    };
    let mut lines: Vec<String> = expected(name).lines().map(|line| words(line).unwrap()).collect();
    lines.sort();
    lines
}

/// Compares line by line, so that a difference can be read.
fn assert_lists(name: &str, found: &[String], wanted: &[String]) {
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found, wanted, "{name}");
    }
    assert_eq!(found.len(), wanted.len(), "{name}");
}

#[test]
fn ext_file_systems_read_as_the_kernel_reads_them() {
    for (name, kind) in [("ext4", "ext4"), ("ext4-small-blocks", "ext4"), ("ext3", "ext3"), ("ext2", "ext2")] {
        let fs = open(name);
        assert_eq!((fs.type_name(), fs.is_clean()), (kind, true), "{name}");
        assert_lists(name, &listing(&*fs), &kept(name));
    }
}

#[test]
fn a_journal_is_replayed() {
    for name in ["ext4", "ext3"] {
        let fs = open(&format!("{name}-dirty"));
        assert!(!fs.is_clean(), "{name}");
        let last = fs.lookup(fs.root(), b"last").unwrap().expect("made in the last transaction");
        let mut wanted = kept(name);
        wanted.push(format!("file 0 {} last", digest(&*fs, last)));
        wanted.sort();
        assert_lists(name, &listing(&*fs), &wanted);
    }
}

#[test]
fn labels_and_identifiers_are_read() {
    let fs = open("ext2");
    assert_eq!((fs.label().as_deref(), fs.size_bytes()), (Some("imprint-2"), 8 << 20));
    let fs = open("fat32");
    assert_eq!((fs.label().as_deref(), fs.uuid().as_deref()), (Some("IMPRINT"), Some("1234-5678")));
    assert_eq!(open("ntfs").label().as_deref(), Some("Imprint \u{416}"));
    assert_eq!(open("iso-joliet").label().as_deref(), Some("IMPRINT"));
}

#[test]
fn fat_of_every_width_is_read_without_regard_to_case() {
    for name in ["fat12", "fat16", "fat32"] {
        let fs = open(name);
        assert_eq!((fs.type_name(), fs.is_clean()), ("vfat", true));
        assert_lists(name, &listing(&*fs), &kept(name));
        let efi = fs.lookup(fs.root(), b"efi").unwrap().unwrap();
        assert!(fs.lookup(efi, b"bOOT").unwrap().is_some());
        assert!(fs.lookup(fs.root(), b"ARATHE~1.TXT").unwrap().is_some(), "the short name of a long one");
    }
}

/// What the tool that makes discs adds or changes.
fn is_of_the_tree(line: &str) -> bool {
    !["boot.cat", "boot.img", "rr_moved"].iter().any(|name| line.contains(name))
}

#[test]
fn rock_ridge_has_names_links_and_directories_that_were_moved() {
    let found: Vec<String> =
        listing(&*open("iso-rock-ridge")).into_iter().filter(|line| is_of_the_tree(line)).collect();
    let wanted: Vec<String> = kept("iso-rock-ridge").into_iter().filter(|line| is_of_the_tree(line)).collect();
    assert_lists("iso-rock-ridge", &found, &wanted);
    assert_eq!(volumes(unpacked("iso-rock-ridge.img.zst")).el_torito, [0]);
}

#[test]
fn joliet_has_long_names_where_there_is_no_rock_ridge() {
    let fs = open("iso-joliet");
    assert!(fs.ignores_case());
    let found = listing(&*fs);
    let is_kept = |line: &String| is_of_the_tree(line) && !line.starts_with("link") && !line.contains("nnnn");
    for line in kept("iso-joliet").into_iter().filter(is_kept) {
        assert!(found.contains(&line), "{line}");
    }
}

#[test]
fn ntfs_is_read_in_pieces_and_by_any_case() {
    let fs = open("ntfs");
    assert_eq!((fs.type_name(), fs.is_clean()), ("ntfs", true));
    assert_lists("ntfs", &listing(&*fs), &kept("ntfs"));
    let windows = fs.lookup(fs.root(), b"WINDOWS").unwrap().unwrap();
    let system = fs.lookup(windows, b"system32").unwrap().unwrap();
    assert!(fs.lookup(system, b"A NAME OF SOME LENGTH 00001.DLL").unwrap().is_some());
    assert!(fs.lookup(system, b"a name of some length 00003.dll").unwrap().is_none());
    assert!(fs.lookup(windows, "\u{fc}ML\u{e4}UT \u{436}".as_bytes()).unwrap().is_some());
}
