//! Partition tables, mirrors and logical volumes made here, byte by byte.

use std::sync::Arc;

use imprint_disk::ReadAt;

use super::{named, volumes};
use crate::budget::Limits;
use crate::fixtures::unpacked;
use crate::inspect::inspect;
use crate::report::{Item, ItemName, Risk};

const SECTOR: usize = 512;

/// A partition of an MBR: type, first sector, sectors.
pub(super) type Entry = (u8, u32, u32);

/// Writes a boot record's entries.
pub(super) fn boot_record(sector: &mut [u8], entries: &[Entry]) {
    sector[510..512].copy_from_slice(&[0x55, 0xaa]);
    for (index, (kind, start, sectors)) in entries.iter().enumerate() {
        let entry = &mut sector[446 + index * 16..][..16];
        entry[4] = *kind;
        entry[8..12].copy_from_slice(&start.to_le_bytes());
        entry[12..16].copy_from_slice(&sectors.to_le_bytes());
    }
}

/// Writes a GPT with its backup; partitions are first and last sector.
pub(super) fn gpt(disk: &mut [u8], partitions: &[(u64, u64)]) {
    boot_record(disk, &[(0xee, 1, u32::MAX)]);
    let mut entries = vec![0; 128 * 128];
    for (index, (first, last)) in partitions.iter().enumerate() {
        let entry = &mut entries[index * 128..][..128];
        entry[..16].fill(0x11);
        entry[16..32].fill(u8::try_from(index).unwrap() + 1);
        entry[32..40].copy_from_slice(&first.to_le_bytes());
        entry[40..48].copy_from_slice(&last.to_le_bytes());
        entry[56..58].copy_from_slice(&u16::from(b'p').to_le_bytes());
    }
    let sectors = (disk.len() / SECTOR) as u64;
    for (own, array) in [(1, 2), (sectors - 1, sectors - 33)] {
        let mut header = [0; 92];
        header[..8].copy_from_slice(b"EFI PART");
        header[12..16].copy_from_slice(&92u32.to_le_bytes());
        header[24..32].copy_from_slice(&own.to_le_bytes());
        header[72..80].copy_from_slice(&array.to_le_bytes());
        header[80..84].copy_from_slice(&128u32.to_le_bytes());
        header[84..88].copy_from_slice(&128u32.to_le_bytes());
        header[88..92].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
        let checksum = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        let at = |sector: u64| usize::try_from(sector).unwrap() * SECTOR;
        disk[at(own)..][..92].copy_from_slice(&header);
        disk[at(array)..][..entries.len()].copy_from_slice(&entries);
    }
}

/// What the check of a whole disk says of its file systems.
fn file_systems_of(disk: Vec<u8>) -> Item {
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    let report = inspect(&disk, Limits::default());
    report.item(ItemName::FileSystem).unwrap().clone()
}

#[test]
fn the_backup_is_read_when_the_first_table_is_damaged() {
    let mut disk = vec![0; 1 << 20];
    gpt(&mut disk, &[(100, 199), (200, 1000)]);
    let whole = volumes(disk.clone());
    assert!(whole.table_trouble.is_empty());
    assert_eq!(file_systems_of(disk.clone()).code, None);
    disk[1024 + 60] ^= 1;
    let backup = volumes(disk.clone());
    assert_eq!(backup.table_trouble.len(), 1);
    let told = file_systems_of(disk.clone());
    assert_eq!(told.code.as_deref(), Some("FileSystem.TableDamaged"));
    assert_eq!(told.risk, Some(Risk::Medium));
    assert!(told.detail.contains("its backup was read"), "{}", told.detail);
    for volumes in [&whole, &backup] {
        let second = &named(volumes, "2").volume;
        assert_eq!((second.offset_bytes, second.size_bytes), (Some(102_400), 801 * 512));
        assert_eq!(second.partition_label.as_deref(), Some("p"));
        assert_eq!(second.partition_uuid.as_deref(), Some("02020202-0202-0202-0202-020202020202"));
    }
    // Both damaged: what can be read is read, and said to be in doubt.
    let end = disk.len();
    disk[end - 512 + 88] ^= 1;
    let doubtful = volumes(disk);
    assert_eq!((doubtful.partition_table, doubtful.found.len()), (Some("gpt"), 2));
    assert!(doubtful.table_trouble[0].contains("checksums"));
}

#[test]
fn partitions_are_cut_to_the_disk() {
    let mut disk = vec![0; 1 << 20];
    gpt(&mut disk, &[(100, 1 << 40), (1 << 50, 1 << 60), (300, 200), (40, u64::MAX)]);
    let volumes = volumes(disk);
    assert_eq!(named(&volumes, "1").volume.size_bytes, (1 << 20) - 51_200);
    assert_eq!(volumes.found.len(), 1, "{:?}", volumes.table_trouble);
    assert_eq!(volumes.table_trouble.len(), 4);
}

#[test]
fn logical_partitions_are_followed_upwards_only() {
    let mut disk = vec![0; 1 << 20];
    boot_record(&mut disk, &[(0x83, 63, 10), (0x05, 100, 1000)]);
    disk[440..444].copy_from_slice(&0x1234_5678u32.to_le_bytes());
    boot_record(&mut disk[100 * SECTOR..], &[(0x83, 1, 20), (0x05, 50, 30)]);
    boot_record(&mut disk[150 * SECTOR..], &[(0x82, 1, 20), (0x05, 50, 30)]);
    let volumes = volumes(disk);
    let names: Vec<&str> = volumes.found.iter().map(|found| found.volume.name.as_str()).collect();
    assert_eq!(names, ["1", "5", "6"]);
    let last = &named(&volumes, "6").volume;
    assert_eq!((last.offset_bytes, last.partition_type.as_deref()), (Some(151 * 512), Some("0x82")));
    assert_eq!(last.partition_uuid.as_deref(), Some("12345678-06"));
    assert_eq!(volumes.table_trouble, ["the chain of logical partitions runs backwards"]);
}

#[test]
fn a_file_system_without_a_table_is_not_mistaken_for_one() {
    for name in ["fat12", "fat32", "ntfs", "ext4"] {
        let volumes = volumes(unpacked(&format!("{name}.img.zst")));
        assert_eq!(volumes.partition_table, None, "{name}");
        assert!(volumes.found[0].fs.is_some(), "{name}");
    }
}

#[test]
fn a_disc_that_starts_from_a_stick_has_its_table_and_its_files() {
    let mut disc = unpacked("iso-rock-ridge.img.zst");
    boot_record(&mut disc, &[(0x17, 0, 500)]);
    let volumes = volumes(disc);
    assert_eq!(volumes.partition_table, Some("mbr"));
    assert_eq!(named(&volumes, "").volume.content.as_deref(), Some("iso9660"));
    assert_eq!(volumes.el_torito, [0]);
}

/// A physical volume of that identifier with the text as its metadata, and its extents of 64 KiB from 1 MiB on.
pub(super) fn physical_volume(id: char, text: &str, extents: &[&[u8]]) -> Vec<u8> {
    const AREA: usize = 4096;
    let mut volume = vec![0; 1 << 20];
    for extent in extents {
        volume.extend_from_slice(extent);
        volume.resize(volume.len().next_multiple_of(64 << 10), 0);
    }
    let label = &mut volume[512..1024];
    label[..8].copy_from_slice(b"LABELONE");
    label[20..24].copy_from_slice(&32u32.to_le_bytes());
    label[24..32].copy_from_slice(b"LVM2 001");
    label[32..64].fill(id as u8);
    label[72..80].copy_from_slice(&(1u64 << 20).to_le_bytes());
    label[104..112].copy_from_slice(&(AREA as u64).to_le_bytes());
    label[112..120].copy_from_slice(&(1u64 << 19).to_le_bytes());
    let area = &mut volume[AREA..];
    area[4..20].copy_from_slice(b" LVM2 x[5A%r0N*>");
    // The text wraps around the end of its area: it begins 100 bytes before.
    let place = (1usize << 19) - 100;
    let crc = {
        let mut hasher = crc32fast::Hasher::new_with_initial(!0xf597_a6cf);
        hasher.update(text.as_bytes());
        !hasher.finalize()
    };
    area[40..48].copy_from_slice(&(place as u64).to_le_bytes());
    area[48..56].copy_from_slice(&(text.len() as u64).to_le_bytes());
    area[56..60].copy_from_slice(&crc.to_le_bytes());
    let (end, start) = text.as_bytes().split_at(100.min(text.len()));
    area[place..place + end.len()].copy_from_slice(end);
    area[512..512 + start.len()].copy_from_slice(start);
    volume
}

/// The text of a group of two volumes `A…` and `B…` with these logical ones.
pub(super) fn group(sequence: u64, logical: &str) -> String {
    let id = |letter: &str| [6, 4, 4, 4, 4, 4, 6].iter().map(|len| letter.repeat(*len)).collect::<Vec<_>>().join("-");
    format!(
        "vg {{ id = \"{}\" seqno = {sequence} # a comment }}\n extent_size = 128 max_pv = 0\n physical_volumes {{ \
         pv0 {{ id = \"{}\" pe_start = 2048 pe_count = 4 }} pv1 {{ id = \"{}\" pe_start = 2048 pe_count = 4 }} }} \
         logical_volumes {{ {logical} }} }}\ncontents = \"Text Format Volume Group\" version = 1",
        id("g"),
        id("A"),
        id("B")
    )
}

/// A logical volume of one segment.
pub(super) fn logical(name: &str, segment: &str) -> String {
    format!(
        "{name} {{ id = \"x\" status = [\"READ\", \"VISIBLE\"] segment_count = 1 segment1 {{ start_extent = 0 \
         {segment} }} }}"
    )
}

/// Puts volumes one after the other into the partitions of one disk.
fn partitioned(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut disk = vec![0; 1 << 20];
    let mut partitions = Vec::new();
    for part in parts {
        let first = (disk.len() / SECTOR) as u64;
        disk.extend_from_slice(part);
        partitions.push((first, (disk.len() / SECTOR) as u64 - 1));
    }
    disk.resize(disk.len() + (1 << 20), 0);
    gpt(&mut disk, &partitions);
    disk
}

#[test]
fn stripes_and_several_physical_volumes_are_put_together_by_the_newest_text() {
    let extents: Vec<Vec<u8>> = (1..=8u8).map(|number| vec![number; 64 << 10]).collect();
    let extents: Vec<&[u8]> = extents.iter().map(Vec::as_slice).collect();
    let linear = "extent_count = 2 type = \"striped\" stripe_count = 1 stripes = [\"pv1\", 1]";
    let striped =
        "extent_count = 4 type = \"striped\" stripe_count = 2 stripe_size = 8 stripes = [ \"pv0\", 0, \"pv1\", 2 ]";
    let thin = "extent_count = 1 type = \"thin\" thin_pool = \"pool\"";
    let text = group(7, &(logical("one", linear) + &logical("two", striped) + &logical("three", thin)));
    let disk =
        partitioned(&[physical_volume('A', &text, &extents[..4]), physical_volume('B', &group(6, ""), &extents[4..])]);
    let volumes = volumes(disk);
    assert_eq!(named(&volumes, "1").volume.content.as_deref(), Some("LVM2_member"));
    let bytes = |name: &str| {
        let source = named(&volumes, name).source.clone().unwrap();
        let mut bytes = vec![0; usize::try_from(source.size_bytes()).unwrap()];
        source.read_at(0, &mut bytes).unwrap();
        bytes
    };
    let one = bytes("vg/one");
    assert_eq!((one.len(), one[0], one[65_536]), (128 << 10, 6, 7));
    let two = bytes("vg/two");
    assert_eq!(two.len(), 256 << 10);
    for (stripe, byte) in [(0, 1), (1, 7), (2, 1), (31, 7), (32, 2), (33, 8)] {
        assert!(two[stripe * 4096..(stripe + 1) * 4096].iter().all(|found| *found == byte), "{stripe}");
    }
    let three = named(&volumes, "vg/three");
    assert_eq!(three.volume.content.as_deref(), Some("LVM2_thin"));
    assert!(three.source.is_none() && three.trouble.is_some());
}

#[test]
fn a_mirror_is_read_once_from_either_of_its_members() {
    let file_system = unpacked("fat12.img.zst");
    let mut member = vec![0; 64 << 10];
    member.extend_from_slice(&file_system);
    let superblock = &mut member[4096..];
    superblock[..4].copy_from_slice(&0xa92b_4efcu32.to_le_bytes());
    superblock[4] = 1;
    superblock[16..32].fill(0x22);
    superblock[32..36].copy_from_slice(b"h:md");
    superblock[72] = 1;
    superblock[80..88].copy_from_slice(&((file_system.len() / SECTOR) as u64).to_le_bytes());
    superblock[128..136].copy_from_slice(&128u64.to_le_bytes());
    superblock[144] = 8;
    let volumes = volumes(partitioned(&[member.clone(), member]));
    assert_eq!(named(&volumes, "2").volume.content.as_deref(), Some("linux_raid_member"));
    assert_eq!(volumes.found.len(), 3);
    assert_eq!(named(&volumes, "md/h:md").volume.label.as_deref(), Some("IMPRINT"));
}
