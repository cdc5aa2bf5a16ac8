//! Disks of the shared corpus, when it is there. Its README says what each holds.

#[path = "../../../tests/corpus/mod.rs"]
mod place;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use imprint_disk::{FileBytes, ReadAt};

use place::place as corpus;

use super::{Volumes, find};
use crate::budget::{Budget, Limits};
use crate::fixtures::read_everything;

/// A file of the corpus, unpacked by the program that packs such files.
fn unpacked(path: &Path) -> Vec<u8> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("gz") => "gzip",
        Some("bz2") => "bzip2",
        _ => return std::fs::read(path).unwrap(),
    };
    let output = Command::new(program).arg("-dc").arg(path).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{}", path.display());
    output.stdout
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Name, content, label of each volume, in order.
fn contents(volumes: &Volumes) -> Vec<(&str, Option<&str>, Option<&str>)> {
    for found in &volumes.found {
        assert!(found.trouble.is_none(), "{}: {:?}", found.volume.name, found.trouble);
    }
    let found = volumes.found.iter().map(|found| &found.volume);
    found.map(|volume| (volume.name.as_str(), volume.content.as_deref(), volume.label.as_deref())).collect()
}

/// The volumes of a guest of the corpus.
fn guest(folder: &Path, name: &str) -> Volumes {
    let file = FileBytes::new(std::fs::File::open(folder.join(format!("{name}.qcow2"))).unwrap()).unwrap();
    let disk = imprint_disk::open(Arc::new(file), imprint_disk::Format::Qcow2).unwrap();
    find(&disk.guest, &Arc::new(Budget::new(Limits::default())))
}

#[test]
fn every_guest_has_the_volumes_that_it_was_made_with() {
    let Some(folder) = corpus("guests") else { return };
    let esp = |name| (name, Some("vfat"), Some("EFI"));
    let ext4 = |name, label| (name, Some("ext4"), Some(label));
    let bare = |name| (name, None, None);
    let pv = |name| (name, Some("LVM2_member"), None);
    let guests = [
        ("tiny-boot", "gpt", vec![bare("1"), ext4("2", "tinyroot")]),
        ("deb12-ext4-ci", "gpt", vec![bare("1"), esp("2"), ext4("3", "root")]),
        ("deb12-btrfs-ci", "gpt", vec![bare("1"), esp("2"), ("3", Some("btrfs"), Some("root"))]),
        ("deb12-mbr-sda", "mbr", vec![ext4("1", "root")]),
        ("deb12-xfs-nonvme", "gpt", vec![bare("1"), esp("2"), ext4("3", "boot"), ("4", Some("xfs"), Some("root"))]),
        (
            "deb12-lvm-gz",
            "gpt",
            vec![
                bare("1"),
                esp("2"),
                ext4("3", "boot"),
                pv("4"),
                ext4("vg_deb12-lvm-gz/root", "root"),
                ("vg_deb12-lvm-gz/swap_1", Some("swap"), Some("swap")),
            ],
        ),
        (
            "rhel9-like",
            "gpt",
            vec![
                esp("1"),
                ext4("2", "boot"),
                pv("3"),
                ("rl/swap", Some("swap"), None),
                ("rl/root", Some("xfs"), Some("root")),
            ],
        ),
        ("sles15-like", "gpt", vec![bare("1"), ("2", Some("btrfs"), Some("ROOT"))]),
        ("alpine-like", "mbr", vec![ext4("1", "root")]),
        (
            "windows-like",
            "mbr",
            vec![("1", Some("ntfs"), Some("System Reserved")), ("2", Some("ntfs"), Some("Windows"))],
        ),
    ];
    for (name, table, mut wanted) in guests {
        let volumes = guest(&folder, name);
        assert!(volumes.ended.is_none(), "{name}: {:?}", volumes.ended);
        assert_eq!(volumes.partition_table, Some(table), "{name}");
        assert_eq!(volumes.table_trouble, Vec::<String>::new(), "{name}");
        let mut found = contents(&volumes);
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{name}");
        for found in volumes.found.iter().filter(|found| found.fs.is_some()) {
            let fs = found.fs.as_ref().unwrap();
            assert!(fs.is_clean(), "{name} {}", found.volume.name);
            assert!(fs.size_bytes() <= found.volume.size_bytes, "{name} {}", found.volume.name);
        }
    }
}

#[test]
fn single_file_systems_and_tables_are_recognised() {
    let Some(folder) = corpus("fs") else { return };
    let alone = [
        ("dfvfs-iso9660.raw", "iso9660", Some("2022-09-17-06-11-15-00"), Some("CDROM")),
        ("utillinux-exfat.img", "exfat", Some("9C23-8877"), None),
        ("utillinux-ext2.img", "ext2", Some("22f0eac3-5c89-4ec1-9076-60799119aaea"), Some("test-ext2")),
        ("utillinux-ext3.img", "ext3", Some("35f66dab-477e-4090-a872-95ee0e493ad6"), Some("test-ext3")),
        ("utillinux-fat.img", "vfat", Some("DEAD-BEEF"), Some("TEST-FAT")),
        ("utillinux-fat32_xp_label1.img", "vfat", Some("A420-9304"), Some("LABEL1")),
        ("utillinux-iso-rr-joliet.img", "iso9660", Some("2009-09-24-10-32-43-00"), Some("ThisIsVolumeName")),
        ("utillinux-luks2.img", "crypto_LUKS", Some("202265fe-9842-4c2d-ac9b-aba1b05deb63"), Some("tst_label")),
        (
            "utillinux-ntfs.img",
            "ntfs",
            Some("09CBB6DE30C87310"),
            Some("\u{41d}\u{43e}\u{432}\u{44b}\u{439} \u{442}\u{43e}\u{43c}"),
        ),
        ("utillinux-swap1.img", "swap", Some("8ff8e77f-8553-485e-8656-58be67a81666"), Some("SWAP-TEST")),
        ("utillinux-udf-hdd-win7.img", "udf", None, None),
        ("utillinux-xfs-v5.img", "xfs", Some("3fdcb214-0f39-466d-a81a-a1fb114fe7cd"), Some("test-xfs-v5")),
    ];
    for (name, content, uuid, label) in alone {
        let volumes = super::volumes(unpacked(&folder.join(format!("{name}.xz"))));
        assert_eq!(volumes.partition_table, None, "{name}");
        assert_eq!(contents(&volumes), [("", Some(content), label)], "{name}");
        assert_eq!(volumes.found[0].volume.uuid.as_deref(), uuid, "{name}");
    }
    let gpt = super::volumes(unpacked(&folder.join("utillinux-pt-gpt.img.xz")));
    let labels: Vec<_> = gpt.found.iter().map(|found| found.volume.partition_label.as_deref()).collect();
    assert_eq!(labels[..2], [Some("ThisIsName"), Some("ThisIsOtherName")]);
    assert_eq!(gpt.found[1].volume.partition_uuid.as_deref(), Some("a1d03a96-7238-46c6-bbb3-789cbe173ec7"));
    let mbr = super::volumes(unpacked(&folder.join("utillinux-pt-dos+bsd.img.xz")));
    let types: Vec<_> = mbr.found.iter().map(|found| found.volume.partition_type.as_deref()).collect();
    assert_eq!(types, [Some("0x83"), Some("0xa5")]);
}

/// Every name of every file system can be asked for; whatever comes of it, the search returns.
fn survive(disk: Vec<u8>) {
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    let limits = Limits { time: Duration::from_secs(10), steps: 2_000_000, ..Limits::default() };
    let volumes = find(&disk, &Arc::new(Budget::new(limits)));
    for fs in volumes.found.iter().filter_map(|found| found.fs.as_ref()) {
        read_everything(&**fs);
    }
}

#[test]
fn what_is_damaged_or_cut_short_is_survived() {
    for folder in ["fs", "corrupt"] {
        let Some(folder) = corpus(folder) else { return };
        for path in files(&folder) {
            let mut disk = unpacked(&path);
            if folder.ends_with("fs") {
                disk.truncate(disk.len() / 3 + 700);
            }
            survive(disk);
        }
    }
}
