//! Text that comes from a disk, made fit to be shown.

/// The longest text of a name, a version, a label, in characters.
pub(crate) const WORD_CHARS_MAX: usize = 256;

/// Text from bytes of a disk: what is no UTF-8 replaced, control characters (with those that turn the direction of
/// writing) dropped, no white space around, cut.
pub(crate) fn clean(bytes: impl AsRef<[u8]>, chars_max: usize) -> String {
    // a character is at most 4 bytes long, so nothing past this can come into the result unless it is dropped before
    let bytes = bytes.as_ref();
    let bytes = &bytes[..bytes.len().min(chars_max.saturating_mul(8))];
    let text = String::from_utf8_lossy(bytes);
    let shown: String = text.trim().chars().filter(|c| !is_hidden(*c)).take(chars_max).collect();
    shown.trim_end().to_owned()
}

/// A word: [`clean`] with the bound of names and versions.
pub(crate) fn clean_word(bytes: impl AsRef<[u8]>) -> String {
    clean(bytes, WORD_CHARS_MAX)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_turned_writing_are_dropped() {
        assert_eq!(clean_word(" a\u{1b}[31mb\n\u{202e}c\0 "), "a[31mbc");
        assert_eq!(clean_word(b"\xff\xfea"), "\u{fffd}\u{fffd}a");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(clean("äöü".repeat(1000), 4), "äöüä");
        assert_eq!(clean(vec![0xf0; 100_000], 3).chars().count(), 3);
    }
}
