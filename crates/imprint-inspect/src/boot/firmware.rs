//! Which firmware finds something to start on the disk.
//!
//! What lives here: the first sectors, the BIOS boot partition, the EFI system partition. What never does: what the
//! loader there goes on to.

use imprint_disk::ReadAt;

use crate::guest::Guest;
use crate::report::Volume;

/// GPT type of the partition that holds GRUB's second stage for BIOS.
const BIOS_BOOT: &str = "21686148-6449-6e6f-744e-656564454649";

const SECTOR: usize = 512;
/// MBR type of the entry that stands for a GPT.
const PROTECTIVE: u8 = 0xee;
/// Where boot code ends; in the disk's first sector its signature and its partitions follow.
const CODE_BYTES: usize = 440;
/// Where GRUB 2's first sector keeps the place of its second, in eight bytes.
const GRUB_CORE_AT: usize = 0x5c;
/// Where GRUB's older form keeps its version, and what stands there.
const GRUB_LEGACY_VERSION_AT: usize = 0x3e;
const GRUB_LEGACY_VERSION: [u8; 2] = [3, 2];
/// Where that form keeps the place of its second sector, in four bytes.
const GRUB_LEGACY_CORE_AT: usize = 0x44;
/// How many directories of the EFI system partition are looked into.
const DIRECTORIES_MAX: usize = 64;

/// Which firmware can start the disk, and why.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Firmware {
    /// Whether BIOS finds a loader.
    pub(crate) bios: bool,
    /// Whether UEFI finds a loader.
    pub(crate) uefi: bool,
    /// What was seen, for people.
    pub(crate) seen: Vec<String>,
}

impl Firmware {
    /// Looks at the disk, and at the EFI system partition where it is in the guest's tree.
    pub(crate) fn find(disk: &dyn ReadAt, volumes: &[Volume], guest: Option<(&Guest, &str)>) -> Firmware {
        let mut firmware = Firmware::default();
        firmware.look_for_bios(disk, volumes);
        if let Some((guest, esp)) = guest {
            firmware.look_for_uefi(guest, esp);
        }
        firmware
    }

    fn look_for_bios(&mut self, disk: &dyn ReadAt, volumes: &[Volume]) {
        let Some(first) = sector(disk, 0) else { return };
        let code = &first[..CODE_BYTES];
        if first[510..] != [0x55, 0xaa] || code.iter().all(|byte| *byte == 0) {
            if volumes.iter().any(|volume| volume.partition_type.as_deref() == Some(BIOS_BOOT)) {
                self.seen.push("a BIOS boot partition, but no code in the first sector".to_owned());
            }
            return;
        }
        if let Some(core) = grub_core(&first) {
            self.bios = has_core(disk, core);
            let state = if self.bios {
                "GRUB in the first sector and its core at"
            } else {
                "GRUB in the first sector, but no core at"
            };
            self.seen.push(format!("{state} sector {core}"));
            return;
        }
        self.look_for_partition_code(disk, &first, volumes);
    }

    /// Plain boot code starts what the active partition's own first sector holds.
    fn look_for_partition_code(&mut self, disk: &dyn ReadAt, first: &[u8; SECTOR], volumes: &[Volume]) {
        let code = &first[..CODE_BYTES];
        if holds(code, b"SYSLINUX") || holds(code, b"ISOLINUX") || holds(code, b"BOOTMGR") {
            self.bios = true;
            self.seen.push("a boot loader in the first sector".to_owned());
            return;
        }
        let entries = first[446..510].as_chunks::<16>().0;
        let is_gpt = |entry: &[u8; 16]| entry[4] == PROTECTIVE;
        let active = entries.iter().position(|entry| entry[0] == 0x80 && !is_gpt(entry));
        let starts = |at: u64| {
            let Some(vbr) = sector(disk, at) else { return false };
            let jumps = matches!(vbr[0], 0xeb | 0xe9) && vbr[510..] == [0x55, 0xaa];
            let named = [&b"SYSLINUX"[..], b"EXTLINUX", b"BOOTMGR", b"NTLDR"].iter().any(|word| holds(&vbr, word));
            jumps && (named || grub_core(&vbr).is_some_and(|core| has_core(disk, core)))
        };
        let found = match active {
            // By its entry and not by the volumes, for an extended partition, which is none of them, may start, too.
            Some(index) => {
                let start = u32::from_le_bytes(*entries[index][8..].first_chunk().expect("the entry has 16 bytes"));
                (start > 0 && starts(u64::from(start) * SECTOR as u64)).then(|| (index + 1).to_string())
            }
            // With GPT, such code looks for a partition with the legacy flag, which stands in its table: take any.
            None if entries.iter().any(is_gpt) => {
                volumes.iter().find(|volume| volume.offset_bytes.is_some_and(starts)).map(|volume| volume.name.clone())
            }
            None => None,
        };
        self.bios = found.is_some();
        self.seen.push(match found {
            Some(name) => format!("boot code in the first sector and in partition {name}"),
            None => "boot code in the first sector, but none in an active partition".to_owned(),
        });
    }

    fn look_for_uefi(&mut self, guest: &Guest, esp: &str) {
        let base = format!("{esp}/EFI");
        let mut loaders = Vec::new();
        for directory in guest.list(&base).into_iter().take(DIRECTORIES_MAX) {
            // Unified kernels need a loader, or an entry in the firmware's own memory, which no image brings.
            if directory.eq_ignore_ascii_case("linux") {
                continue;
            }
            let inner = if directory.eq_ignore_ascii_case("microsoft") { "/Boot" } else { "" };
            for name in guest.list(&format!("{base}/{directory}{inner}")) {
                if is_loader(&name) {
                    loaders.push(format!("/EFI/{directory}{inner}/{name}"));
                }
            }
        }
        // The path for removable media is the one that every firmware tries.
        loaders.sort_by_key(|path| !path.to_ascii_lowercase().starts_with("/efi/boot/boot"));
        match loaders.first() {
            Some(path) => {
                self.uefi = true;
                self.seen.push(format!("an EFI system partition with {path}"));
            }
            None => self.seen.push("an EFI system partition without a loader".to_owned()),
        }
    }
}

/// Whether a name is that of a program that firmware would be pointed to, and not of one that it leads to.
fn is_loader(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let starts = ["boot", "grub", "shim", "systemd-boot", "bootmgfw", "elilo", "refind", "limine", "loader"];
    name.ends_with(".efi") && starts.iter().any(|start| name.starts_with(start))
}

/// The sector where GRUB's first one, in the disk or in a partition, looks for the next; none where it is another's.
fn grub_core(sector: &[u8]) -> Option<u64> {
    let code = sector.get(..CODE_BYTES)?;
    if !holds(code, b"GRUB") {
        return None;
    }
    // GRUB 2 keeps the bytes below its own field as they were, an older GRUB's among them, and jumps past both.
    let is_legacy =
        code[GRUB_LEGACY_VERSION_AT..].starts_with(&GRUB_LEGACY_VERSION) && usize::from(code[1]) + 2 < GRUB_CORE_AT;
    Some(if is_legacy {
        let field = code[GRUB_LEGACY_CORE_AT..].first_chunk().copied()?;
        u64::from(u32::from_le_bytes(field))
    } else {
        u64::from_le_bytes(code[GRUB_CORE_AT..].first_chunk().copied()?)
    })
}

/// Whether there is anything in the sector, counted from the disk's start, where GRUB goes on.
fn has_core(disk: &dyn ReadAt, core: u64) -> bool {
    let begins = |sector: [u8; SECTOR]| sector.iter().any(|byte| *byte != 0);
    core > 0 && core.checked_mul(SECTOR as u64).and_then(|at| sector(disk, at)).is_some_and(begins)
}

fn sector(disk: &dyn ReadAt, at: u64) -> Option<[u8; SECTOR]> {
    let mut bytes = [0; SECTOR];
    disk.read_at(at, &mut bytes).ok()?;
    Some(bytes)
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut disk = vec![0; 64 * SECTOR];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        change(&mut disk);
        disk
    }

    fn bios(disk: &Vec<u8>, volumes: &[Volume]) -> bool {
        Firmware::find(disk, volumes, None).bios
    }

    #[test]
    fn grub_needs_its_core() {
        let mut bytes = disk(|disk| {
            disk[0x180..0x184].copy_from_slice(b"GRUB");
            disk[GRUB_CORE_AT] = 1;
        });
        assert!(!bios(&bytes, &[]));
        bytes[SECTOR] = 0x52;
        assert!(bios(&bytes, &[]));
        bytes[GRUB_CORE_AT..GRUB_CORE_AT + 8].fill(0xff);
        assert!(!bios(&bytes, &[]));
        bytes[510] = 0;
        assert!(!bios(&bytes, &[]));
    }

    #[test]
    fn an_older_grub_keeps_its_core_elsewhere() {
        let mut bytes = disk(|disk| {
            disk[..3].copy_from_slice(&[0xeb, 0x48, 0x90]);
            disk[0x17f..0x183].copy_from_slice(b"GRUB");
            disk[GRUB_LEGACY_VERSION_AT..GRUB_LEGACY_VERSION_AT + 2].copy_from_slice(&GRUB_LEGACY_VERSION);
            disk[GRUB_LEGACY_CORE_AT] = 1;
            // Where GRUB 2 has its field, this one has code.
            disk[GRUB_CORE_AT..GRUB_CORE_AT + 8].copy_from_slice(&[0x7c, 0, 0, 0x31, 0xc0, 0x8e, 0xd8, 0x8e]);
        });
        assert!(!bios(&bytes, &[]));
        bytes[SECTOR] = 0x52;
        assert!(bios(&bytes, &[]));
        bytes[GRUB_LEGACY_CORE_AT..GRUB_LEGACY_CORE_AT + 4].fill(0xff);
        assert!(!bios(&bytes, &[]));
        // GRUB 2 over it leaves what it does not need.
        bytes[..3].copy_from_slice(&[0xeb, 0x63, 0x90]);
        bytes[GRUB_CORE_AT..GRUB_CORE_AT + 8].copy_from_slice(&1_u64.to_le_bytes());
        assert!(bios(&bytes, &[]));
    }

    /// Plain code, and one partition in the table from sector 8 on.
    fn plain(flag: u8, kind: u8) -> Vec<u8> {
        disk(|disk| {
            disk[0] = 0xfa;
            (disk[446], disk[450], disk[454]) = (flag, kind, 8);
            disk[VBR + 510..VBR + 512].copy_from_slice(&[0x55, 0xaa]);
        })
    }

    const VBR: usize = 8 * SECTOR;

    #[test]
    fn grub_in_an_active_partition_needs_its_core_too() {
        for (jump, version, field) in [(0x63, [0; 2], GRUB_CORE_AT), (0x48, GRUB_LEGACY_VERSION, GRUB_LEGACY_CORE_AT)] {
            // An extended partition is no volume, and starts all the same.
            for kind in [0x83, 0x05] {
                let mut bytes = plain(0x80, kind);
                bytes[VBR..VBR + 3].copy_from_slice(&[0xeb, jump, 0x90]);
                bytes[VBR + GRUB_LEGACY_VERSION_AT..][..2].copy_from_slice(&version);
                bytes[VBR + field] = 20;
                bytes[VBR + 0x180..VBR + 0x184].copy_from_slice(b"GRUB");
                assert!(!bios(&bytes, &[]), "{field:#x}");
                // The sector is counted from the disk's start, not from the partition's.
                bytes[20 * SECTOR] = 0x52;
                assert!(bios(&bytes, &[]), "{field:#x}");
                bytes[446] = 0;
                assert!(!bios(&bytes, &[]), "{field:#x}");
            }
        }
    }

    #[test]
    fn plain_code_needs_an_active_partition_that_starts() {
        let mut bytes = plain(0x80, 0x83);
        assert!(!bios(&bytes, &[]));
        bytes[VBR] = 0xeb;
        bytes[VBR + 3..VBR + 11].copy_from_slice(b"EXTLINUX");
        assert!(bios(&bytes, &[]));
        bytes[446] = 0;
        assert!(!bios(&bytes, &[]));
        bytes[446] = 0x80;
        bytes[454..458].fill(0xff);
        assert!(!bios(&bytes, &[]));
    }

    #[test]
    fn plain_code_before_a_gpt_looks_at_its_partitions() {
        let volume = |name: &str, sectors| Volume {
            name: name.into(),
            offset_bytes: Some(sectors * SECTOR as u64),
            ..Volume::default()
        };
        for flag in [0, 0x80] {
            let mut bytes = plain(flag, PROTECTIVE);
            bytes[454] = 1;
            let volumes = [volume("1", 4), volume("2", 8)];
            assert!(!bios(&bytes, &volumes));
            bytes[VBR] = 0xeb;
            bytes[VBR + 3..VBR + 11].copy_from_slice(b"EXTLINUX");
            assert!(bios(&bytes, &volumes), "{flag:#x}");
        }
    }

    #[test]
    fn an_empty_or_tiny_disk_starts_nowhere() {
        assert_eq!(Firmware::find(&Vec::new(), &[], None), Firmware::default());
        assert_eq!(Firmware::find(&disk(|_| ()), &[], None), Firmware::default());
    }
}
