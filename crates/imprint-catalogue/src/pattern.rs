//! Names that match a pattern in which `*` stands for any text, and every other character for itself.

/// Longest pattern; the engines take a little more.
pub(crate) const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// The pattern as `LIKE` with the escape `\` takes it: upper case and lower differ on both engines.
pub(crate) fn to_like(pattern: &str) -> String {
    pattern.split('*').map(literal).collect::<Vec<_>>().join("%")
}

/// A text as `LIKE` takes it to mean itself.
pub(crate) fn literal(text: &str) -> String {
    let mut like = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            like.push('\\');
        }
        like.push(character);
    }
    like
}

/// What every match begins with.
pub(crate) fn prefix(pattern: &str) -> &str {
    pattern.split('*').next().unwrap_or_default()
}

/// The first text, in byte order, after all those that begin with `prefix`; none when there is no such text.
pub(crate) fn after_prefix(prefix: &str) -> Option<String> {
    let mut rest = prefix.to_owned();
    while let Some(last) = rest.pop() {
        // No character stands between these two.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            rest.push(next);
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_star_is_special() {
        assert_eq!(to_like(r"a*b%c_d\e"), r"a%b\%c\_d\\e");
        assert_eq!((prefix("ab*c*"), prefix("*"), prefix("a?[")), ("ab", "", "a?["));
    }

    #[test]
    fn everything_with_a_prefix_lies_before_what_comes_after_it() {
        for (text, after) in [("a", Some("b")), ("a\u{10ffff}", Some("b")), ("\u{d7ff}", Some("\u{e000}")), ("", None)]
        {
            assert_eq!(after_prefix(text).as_deref(), after, "{text:?}");
        }
        assert_eq!(after_prefix("\u{10ffff}"), None);
        for text in ["a", "é", "☃\u{7f}", "z\u{10ffff}"] {
            let after = after_prefix(text).expect("there is something after it");
            assert!(*text < *after && *format!("{text}\u{10ffff}") < *after);
        }
    }
}
