//! Why an image is refused: one variant per kind of reason, with the text a caller may be shown.

use crate::Format;

/// A reason not to accept an image. Texts never repeat unbounded or unprintable parts of the image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The image rests on another file (qcow2 backing file, VMDK parent).
    #[error("image has a backing file")]
    BackingFile,
    /// The image keeps its guest data in another file.
    #[error("image has an external data file")]
    ExternalDataFile,
    /// A VHD or VHDX or VDI that only stores the difference to a parent disk.
    #[error("image is a differencing disk that needs its parent")]
    Differencing,
    /// Feature bits, or required regions or items, which no reader may ignore and which are unknown here.
    #[error("image uses unknown incompatible features ({what})")]
    UnknownFeatures {
        /// Where they were found, with the bits when they are bits.
        what: String,
    },
    /// A version of the format that is not supported.
    #[error("{what} version {version} is not supported")]
    UnsupportedVersion {
        /// Which version number.
        what: &'static str,
        /// The number found.
        version: u32,
    },
    /// The image's content is encrypted inside a format that is not an encrypted one.
    #[error("image is encrypted")]
    Encrypted,
    /// A VMDK of a kind other than `monolithicSparse` and `streamOptimized`.
    #[error("VMDK type {create_type:?} is not allowed")]
    VmdkType {
        /// The kind it claims, shortened to 64 characters.
        create_type: String,
    },
    /// The VMDK descriptor is missing, or has lines that are not understood.
    #[error("VMDK descriptor: {why}")]
    VmdkDescriptor {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The VMDK descriptor's extents are not exactly the one sparse extent inside the file.
    #[error("VMDK extent: {why}")]
    VmdkExtent {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A header field contradicts the format or another field.
    #[error("{field} is inconsistent: {why}")]
    Inconsistent {
        /// Which field or structure.
        field: &'static str,
        /// What was expected of it.
        why: &'static str,
    },
    /// A table the header points at does not lie within the file.
    #[error("{field} lies outside the file")]
    OutsideFile {
        /// Which table.
        field: &'static str,
    },
    /// A stored checksum does not match.
    #[error("{field} has a wrong checksum")]
    BadChecksum {
        /// Which structure.
        field: &'static str,
    },
    /// A virtual size beyond what any supported machine could use.
    #[error("virtual size of {bytes} bytes is beyond the limit")]
    SizeAbsurd {
        /// The size claimed, in bytes; capped at the largest 64-bit number.
        bytes: u64,
    },
    /// The file ends inside a structure that must be there.
    #[error("file ends before its {field}")]
    Truncated {
        /// Which structure.
        field: &'static str,
    },
    /// A VHDX whose log holds changes that were never written to their places.
    #[error(
        "image was not closed cleanly: its log must be replayed first; open and close it where it was made, or convert \
         it with `imprint disk convert`"
    )]
    DirtyLog,
    /// The partition table is not sound although the image was declared to be a partitioned disk.
    #[error("partition table: {why}")]
    PartitionTable {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A format that is recognised only to be refused.
    #[error("format {0} is not allowed")]
    BannedFormat(Format),
    /// The bytes are valid as more than one format, so readers could disagree about what they are.
    #[error("several formats detected: {}", names(.0))]
    SeveralFormats(Vec<Format>),
}

fn names(formats: &[Format]) -> String {
    formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
}
