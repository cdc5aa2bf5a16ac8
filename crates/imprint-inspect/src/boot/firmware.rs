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
/// Where GRUB's first sector keeps the place of its second.
const GRUB_CORE_AT: usize = 0x5c;
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
        let code = &first[..440];
        if first[510..] != [0x55, 0xaa] || code.iter().all(|byte| *byte == 0) {
            if volumes.iter().any(|volume| volume.partition_type.as_deref() == Some(BIOS_BOOT)) {
                self.seen.push("a BIOS boot partition, but no code in the first sector".to_owned());
            }
            return;
        }
        if holds(code, b"GRUB") {
            let core = u64::from_le_bytes(code[GRUB_CORE_AT..GRUB_CORE_AT + 8].try_into().expect("eight bytes"));
            let begins = |sector: [u8; SECTOR]| sector.iter().any(|byte| *byte != 0);
            let there = core > 0 && core.checked_mul(SECTOR as u64).and_then(|at| sector(disk, at)).is_some_and(begins);
            self.bios = there;
            let state = if there {
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
        if holds(&first[..440], b"SYSLINUX") || holds(&first[..440], b"ISOLINUX") || holds(&first[..440], b"BOOTMGR") {
            self.bios = true;
            self.seen.push("a boot loader in the first sector".to_owned());
            return;
        }
        let entries = first[446..510].as_chunks::<16>().0;
        let active = entries.iter().position(|entry| entry[0] == 0x80).map(|index| (index + 1).to_string());
        // With GPT, such code looks for a partition with the legacy flag, which stands in its table: take any.
        let starts = |volume: &Volume| {
            let vbr = sector(disk, volume.offset_bytes?)?;
            let jumps = matches!(vbr[0], 0xeb | 0xe9) && vbr[510..] == [0x55, 0xaa];
            let code = [&b"SYSLINUX"[..], b"EXTLINUX", b"BOOTMGR", b"NTLDR"].iter().any(|word| holds(&vbr, word));
            (jumps && code).then(|| volume.name.clone())
        };
        let found = match &active {
            Some(name) => volumes.iter().filter(|volume| volume.name == *name).find_map(starts),
            None if entries.iter().any(|entry| entry[4] == 0xee) => volumes.iter().find_map(starts),
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
    fn plain_code_needs_an_active_partition_that_starts() {
        let volume = Volume { name: "1".into(), offset_bytes: Some(8 * SECTOR as u64), ..Volume::default() };
        let mut bytes = disk(|disk| {
            disk[0] = 0xfa;
            disk[446] = 0x80;
        });
        assert!(!bios(&bytes, std::slice::from_ref(&volume)));
        let vbr = 8 * SECTOR;
        bytes[vbr] = 0xeb;
        bytes[vbr + 3..vbr + 11].copy_from_slice(b"EXTLINUX");
        bytes[vbr + 510..vbr + 512].copy_from_slice(&[0x55, 0xaa]);
        assert!(bios(&bytes, std::slice::from_ref(&volume)));
        bytes[446] = 0;
        assert!(!bios(&bytes, &[volume]));
    }

    #[test]
    fn an_empty_or_tiny_disk_starts_nowhere() {
        assert_eq!(Firmware::find(&Vec::new(), &[], None), Firmware::default());
        assert_eq!(Firmware::find(&disk(|_| ()), &[], None), Firmware::default());
    }
}
