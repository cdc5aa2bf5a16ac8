//! The table of file systems, `/etc/fstab`.

/// How many lines are looked at.
const LINES_MAX: usize = 1000;

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What is mounted: `UUID=…`, `/dev/sda1`, `server:/export`.
    pub(crate) device: String,
    /// Where; `none` or `swap` for swap.
    pub(crate) mount_point: String,
    /// The type.
    pub(crate) fs_type: String,
    /// Its options.
    pub(crate) options: Vec<String>,
}

impl Line {
    /// Whether it has that option.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|found| found == option)
    }

    /// The value of `name=value` among its options.
    pub(crate) fn value_of(&self, name: &str) -> Option<&str> {
        self.options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether a start goes on when the device is missing.
    pub(crate) fn may_be_missing(&self) -> bool {
        ["nofail", "noauto", "_netdev", "x-systemd.automount"].iter().any(|option| self.has(option))
    }

    /// Whether it is no volume of a disk: network, memory, another path.
    pub(crate) fn is_virtual(&self) -> bool {
        const VIRTUAL: [&str; 28] = [
            "proc",
            "sysfs",
            "tmpfs",
            "devtmpfs",
            "devpts",
            "ramfs",
            "cgroup",
            "cgroup2",
            "debugfs",
            "tracefs",
            "securityfs",
            "configfs",
            "fusectl",
            "mqueue",
            "hugetlbfs",
            "efivarfs",
            "bpf",
            "usbfs",
            "overlay",
            "none",
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "9p",
            "virtiofs",
            "ceph",
            "glusterfs",
        ];
        VIRTUAL.contains(&self.fs_type.as_str())
            || self.fs_type.starts_with("fuse.")
            || self.has("bind")
            || self.has("rbind")
            || (self.device.starts_with('/') && !self.device.starts_with("/dev/"))
    }
}

/// A table as it is read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its lines, in order.
    pub(crate) lines: Vec<Line>,
    /// Numbers of lines that are none, from 1.
    pub(crate) malformed: Vec<usize>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Table {
        let mut table = Table::default();
        for (index, line) in text.lines().enumerate().take(LINES_MAX) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (None, ..) => {}
                (Some(first), ..) if first.starts_with('#') => {}
                (Some(device), Some(mount_point), Some(fs_type)) => table.lines.push(Line {
                    device: unescaped(device.trim_matches('"')),
                    mount_point: unescaped(mount_point),
                    fs_type: fs_type.to_owned(),
                    options: words.next().unwrap_or("defaults").split(',').map(str::to_owned).collect(),
                }),
                _ => table.malformed.push(index + 1),
            }
        }
        table
    }

    /// The line of a mount point; the last one wins, as it does when all are mounted.
    pub(crate) fn at(&self, mount_point: &str) -> Option<&Line> {
        self.lines.iter().rev().find(|line| line.mount_point == mount_point)
    }
}

/// A field with its octal escapes (`\040` is a space) taken away.
fn unescaped(field: &str) -> String {
    let quoted = field.replace("UUID=\"", "UUID=").replace("LABEL=\"", "LABEL=");
    let mut parts = quoted.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(&part[3..]);
            }
            None => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart_and_others_are_named() {
        let table = Table::parse(
            "# c\n\nUUID=1 / ext4 defaults,nofail 0 1\nLABEL=\"a b\"\n/dev/sdb1 /a\\040b xfs\nUUID=\"2\" /x btrfs subvol=@x,ro\n",
        );
        assert_eq!(table.malformed, [4]);
        assert_eq!(table.lines.len(), 3);
        assert_eq!(table.lines[1].mount_point, "/a b");
        assert_eq!(table.lines[1].options, ["defaults"]);
        assert!(table.lines[0].may_be_missing() && !table.lines[1].may_be_missing());
        assert_eq!((table.lines[2].device.as_str(), table.lines[2].value_of("subvol")), ("UUID=2", Some("@x")));
        assert!(table.at("/").is_some() && table.at("/boot").is_none());
    }

    #[test]
    fn network_and_memory_are_no_volumes() {
        let table = Table::parse("h:/e /n nfs defaults\ntmpfs /tmp tmpfs\n/a /b none bind\n/dev/sda1 /c ext4\n");
        assert_eq!(table.lines.iter().map(Line::is_virtual).collect::<Vec<_>>(), [true, true, true, false]);
    }
}
