//! What a declared format may stand for: the comparison of the uploader's word with what the bytes say.

use crate::{Format, Inspection, Refusal, Warning};

/// Why an upload is not accepted under its declared format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The bytes are another format than declared.
    #[error("Image disk_format {declared} does not match stream data {detected}")]
    Mismatch {
        /// The format's name as declared.
        declared: String,
        /// What the bytes are.
        detected: Format,
    },
    /// The bytes are recognised and unsafe, whatever was declared. Holds at least one reason.
    #[error("Image failed safety checks: {}", reasons(.0))]
    Unsafe(Vec<Refusal>),
}

fn reasons(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Whether bytes inspected as `inspection` may be stored under the format name `declared`.
///
/// `raw` takes anything; a format that can be recognised takes only itself; any other name (`ami`, `ari`, `aki`, …)
/// takes what was not recognised, or only as packed: compressed bytes are opaque to whoever stores them. A hybrid of ISO and partition table is inspected as [`Format::Iso`], so it is
/// compatible with `iso` and not with `gpt`. Safety is a separate question: see [`Inspection::refusals`].
#[must_use]
pub fn compatible(declared: &str, inspection: &Inspection) -> bool {
    match Format::from_name(declared) {
        Some(Format::Raw) => true,
        // ploop images exist that lack the recognisable header, so the name also stands for opaque bytes
        Some(Format::Ploop) => inspection.format == Format::Ploop || is_opaque(inspection.format),
        Some(format) => inspection.format == format,
        None => is_opaque(inspection.format),
    }
}

fn is_opaque(format: Format) -> bool {
    format == Format::Raw || format.is_packed()
}

/// Decides on an upload: the virtual size to record when it is acceptable, the reason when it is not.
///
/// Declared `raw` means the file itself is the disk, so its own size is the virtual size even when a richer format is
/// recognised inside; the same holds for packed bytes under any name but that of their packing. `Ok(None)` means the size is not known.
///
/// # Errors
/// [`Rejection::Mismatch`] when the declared format is not [`compatible`]; otherwise [`Rejection::Unsafe`] when the
/// inspection holds refusals, also for declared `raw`. Declared `gpt` promises a sound partition table, so there the
/// warnings about it count as refusals too.
pub fn judge(declared: &str, inspection: &Inspection) -> Result<Option<u64>, Rejection> {
    if !compatible(declared, inspection) {
        return Err(Rejection::Mismatch { declared: declared.to_owned(), detected: inspection.format });
    }
    let mut refusals = inspection.refusals.clone();
    if declared == Format::Gpt.name() {
        refusals.extend(inspection.warnings.iter().filter_map(partition_table_refusal));
    }
    if !refusals.is_empty() {
        return Err(Rejection::Unsafe(refusals));
    }
    let packed_under_another_name = inspection.format.is_packed() && declared != inspection.format.name();
    if declared == Format::Raw.name() || packed_under_another_name {
        return Ok(Some(inspection.stream_size_bytes));
    }
    Ok(inspection.virtual_size_bytes)
}

fn partition_table_refusal(warning: &Warning) -> Option<Refusal> {
    match warning {
        Warning::PartitionTable(why) => Some(Refusal::PartitionTable { why }),
        Warning::Dirty | Warning::Corrupt | Warning::FooterMissing => None,
    }
}
