//! Patterns with `*` (any text) and `?` (any one character).

use std::str::Chars;

/// Whether capitals count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capitals {
    /// `a` is not `A`.
    Differ,
    /// `a` is `A`, for the letters of ASCII.
    Alike,
}

/// Whether the whole text fits the pattern. Takes at most time in proportion to the product of both lengths: only the
/// last `*` ever gives way, which is enough, since an earlier one could not reach further than it did.
pub(super) fn fits(pattern: &str, text: &str, capitals: Capitals) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // what follows the last `*`, and where the text stood then
    let mut retry: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let mut next = pattern.clone();
        match next.next() {
            Some('*') => {
                retry = Some((next.clone(), text.clone()));
                pattern = next;
                continue;
            }
            Some(wanted) => {
                let mut rest = text.clone();
                let Some(found) = rest.next() else {
                    return false;
                };
                if wanted == '?' || same(wanted, found, capitals) {
                    (pattern, text) = (next, rest);
                    continue;
                }
            }
            None if text.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after, from)) = &mut retry else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after.clone(), from.clone());
    }
}

fn same(a: char, b: char, capitals: Capitals) -> bool {
    a == b || (capitals == Capitals::Alike && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_what_they_should() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything:at/all", true),
            ("**", "a", true),
            ("?", "", false),
            ("?", "é", true),
            ("?", "ab", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("*ab", "aab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("image/m-?23", "image/m-123", true),
            ("image/m-?23", "image/m-23", false),
            ("Image", "image", false),
            ("a*?", "a", false),
            ("a*?", "ab", true),
            ("*?*", "x", true),
        ] {
            assert_eq!(fits(pattern, text, Capitals::Differ), expected, "{pattern} {text}");
        }
        assert!(fits("ab:DO*", "AB:doIt", Capitals::Alike) && !fits("é", "É", Capitals::Alike));
    }

    /// As one would define it; exponential, so for short texts only.
    fn defined(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| defined(rest, &text[taken..])),
            (Some((b'?', rest)), Some((_, after))) => defined(rest, after),
            (Some((wanted, rest)), Some((found, after))) => wanted == found && defined(rest, after),
            (Some(_), None) => false,
        }
    }

    fn all_texts(alphabet: &[u8], length_max: usize) -> Vec<Vec<u8>> {
        let mut all = vec![Vec::new()];
        let mut longest = 0..1;
        for _ in 0..length_max {
            let next = all[longest.clone()].iter().flat_map(|text| {
                alphabet.iter().map(|&letter| text.iter().copied().chain([letter]).collect::<Vec<u8>>())
            });
            let next: Vec<_> = next.collect();
            longest = all.len()..all.len() + next.len();
            all.extend(next);
        }
        all
    }

    #[test]
    fn every_short_pattern_fits_what_it_should() {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("ASCII");
        for pattern in all_texts(b"ab*?", 4) {
            for tried in all_texts(b"ab", 4) {
                let fitted = fits(&text(&pattern), &text(&tried), Capitals::Differ);
                assert_eq!(fitted, defined(&pattern, &tried), "{} {}", text(&pattern), text(&tried));
            }
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let (pattern, text) = ("*a".repeat(3_000) + "b", "a".repeat(6_000));
        assert!(!fits(&pattern, &text, Capitals::Differ));
    }
}
