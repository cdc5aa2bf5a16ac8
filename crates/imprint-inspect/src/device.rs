//! How a guest names a volume, and which volume of the disk that is.
//!
//! What lives here: the names that `fstab` and kernel command lines use. What never does: whether a name is a good one
//! (the items say so).

use crate::report::Volume;

/// A name of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Device {
    /// UUID of the content.
    Uuid(String),
    /// Label of the content.
    Label(String),
    /// UUID of the partition.
    PartUuid(String),
    /// Label of the partition.
    PartLabel(String),
    /// A logical volume, as `group/volume`.
    Logical(String),
    /// By a name of the device mapper: a logical volume, or something that may not be readable from outside.
    Mapped(String),
    /// A RAID array.
    Array(String),
    /// By the order in which disks are found: the disk's number from 0, and the partition.
    Position { disk: u32, partition: Option<u32> },
    /// By the path or the serial number of the disk, which change with the machine.
    Hardware(String),
    /// None of a disk.
    Other(String),
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// That volume of the list.
    To(usize),
    /// Nothing on this disk.
    Nowhere,
    /// It cannot be known from outside.
    Unknown,
}

/// What stands before a name of one kind, and what makes it one.
type Tag = (&'static str, fn(String) -> Device);

impl Device {
    /// Reads a name.
    pub(crate) fn parse(text: &str) -> Device {
        let text = text.trim_matches(['"', '\'']);
        let tags: [Tag; 8] = [
            ("PARTUUID=", Device::PartUuid),
            ("PARTLABEL=", Device::PartLabel),
            ("UUID=", Device::Uuid),
            ("LABEL=", Device::Label),
            ("/dev/disk/by-partuuid/", Device::PartUuid),
            ("/dev/disk/by-partlabel/", Device::PartLabel),
            ("/dev/disk/by-uuid/", Device::Uuid),
            ("/dev/disk/by-label/", Device::Label),
        ];
        for (tag, make) in tags {
            if let Some(value) = text.strip_prefix(tag) {
                return make(value.trim_matches(['"', '\'']).to_owned());
            }
        }
        let Some(name) = text.strip_prefix("/dev/") else { return Device::Other(text.to_owned()) };
        if let Some(mapped) = name.strip_prefix("mapper/") {
            return Device::Mapped(mapped.to_owned());
        }
        if name.starts_with("disk/by-id/") || name.starts_with("disk/by-path/") {
            return Device::Hardware(name.to_owned());
        }
        if name.starts_with("md") || name.starts_with("dm-") {
            return Device::Array(name.to_owned());
        }
        if let Some(position) = position(name) {
            return position;
        }
        match name.split_once('/') {
            Some((group, volume)) if !group.is_empty() && !volume.is_empty() => Device::Logical(name.to_owned()),
            _ => Device::Other(text.to_owned()),
        }
    }

    /// Which of the volumes it is.
    pub(crate) fn find(&self, volumes: &[Volume]) -> Leads {
        let by = |is: &dyn Fn(&Volume) -> bool| volumes.iter().position(is);
        let same =
            |have: &Option<String>, want: &String| have.as_ref().is_some_and(|have| have.eq_ignore_ascii_case(want));
        let found = match self {
            Device::Uuid(uuid) => by(&|volume| same(&volume.uuid, uuid)),
            Device::Label(label) => by(&|volume| volume.label.as_ref() == Some(label)),
            // `PARTUUID=…/PARTNROFF=1` counts on from another partition; the start of it must exist all the same.
            Device::PartUuid(uuid) => {
                let uuid = uuid.split('/').next().unwrap_or_default().to_owned();
                by(&|volume| same(&volume.partition_uuid, &uuid))
            }
            Device::PartLabel(label) => by(&|volume| volume.partition_label.as_ref() == Some(label)),
            Device::Logical(name) => by(&|volume| volume.name == *name),
            Device::Mapped(name) => match by(&|volume| is_mapped_as(volume, name)) {
                // A name without a hyphen of its own is no logical volume's.
                None if !name.replace("--", "").contains('-') => return Leads::Unknown,
                found => found,
            },
            Device::Position { disk: 0, partition } => {
                let name = partition.map(|number| number.to_string()).unwrap_or_default();
                by(&|volume| volume.name == name)
            }
            Device::Position { .. } => return Leads::Nowhere,
            Device::Array(_) | Device::Hardware(_) | Device::Other(_) => return Leads::Unknown,
        };
        match found {
            Some(index) => Leads::To(index),
            None if self.may_be_inside_something(volumes) => Leads::Unknown,
            None => Leads::Nowhere,
        }
    }

    /// Whether what it names may be inside something that cannot be read from outside.
    fn may_be_inside_something(&self, volumes: &[Volume]) -> bool {
        let closed = |volume: &Volume| {
            matches!(volume.content.as_deref(), Some("crypto_LUKS" | "BitLocker" | "linux_raid_member" | "bcache"))
        };
        matches!(self, Device::Uuid(_) | Device::Label(_) | Device::Logical(_) | Device::Mapped(_))
            && volumes.iter().any(closed)
    }
}

/// Whether the device mapper calls a logical volume so. A hyphen inside a name is doubled there; what was written by hand
/// may lack that.
fn is_mapped_as(volume: &Volume, mapped: &str) -> bool {
    volume.name.split_once('/').is_some_and(|(group, name)| {
        mapped == format!("{}-{}", group.replace('-', "--"), name.replace('-', "--"))
            || mapped == format!("{group}-{name}")
    })
}

/// `sda1`, `vdb`, `xvda1`, `hda1`, `nvme0n1p1`, `mmcblk0p1`.
fn position(name: &str) -> Option<Device> {
    for prefix in ["xvd", "sd", "vd", "hd"] {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        if letters == 0 || letters > 3 {
            return None;
        }
        let disk = rest[..letters].bytes().fold(0, |disk, letter| disk * 26 + u32::from(letter - b'a') + 1) - 1;
        return Some(Device::Position { disk, partition: number(&rest[letters..])? });
    }
    for (prefix, middle) in [("nvme", "n1"), ("mmcblk", "")] {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let disk = rest[..digits].parse().ok()?;
        let rest = rest[digits..].strip_prefix(middle)?;
        let partition = if rest.is_empty() { None } else { number(rest.strip_prefix('p')?)? };
        return Some(Device::Position { disk, partition });
    }
    None
}

/// A partition's number: nothing for no digits, and no answer for anything else.
fn number(digits: &str) -> Option<Option<u32>> {
    if digits.is_empty() { Some(None) } else { digits.parse().ok().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let at = |disk, partition| Device::Position { disk, partition };
        let cases = [
            ("UUID=A-b", Device::Uuid("A-b".into())),
            ("\"LABEL=root\"", Device::Label("root".into())),
            ("/dev/disk/by-uuid/x", Device::Uuid("x".into())),
            ("/dev/sda1", at(0, Some(1))),
            ("/dev/vdb", at(1, None)),
            ("/dev/xvdaa12", at(26, Some(12))),
            ("/dev/nvme1n1p3", at(1, Some(3))),
            ("/dev/nvme0n1", at(0, None)),
            ("/dev/mapper/rl-root", Device::Mapped("rl-root".into())),
            ("/dev/rl/root", Device::Logical("rl/root".into())),
            ("/dev/md0", Device::Array("md0".into())),
            ("/dev/disk/by-id/x", Device::Hardware("disk/by-id/x".into())),
            ("/dev/sda1x", Device::Other("/dev/sda1x".into())),
            ("server:/x", Device::Other("server:/x".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(Device::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_leads_to_its_volume_nowhere_or_is_unknown() {
        let root = Volume { name: "1".into(), uuid: Some("ab-CD".into()), ..Volume::default() };
        let mut volumes = vec![root];
        assert_eq!(Device::parse("UUID=AB-cd").find(&volumes), Leads::To(0));
        assert_eq!(Device::parse("/dev/vda1").find(&volumes), Leads::To(0));
        assert_eq!(Device::parse("/dev/vda2").find(&volumes), Leads::Nowhere);
        assert_eq!(Device::parse("/dev/sdb1").find(&volumes), Leads::Nowhere);
        assert_eq!(Device::parse("UUID=x").find(&volumes), Leads::Nowhere);
        assert_eq!(Device::parse("/dev/mapper/luks").find(&volumes), Leads::Unknown);
        assert_eq!(Device::parse("/dev/mapper/rl-root").find(&volumes), Leads::Nowhere);
        volumes.push(Volume { name: "vg-a/lv-b".into(), ..Volume::default() });
        for name in ["/dev/mapper/vg--a-lv--b", "/dev/mapper/vg-a-lv-b", "/dev/vg-a/lv-b"] {
            assert_eq!(Device::parse(name).find(&volumes), Leads::To(1), "{name}");
        }
        volumes.push(Volume { name: "2".into(), content: Some("crypto_LUKS".into()), ..Volume::default() });
        assert_eq!(Device::parse("UUID=x").find(&volumes), Leads::Unknown);
    }
}
