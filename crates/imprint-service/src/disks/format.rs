//! What a disk can be written as.

use imprint_disk::Target;
use imprint_model::DiskFormat;
use serde::{Deserialize, Serialize};

imprint_model::words! {
    /// What a disk is written as.
    ExportFormat {
        /// The disk itself.
        Raw = "raw",
        /// QEMU copy-on-write.
        Qcow2 = "qcow2",
        /// The same with clusters that are compressed as every reader knows it.
        Qcow2Zlib = "qcow2-zlib",
        /// The same with clusters that are compressed as newer readers know it.
        Qcow2Zstd = "qcow2-zstd",
        /// Virtual PC / Hyper-V, first generation, without its empty blocks.
        Vhd = "vhd",
        /// The same with all its blocks.
        VhdFixed = "vhd-fixed",
        /// Hyper-V, second generation.
        Vhdx = "vhdx",
        /// VMware, as it is sent: compressed.
        Vmdk = "vmdk",
        /// VirtualBox.
        Vdi = "vdi",
        /// Blocks of one compressed stream; experimental.
        Zvhd = "zvhd",
        /// Blocks that are compressed one by one, with an index; experimental.
        Zvhd2 = "zvhd2",
        /// The disk itself in a gzip file.
        RawGz = "raw.gz",
        /// The disk itself in a Zstandard file.
        RawZst = "raw.zst",
    }
}

impl ExportFormat {
    /// This format compressed: `codec` is `zlib` or `zstd`; the usual one when empty. None when the format has no such
    /// form.
    pub fn compressed(self, codec: &str) -> Option<Self> {
        match (self, codec) {
            (Self::Qcow2 | Self::Qcow2Zlib, "" | "zlib") => Some(Self::Qcow2Zlib),
            (Self::Qcow2 | Self::Qcow2Zstd, "zstd") | (Self::Qcow2Zstd, "") => Some(Self::Qcow2Zstd),
            (Self::Raw | Self::RawGz, "" | "zlib") => Some(Self::RawGz),
            (Self::Raw | Self::RawZst, "zstd") | (Self::RawZst, "") => Some(Self::RawZst),
            (Self::Vmdk | Self::Zvhd, "" | "zlib") | (Self::Zvhd2, "" | "zstd") => Some(self),
            _ => None,
        }
    }

    /// How the names of such files end, without the dot.
    pub fn ending(self) -> &'static str {
        self.target().extension()
    }

    /// The stored format whose bytes are given out as they are when this is asked for.
    pub(super) fn stored(self) -> Option<DiskFormat> {
        self.as_str().parse().ok()
    }

    pub(super) fn target(self) -> Target {
        Target::from_name(self.as_str()).expect("each of these words is a target's; a test compares them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_what_can_be_written() {
        let words: Vec<&str> = ExportFormat::ALL.iter().map(|format| format.target().name()).collect();
        assert_eq!(words, ExportFormat::ALL.iter().map(|format| format.as_str()).collect::<Vec<_>>());
        assert!(Target::ALL.iter().all(|target| target.name().parse::<ExportFormat>().is_ok()));
    }

    #[test]
    fn what_is_compressed_is_compressed_and_only_that() {
        for &format in ExportFormat::ALL {
            for codec in ["", "zlib", "zstd"] {
                assert!(format.compressed(codec).is_none_or(|made| made.target().is_compressed()), "{format} {codec}");
            }
            assert_eq!(format.compressed("lzma"), None);
        }
        assert_eq!(ExportFormat::Vhd.compressed(""), None);
        assert_eq!((ExportFormat::Qcow2Zstd.ending(), ExportFormat::RawGz.ending()), ("qcow2", "raw.gz"));
    }
}
