//! What an image's bytes claim to be. The real format is found by looking (`imprint-disk`), never trusted from here.

use serde::{Deserialize, Serialize};

crate::words! {
    /// How the bytes encode a disk.
    DiskFormat {
        /// Amazon machine image: a root file system.
        Ami = "ami",
        /// Amazon ramdisk image.
        Ari = "ari",
        /// Amazon kernel image.
        Aki = "aki",
        /// Virtual PC / Hyper-V, first generation.
        Vhd = "vhd",
        /// Hyper-V, second generation.
        Vhdx = "vhdx",
        /// VMware.
        Vmdk = "vmdk",
        /// The disk itself.
        Raw = "raw",
        /// QEMU copy-on-write.
        Qcow2 = "qcow2",
        /// VirtualBox.
        Vdi = "vdi",
        /// Blocks of a disk in one compressed stream.
        Zvhd = "zvhd",
        /// Blocks of a disk, each compressed, with an index.
        Zvhd2 = "zvhd2",
        /// Optical disc.
        Iso = "iso",
        /// Virtuozzo.
        Ploop = "ploop",
        /// A raw disk with a partition table.
        Gpt = "gpt",
    }
}

crate::words! {
    /// What the disk is wrapped in.
    ContainerFormat {
        /// See [`DiskFormat::Ami`].
        Ami = "ami",
        /// See [`DiskFormat::Ari`].
        Ari = "ari",
        /// See [`DiskFormat::Aki`].
        Aki = "aki",
        /// Nothing.
        Bare = "bare",
        /// An OVF descriptor.
        Ovf = "ovf",
        /// A tar archive with an OVF descriptor.
        Ova = "ova",
        /// A container image's tar archive.
        Docker = "docker",
        /// Any compression.
        Compressed = "compressed",
    }
}
