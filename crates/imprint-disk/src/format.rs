//! The formats that can be recognised, and their names.

/// A disk format as recognised from an image's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Nothing that is recognised: the bytes are the disk, or something opaque.
    Raw,
    /// A bare disk that starts with a partition table (GPT, or the older MBR).
    Gpt,
    /// An ISO 9660 or UDF volume, hybrids with a partition table included.
    Iso,
    /// QEMU copy-on-write; version 1 is recognised too (and refused).
    Qcow2,
    /// VMware sparse extent, stream-optimised extent or text descriptor.
    Vmdk,
    /// Virtual PC disk: fixed, dynamic or (refused) differencing.
    Vhd,
    /// Hyper-V disk, version 2.
    Vhdx,
    /// VirtualBox disk.
    Vdi,
    /// QEMU enhanced disk, an abandoned format: always refused.
    Qed,
    /// LUKS encrypted volume.
    Luks,
    /// Parallels expandable disk, which is also the ploop container format.
    Ploop,
    /// Apple disk image: always refused.
    Dmg,
    /// Bochs disk: always refused.
    Bochs,
    /// Compressed loop image: always refused.
    Cloop,
    /// One gzip member around a disk.
    Gz,
    /// One xz stream around a disk.
    Xz,
    /// Zstandard frames around a disk.
    Zst,
    /// Compressed blocks in one zlib stream. Experimental: the layout was never published.
    Zvhd,
    /// Compressed blocks with an index. Experimental: the layout was never published.
    Zvhd2,
}

impl Format {
    /// Every format, in the order of the declaration.
    pub const ALL: [Format; 19] = [
        Format::Raw,
        Format::Gpt,
        Format::Iso,
        Format::Qcow2,
        Format::Vmdk,
        Format::Vhd,
        Format::Vhdx,
        Format::Vdi,
        Format::Qed,
        Format::Luks,
        Format::Ploop,
        Format::Dmg,
        Format::Bochs,
        Format::Cloop,
        Format::Gz,
        Format::Xz,
        Format::Zst,
        Format::Zvhd,
        Format::Zvhd2,
    ];

    /// The lower-case name used in requests, records and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Raw => "raw",
            Format::Gpt => "gpt",
            Format::Iso => "iso",
            Format::Qcow2 => "qcow2",
            Format::Vmdk => "vmdk",
            Format::Vhd => "vhd",
            Format::Vhdx => "vhdx",
            Format::Vdi => "vdi",
            Format::Qed => "qed",
            Format::Luks => "luks",
            Format::Ploop => "ploop",
            Format::Dmg => "dmg",
            Format::Bochs => "bochs",
            Format::Cloop => "cloop",
            Format::Gz => "gz",
            Format::Xz => "xz",
            Format::Zst => "zst",
            Format::Zvhd => "zvhd",
            Format::Zvhd2 => "zvhd2",
        }
    }

    /// Whether it is a compression around a whole file, which says nothing of what the file is. To whoever only stores
    /// the bytes they are opaque.
    #[must_use]
    pub fn is_packed(self) -> bool {
        matches!(self, Format::Gz | Format::Xz | Format::Zst)
    }

    /// The format of that name, if it is one that can be recognised. Names are compared exactly (lower case).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
