//! What a disk can be written as.

/// A kind of file that a disk can be written as. Files never refer to other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The bytes of the disk.
    Raw,
    /// qcow2 version 3.
    Qcow2 {
        /// How clusters are stored.
        compression: Compression,
        /// A power of two from 4 KiB to 2 MiB; everybody uses [`Target::CLUSTER_BYTES`].
        cluster_bytes: u32,
    },
    /// Virtual PC, every byte stored, a footer at the end.
    VhdFixed,
    /// Virtual PC with holes.
    VhdDynamic,
    /// Hyper-V, version 2, with holes.
    Vhdx,
    /// VirtualBox with holes.
    Vdi,
    /// VMware's stream-optimised form: compressed, tables at the end.
    VmdkStream,
    /// The bytes of the disk in one gzip member.
    Gz,
    /// The bytes of the disk in zstd frames.
    Zst,
    /// Compressed blocks in one zlib stream. Experimental: the layout was never published.
    Zvhd,
    /// Compressed blocks with an index. Experimental: the layout was never published.
    Zvhd2,
}

/// How the clusters of a qcow2 are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// As they are; every byte of the file has its place before the first is read.
    None,
    /// Deflate: understood by everything that reads qcow2.
    Zlib,
    /// zstd: smaller and faster, understood by QEMU 5.1 and later.
    Zstd,
}

impl Target {
    /// The size of a qcow2 cluster unless another is asked for.
    pub const CLUSTER_BYTES: u32 = 64 * 1024;

    /// Every target, qcow2 with its usual clusters.
    pub const ALL: [Target; 13] = [
        Target::Raw,
        Target::qcow2(Compression::None),
        Target::qcow2(Compression::Zlib),
        Target::qcow2(Compression::Zstd),
        Target::VhdFixed,
        Target::VhdDynamic,
        Target::Vhdx,
        Target::Vdi,
        Target::VmdkStream,
        Target::Gz,
        Target::Zst,
        Target::Zvhd,
        Target::Zvhd2,
    ];

    /// qcow2 with the usual clusters.
    #[must_use]
    pub const fn qcow2(compression: Compression) -> Target {
        Target::Qcow2 { compression, cluster_bytes: Target::CLUSTER_BYTES }
    }

    /// The lower-case name used on command lines and in addresses. The size of clusters is not part of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Target::Raw => "raw",
            Target::Qcow2 { compression: Compression::None, .. } => "qcow2",
            Target::Qcow2 { compression: Compression::Zlib, .. } => "qcow2-zlib",
            Target::Qcow2 { compression: Compression::Zstd, .. } => "qcow2-zstd",
            Target::VhdFixed => "vhd-fixed",
            Target::VhdDynamic => "vhd",
            Target::Vhdx => "vhdx",
            Target::Vdi => "vdi",
            Target::VmdkStream => "vmdk",
            Target::Gz => "raw.gz",
            Target::Zst => "raw.zst",
            Target::Zvhd => "zvhd",
            Target::Zvhd2 => "zvhd2",
        }
    }

    /// The target of that name. Names are compared exactly (lower case).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Target> {
        Target::ALL.into_iter().find(|target| target.name() == name)
    }

    /// What such a file's name usually ends in, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Target::Qcow2 { .. } => "qcow2",
            Target::VhdFixed => "vhd",
            other => other.name(),
        }
    }

    /// Whether the length of the file is known before it was compressed once.
    #[must_use]
    pub fn is_compressed(self) -> bool {
        match self {
            Target::Qcow2 { compression, .. } => compression != Compression::None,
            Target::VmdkStream | Target::Gz | Target::Zst | Target::Zvhd | Target::Zvhd2 => true,
            Target::Raw | Target::VhdFixed | Target::VhdDynamic | Target::Vhdx | Target::Vdi => false,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
