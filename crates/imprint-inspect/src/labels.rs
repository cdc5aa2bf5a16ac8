//! Identifiers and labels in the ways that only some formats write them; what is shown has no control characters.

use crate::fields;

/// A UUID as Microsoft stores it: its first three numbers little-endian. None when it is all zeros.
pub(crate) fn guid_text(raw: [u8; 16]) -> Option<String> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = raw;
    fields::uuid_text(&[d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
}

/// Text padded with NULs or blanks; none when nothing is left.
pub(crate) fn padded(raw: &[u8]) -> Option<String> {
    let end = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
    shown(&String::from_utf8_lossy(&raw[..end]))
}

/// UTF-16 text, little-endian, padded with NULs.
pub(crate) fn utf16le(raw: &[u8]) -> Option<String> {
    utf16(raw.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
}

fn utf16(units: impl Iterator<Item = u16>) -> Option<String> {
    let units: Vec<u16> = units.take_while(|&unit| unit != 0).collect();
    shown(&String::from_utf16_lossy(&units))
}

fn shown(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|char| !char.is_control()).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}
