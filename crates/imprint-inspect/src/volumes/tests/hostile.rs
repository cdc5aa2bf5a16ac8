//! Disks that lie: loops, numbers beyond all bounds, and every byte changed at random.

use std::sync::Arc;
use std::time::Duration;

use imprint_disk::ReadAt;

use super::made::{boot_record, gpt, group, logical, physical_volume};
use super::{find, named, volumes};
use crate::budget::{Budget, Limits};
use crate::fields;
use crate::file_system::{FileSystem, Node};
use crate::fixtures::{at, numbers, read_all, read_everything, unpacked};

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

/// The only file system on a disk, and the object at a path.
fn opened(disk: &[u8], path: &str) -> (Arc<dyn FileSystem>, Node) {
    let volumes = volumes(disk.to_vec());
    let fs = Arc::clone(volumes.found[0].fs.as_ref().unwrap());
    let node = at(&*fs, fs.root(), path);
    (fs, node)
}

/// The kept ext4, its directory of several blocks, where that one's inode stands, and where its first block does.
fn ext4_directory() -> (Vec<u8>, Node, usize, usize) {
    let disk = unpacked("ext4.img.zst");
    let (_, node) = opened(&disk, "block");
    let le32 = |at: usize| usize::try_from(fields::le32(&disk, at).unwrap()).unwrap();
    // blocks of 1 KiB: descriptors of 64 bytes in the third, with the place of the inodes, of which each has 256 bytes
    let (group, within) =
        ((usize::try_from(node.0).unwrap() - 1) / 2048, (usize::try_from(node.0).unwrap() - 1) % 2048);
    let inode = le32(2048 + 64 * group + 8) * 1024 + within * 256;
    // the inode's extents begin at 40: a header, and the first one's block at the end
    let first = le32(inode + 40 + 12 + 8) * 1024;
    (disk, node, inode, first)
}

#[test]
fn an_ext4_tree_of_extents_is_as_deep_as_it_says_and_may_be() {
    let (sound, node, inode, first) = ext4_directory();
    let names = |disk: &[u8]| {
        let entries = opened(disk, "d0").0.read_dir(node).map_err(|error| error.to_string())?;
        Ok::<_, String>(entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>())
    };
    let nonsense = Err("a tree of extents that makes no sense".to_owned());
    // a node of one entry, which is about all blocks from the first on
    let above = |depth: u8, block: usize| {
        let block = u32::try_from(block).unwrap().to_le_bytes();
        [&[0x0a, 0xf3, 1, 0, 4, 0, depth, 0, 0, 0, 0, 0][..], &[0; 4], &block, &[0; 4]].concat()
    };
    let end = usize::try_from(fields::le32(&sound, 1024 + 4).unwrap()).unwrap();
    let put = |disk: &mut [u8], at: usize, tree: &[u8]| disk[at..at + 24].copy_from_slice(tree);
    for levels in 0..8 {
        let mut disk = sound.clone();
        let mut tree = sound[inode + 40..inode + 64].to_vec();
        for depth in 1..=levels {
            // the last blocks of all, which nothing else here reads
            let block = end - usize::from(depth);
            put(&mut disk, block * 1024, &tree);
            tree = above(depth, block);
        }
        put(&mut disk, inode + 40, &tree);
        assert_eq!(names(&disk), if levels <= 5 { names(&sound) } else { nonsense.clone() }, "{levels}");
    }
    // a node below the top that is its own next one
    let mut disk = sound.clone();
    put(&mut disk, inode + 40, &above(5, first / 1024));
    put(&mut disk, first, &above(4, first / 1024));
    assert_eq!(names(&disk), nonsense);
}

#[test]
fn an_ext4_directory_whose_records_stand_still_is_corrupt() {
    let (sound, node, _, first) = ext4_directory();
    assert!(!opened(&sound, "d0").0.read_dir(node).unwrap().is_empty());
    // of the first record and of the second: no length, and less than a record's own fields
    for at in [first, first + 12] {
        for len in [0, 4] {
            let mut disk = sound.clone();
            disk[at + 4] = len;
            let error = opened(&disk, "d0").0.read_dir(node).unwrap_err();
            assert_eq!(error.to_string(), "a directory whose records do not follow each other", "{at}: {len}");
        }
    }
}

#[test]
fn an_ntfs_list_of_attributes_that_names_itself_adds_nothing() {
    const PATH: &str = "EFI/BOOT/BOOTX64.EFI";
    const SECURITY: u32 = 0x50;
    let mut disk = unpacked("ntfs.img.zst");
    let (fs, node) = opened(&disk, PATH);
    let content = read_all(&*fs, node, 1 << 20);
    assert_eq!(content.len(), 70_001);
    // clusters of 4 KiB, records of 1 KiB; the attribute of the file's rights makes room for a list
    let mft = usize::try_from(fields::le64(&disk, 48).unwrap()).unwrap() * 4096;
    let record = mft + usize::try_from(node.0).unwrap() * 1024;
    let mut attribute = record + usize::from(fields::le16(&disk, record + 20).unwrap());
    while fields::le32(&disk, attribute).unwrap() != SECURITY {
        attribute += usize::try_from(fields::le32(&disk, attribute + 4).unwrap()).unwrap();
    }
    disk[attribute] = 0x20;
    let list = attribute + usize::from(fields::le16(&disk, attribute + 20).unwrap());
    assert_eq!(fields::le32(&disk, attribute + 16).unwrap(), 80);
    disk[list..list + 80].fill(0);
    // entries that name this record, and one of the top directory, which is nobody's part
    for (at, number) in [(list, node.0), (list + 26, 5), (list + 52, node.0)] {
        disk[at] = 0x80;
        disk[at + 4] = 26;
        disk[at + 16..at + 22].copy_from_slice(&number.to_le_bytes()[..6]);
    }
    assert!(read_all(&*opened(&disk, PATH).0, node, 1 << 20) == content);
    // an entry without a length stands still
    disk[list + 26 + 4] = 0;
    let error = opened(&disk, PATH).0.read(node, 0, &mut [0]).unwrap_err();
    assert_eq!(error.to_string(), "a list of attributes that makes no sense");
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
