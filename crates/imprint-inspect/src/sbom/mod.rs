//! Bills of materials: a report's packages as SPDX 2.3 and as CycloneDX 1.6, both JSON.
//!
//! The same report, name and time give the same bytes: identifiers are digests of what they identify.

mod cyclonedx;
mod licence;
mod purl;
mod spdx;
#[cfg(test)]
mod tests;

pub use cyclonedx::cyclonedx;
pub use spdx::spdx;

use crate::report::{Package, Report};

/// What wrote the document.
const TOOL: &str = "imprint";
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest readable part of an identifier.
const SLUG_CHARS_MAX: usize = 64;

/// A UUID that is the document's alone: of its own kind (version 8, RFC 9562), from a digest of all it says.
fn document_uuid(kind: &str, report: &Report, name: &str, created: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    [kind, name, created].into_iter().for_each(&mut add);
    if let Some(os) = &report.os {
        [&*os.distribution, &os.version, &os.pretty_name].into_iter().for_each(&mut add);
    }
    for package in &report.packages {
        [&*package.name, &package.version, &package.architecture].into_iter().for_each(&mut add);
        add(package.licence.as_deref().unwrap_or_default());
    }
    let mut bytes: [u8; 16] = *hasher.finalize().as_bytes().first_chunk().expect("digests have 32 bytes");
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// An identifier of a package within a document.
fn package_id(package: &Package) -> String {
    let digest = digest16(&[&package.name, &package.version, &package.architecture]);
    format!("Package-{}-{digest}", slug(&package.name))
}

/// Letters, digits, `.` and `-` only: what both formats allow in identifiers.
fn slug(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    text.chars().take(SLUG_CHARS_MAX).map(allowed).collect()
}

/// Sixteen digits that stand for some texts.
fn digest16(texts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
