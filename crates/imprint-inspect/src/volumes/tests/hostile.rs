//! Disks that lie: loops, numbers beyond all bounds, and every byte changed at random.

use std::sync::Arc;
use std::time::Duration;

use imprint_disk::ReadAt;

use super::made::{boot_record, gpt, group, logical, physical_volume};
use super::{find, named, volumes};
use crate::budget::{Budget, Limits};
use crate::fixtures::{numbers, read_everything, unpacked};

/// Looks at everything with a small budget.
fn survive(disk: Vec<u8>) {
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    let limits = Limits { time: Duration::from_secs(10), steps: 20_000, held_bytes: 64 << 20, ..Limits::default() };
    let volumes = find(&disk, &Arc::new(Budget::new(limits)));
    for fs in volumes.found.iter().filter_map(|found| found.fs.as_ref()) {
        read_everything(&**fs);
    }
}

/// Changes some bytes of those that are used.
fn spoil(disk: &mut [u8], used: &[usize], next: &mut impl FnMut() -> u64) {
    for _ in 0..next() % 12 + 1 {
        let at = used[usize::try_from(next() % used.len() as u64).unwrap()];
        let byte = next().to_le_bytes()[0];
        disk[at] = match next() % 4 {
            0 => 0xff,
            1 => 0,
            2 => disk[at] ^ 1 << (byte % 8),
            _ => byte,
        };
    }
}

#[test]
fn file_systems_with_changed_bytes_are_survived() {
    let mut next = numbers(0x1234_5678_9abc_def1);
    for name in ["ext4-small-blocks", "ext4-dirty", "ext2", "fat12", "fat32", "iso-rock-ridge", "iso-joliet", "ntfs"] {
        let sound = unpacked(&format!("{name}.img.zst"));
        let used: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
        // Most of what decides is at the beginning.
        let first = &used[..used.len().min(3000)];
        for round in 0..10 {
            let mut disk = sound.clone();
            spoil(&mut disk, if round % 2 == 0 { first } else { &used }, &mut next);
            survive(disk);
        }
    }
}

#[test]
fn file_systems_that_end_early_are_survived() {
    for name in ["ext4", "ext2", "fat16", "iso-rock-ridge", "ntfs"] {
        let sound = unpacked(&format!("{name}.img.zst"));
        for len in [0, 1, 511, 512, 513, 1025, 2048, 33_000, 70_000, 300_000, 1_500_001] {
            survive(sound[..len.min(sound.len())].to_vec());
        }
    }
}

#[test]
fn what_is_read_is_given_back() {
    for name in ["ext4", "ext4-dirty", "fat16", "fat32", "iso-rock-ridge", "ntfs", "btrfs", "xfs-v5"] {
        let disk: Arc<dyn ReadAt> = Arc::new(unpacked(&format!("{name}.img.zst")));
        let budget = Arc::new(Budget::new(Limits::default()));
        let volumes = find(&disk, &budget);
        let fs = volumes.found[0].fs.as_ref().unwrap();
        let opened = budget.bytes_held();
        assert!(opened < 6 << 20, "{name}: {opened}");
        read_everything(&**fs);
        // Besides the directory and the chains that were used last.
        assert!(budget.bytes_held() < opened + (1 << 20), "{name}: {}", budget.bytes_held());
    }
}

#[test]
fn names_that_do_not_fit_the_budget_are_not_listed() {
    for (name, path) in [
        ("ext4-small-blocks", "node"),
        ("fat16", "many"),
        ("iso-rock-ridge", "many"),
        ("ntfs", "many"),
        ("xfs-v5", "node"),
        ("btrfs", "node"),
    ] {
        let disk: Arc<dyn ReadAt> = Arc::new(unpacked(&format!("{name}.img.zst")));
        let budget = Arc::new(Budget::new(Limits::default()));
        let volumes = find(&disk, &budget);
        let fs = volumes.found[0].fs.as_ref().unwrap();
        let top = fs.subvolumes().first().map_or(fs.root(), |(_, node)| *node);
        let node = fs.lookup(top, path.as_bytes()).unwrap().unwrap_or_else(|| panic!("{name} has no {path}"));
        budget.keep(Limits::default().held_bytes - budget.bytes_held() - 4000).unwrap();
        assert!(fs.read_dir(node).is_err_and(|error| error.ends_the_check()), "{name}");
    }
}

#[test]
fn a_superblock_cannot_make_anything_be_allocated() {
    let mut disk = unpacked("ext2.img.zst");
    // As many blocks, inodes and groups as there are numbers.
    for at in [0, 4, 32, 40] {
        disk[1024 + at..1024 + at + 4].fill(if at == 32 { 1 } else { 0xff });
    }
    survive(disk);
}

#[test]
fn tables_that_lie_are_survived() {
    let mut disk = vec![0; 1 << 20];
    gpt(&mut disk, &[(34, 100)]);
    let sound = disk.clone();
    // Count and size of entries, and where they are: all beyond bounds.
    for (at, bytes) in [(80, [0xff; 4]), (84, [0xff; 4]), (84, [0, 0, 0, 0]), (84, [7, 0, 0, 0]), (72, [0xff; 4])] {
        let mut disk = sound.clone();
        let end = disk.len();
        disk[512 + at..512 + at + 4].copy_from_slice(&bytes);
        disk[end - 512 + at..end - 512 + at + 4].copy_from_slice(&bytes);
        let volumes = volumes(disk);
        assert_eq!(volumes.partition_table, Some("mbr"), "the protective entry is what is left");
    }
    // A chain of logical partitions in which each leads to the next for as long as there is room.
    let mut disk = vec![0; 1 << 20];
    boot_record(&mut disk, &[(0x05, 1, 2000)]);
    for sector in 1..2000u32 {
        let at = usize::try_from(sector).unwrap() * 512;
        boot_record(&mut disk[at..], &[(0x83, 1, 1), (0x05, sector, 1)]);
    }
    let volumes = volumes(disk);
    assert_eq!(volumes.found.len(), 128);
}

#[test]
fn partitions_that_are_one_place_are_looked_into_once() {
    let mut disk = vec![0; 40 << 20];
    let inner = unpacked("ext2.img.zst");
    let place = 2048 * 512;
    let len = inner.len().min(disk.len() - place - 33 * 512);
    disk[place..place + len].copy_from_slice(&inner[..len]);
    gpt(&mut disk, &[(2048, 70_000); 128]);
    let volumes = volumes(disk);
    assert_eq!(volumes.found.len(), 128);
    assert_eq!(volumes.found.iter().filter(|found| found.fs.is_some()).count(), 1);
    assert!(volumes.found[1..].iter().all(|found| found.trouble.is_some()));
}

#[test]
fn a_physical_volume_is_put_together_once() {
    let text = group(1, &logical("lv", "extent_count = 1 type = \"striped\" stripe_count = 1 stripes = [\"pv0\", 0]"));
    let physical = physical_volume('A', &text, &[&[1]]);
    let sectors = physical.len() as u64 / 512;
    let mut disk = vec![0; 8 << 20];
    for start in [2048u64, 8192] {
        let at = usize::try_from(start).unwrap() * 512;
        disk[at..at + physical.len()].copy_from_slice(&physical);
    }
    gpt(&mut disk, &[(2048, 2047 + sectors), (8192, 8191 + sectors)]);
    let volumes = volumes(disk);
    assert!(named(&volumes, "1").trouble.is_none() && named(&volumes, "2").trouble.is_some());
    assert!(named(&volumes, "vg/lv").source.is_some());
}

#[test]
fn of_more_volumes_than_any_machine_has_the_first_are_found() {
    let lv = |index: usize| {
        logical(&format!("l{index}"), "extent_count = 1 type = \"striped\" stripe_count = 1 stripes = [\"pv0\", 0]")
    };
    let text = group(1, &(0..2000).map(lv).collect::<String>());
    let volumes = volumes(physical_volume('A', &text, &[&[1]]));
    assert_eq!(volumes.found.len(), 512);
    assert!(volumes.ended.is_some_and(|error| error.to_string().contains("too many volumes")));
}

#[test]
fn logical_volumes_that_lie_are_not_read() {
    let lies = [
        ("loop", "extent_count = 1 type = \"striped\" stripe_count = 1 stripes = [\"loop\", 0]"),
        ("gap", "extent_count = 18446744073709551615 type = \"striped\" stripe_count = 1 stripes = [\"pv0\", 0]"),
        (
            "odd",
            "extent_count = 3 type = \"striped\" stripe_count = 2 stripe_size = 8 stripes = [\"pv0\", 0, \"pv0\", 1]",
        ),
        (
            "flat",
            "extent_count = 2 type = \"striped\" stripe_count = 2 stripe_size = 0 stripes = [\"pv0\", 0, \"pv0\", 1]",
        ),
        ("gone", "extent_count = 1 type = \"striped\" stripe_count = 1 stripes = [\"pv1\", 0]"),
    ];
    let text = group(1, &lies.map(|(name, segment)| logical(name, segment)).concat());
    let volumes = volumes(physical_volume('A', &text, &[]));
    for (name, _) in lies {
        let found = named(&volumes, &format!("vg/{name}"));
        assert!(found.source.is_none() && found.trouble.is_some(), "{name}");
    }
}

#[test]
fn an_extent_outside_its_volume_is_an_error_only_where_it_is_read() {
    let text =
        group(1, &logical("far", "extent_count = 9 type = \"striped\" stripe_count = 1 stripes = [\"pv0\", 1000000]"));
    let volumes = volumes(physical_volume('A', &text, &[]));
    let far = named(&volumes, "vg/far");
    assert!(far.source.is_some() && far.fs.is_none() && far.trouble.is_some());
    assert!(volumes.ended.is_none());
}

#[test]
fn metadata_that_makes_no_sense_leaves_the_volume_without_a_group() {
    let deep = "a { ".repeat(100_000);
    let long = format!("vg {{ seqno = 1 list = [{}", "[".repeat(1000));
    for text in ["", "vg {", "= = =", "vg { id = \"x", &deep, &long, "vg { seqno = 99999999999999999999999 }"] {
        let volumes = volumes(physical_volume('A', text, &[]));
        assert_eq!(volumes.found.len(), 1, "{}", &text[..text.len().min(20)]);
        assert_eq!(volumes.found[0].volume.content.as_deref(), Some("LVM2_member"));
        assert!(volumes.ended.is_none());
    }
}

#[test]
fn a_budget_that_is_used_up_ends_the_search_and_keeps_what_was_found() {
    let mut disk = vec![0; 1 << 20];
    gpt(&mut disk, &[(34, 100), (200, 300)]);
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    let limits = Limits { steps: 12, ..Limits::default() };
    let volumes = find(&disk, &Arc::new(Budget::new(limits)));
    assert!(volumes.ended.is_some_and(|error| error.ends_the_check()));
}
