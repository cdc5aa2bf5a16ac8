//! The machine that a Windows program is for, from its header.

/// Where the place of the second header stands, and what it begins with.
const SECOND_HEADER: usize = 60;
const MAGIC: &[u8] = b"PE\0\0";

/// How much of a program must be read for [`architecture`].
pub(super) const START_BYTES: usize = 4096;

/// The architecture; none when the bytes begin no program, or one for another machine.
pub(super) fn architecture(program: &[u8]) -> Option<&'static str> {
    if !program.starts_with(b"MZ") {
        return None;
    }
    let at = u32::from_le_bytes(*program.get(SECOND_HEADER..)?.first_chunk()?) as usize;
    let header = program.get(at..)?;
    let machine = header.strip_prefix(MAGIC)?.first_chunk()?;
    match u16::from_le_bytes(*machine) {
        0x014c => Some("i386"),
        0x01c0 | 0x01c4 => Some("arm"),
        0x8664 => Some("x86_64"),
        0xaa64 => Some("aarch64"),
        _ => None,
    }
}
