//! Which format the evidence shows, and what its check finds.

use std::io;

use crate::ReadAt;
use crate::evidence::Evidence;
use crate::formats::{Findings, gpt, iso, luks, packed, qcow2, vdi, vhd, vhdx, vmdk, zvhd};
use crate::{Format, Inspection, Refusal};

/// Says what a file is, by the rules of the streaming [`crate::Inspector`]; only the few places that they ask for are
/// read.
///
/// # Errors
/// What the file answers.
pub fn detect(file: &dyn ReadAt) -> io::Result<Inspection> {
    Ok(conclude(&Evidence::gather(file)?))
}

/// Runs every detector, decides on one format, and runs that format's check.
pub(crate) fn conclude(evidence: &Evidence) -> Inspection {
    let detected = matches(evidence);
    let format = decide(&detected);
    let mut findings = check(format.unwrap_or_else(|formats| formats[0]), evidence);
    if let Err(formats) = format {
        findings.refuse(Refusal::SeveralFormats(formats.to_vec()));
    }
    Inspection {
        format: format.unwrap_or_else(|formats| formats[0]),
        stream_size_bytes: evidence.total,
        virtual_size_bytes: findings.virtual_size,
        refusals: findings.refusals,
        warnings: findings.warnings,
    }
}

/// All formats the bytes are valid beginnings (or ends) of, containers before what they may contain.
fn matches(evidence: &Evidence) -> Vec<Format> {
    let head = evidence.head.as_slice();
    let detectors = [
        (Format::Qcow2, qcow2::recognise(head)),
        (Format::Qed, head.starts_with(b"QED\0")),
        (Format::Vmdk, vmdk::recognise(head)),
        (Format::Vhdx, vhdx::recognise(head)),
        (Format::Vdi, vdi::recognise(head)),
        (Format::Luks, luks::recognise(head)),
        (Format::Ploop, head.starts_with(b"WithoutFreeSpace") || head.starts_with(b"WithouFreSpacExt")),
        (Format::Bochs, head.starts_with(b"Bochs Virtual HD Image")),
        (Format::Cloop, head.starts_with(b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop")),
        (Format::Vhd, vhd::recognise(evidence)),
        (Format::Dmg, evidence.last(512).is_some_and(|trailer| trailer.starts_with(b"koly"))),
        (Format::Gz, packed::is_gz(head)),
        (Format::Xz, packed::is_xz(head)),
        (Format::Zst, packed::is_zst(head)),
        (Format::Zvhd, zvhd::is_stream(head)),
        (Format::Zvhd2, zvhd::is_indexed(head)),
        (Format::Iso, iso::recognise(head)),
        (Format::Gpt, gpt::recognise(head)),
    ];
    detectors.into_iter().filter(|&(_, found)| found).map(|(format, _)| format).collect()
}

/// One format out of those detected, or (as the error) the contradiction, which holds at least two.
fn decide(detected: &[Format]) -> Result<Format, &[Format]> {
    match detected {
        [] => Ok(Format::Raw),
        [only] => Ok(*only),
        // a hybrid ISO boots as a disk too
        [Format::Iso, Format::Gpt] => Ok(Format::Iso),
        // compressed bytes hold the two bytes of a boot sector's signature now and then
        [outer, Format::Gpt] if outer.is_packed() => Ok(*outer),
        // these may end in a trailer with the guest's own disk in front of it
        [outer @ (Format::Vhd | Format::Dmg), rest @ ..]
            if rest.iter().all(|inner| matches!(inner, Format::Iso | Format::Gpt) || inner.is_packed()) =>
        {
            Ok(*outer)
        }
        several => Err(several),
    }
}

/// The findings of one format's check, whatever else the bytes look like.
pub(crate) fn check(format: Format, evidence: &Evidence) -> Findings {
    match format {
        Format::Raw => Findings::of_size(evidence.total),
        // its header is not parsed: what it holds is somebody else's to say
        Format::Ploop => Findings::default(),
        // nor is what is packed: only unpacking it tells
        Format::Gz | Format::Xz | Format::Zst => Findings::default(),
        Format::Gpt => gpt::check(evidence),
        Format::Iso => iso::check(evidence),
        Format::Qcow2 => qcow2::check(evidence),
        Format::Vmdk => vmdk::check(evidence),
        Format::Vhd => vhd::check(evidence),
        Format::Vhdx => vhdx::check(evidence),
        Format::Vdi => vdi::check(evidence),
        Format::Luks => luks::check(evidence),
        Format::Zvhd | Format::Zvhd2 => zvhd::check(evidence),
        Format::Qed | Format::Dmg | Format::Bochs | Format::Cloop => {
            let mut findings = Findings::default();
            findings.refuse(Refusal::BannedFormat(format));
            findings
        }
    }
}
