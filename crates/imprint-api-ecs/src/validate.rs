//! What texts of this API must look like, and how many there may be. Stricter than what the engine takes, and the same
//! for every operation; only the words of a refusal differ, so those are the operations'. Never here: whether a name
//! is free.

use std::collections::BTreeSet;

use imprint_model::join_tag;

use crate::params::TagPair;

/// Bounds of a name's length, in characters.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=128;
/// Bounds of a description's length, in characters.
const DESCRIPTION_CHARS: std::ops::RangeInclusive<usize> = 2..=256;
/// Longest tag key, and longest tag value, in characters.
pub(crate) const TAG_CHARS_MAX: usize = 128;
/// Most tags that a request gives, and most that a resource has.
pub(crate) const TAGS_MAX: usize = 20;
/// Longest version of an image, in characters: the engine's own bound on short texts.
const VERSION_CHARS_MAX: usize = 255;

/// Whether an image, or a family of images, may be called so.
pub(crate) fn name(text: &str) -> bool {
    let mut letters = text.chars();
    let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | ':' | '_' | '-');
    NAME_CHARS.contains(&text.chars().count())
        && letters.next().is_some_and(char::is_alphabetic)
        && letters.all(allowed)
        && !begins(text, "aliyun")
        && !begins(text, "acs:")
        && !names_url(text)
}

/// Whether an image may be described so.
pub(crate) fn description(text: &str) -> bool {
    DESCRIPTION_CHARS.contains(&text.chars().count())
        && !begins(text, "http://")
        && !begins(text, "https://")
        && !text.contains('\0')
}

/// Whether an image's version may be written so: it is free text.
pub(crate) fn version(text: &str) -> bool {
    text.chars().count() <= VERSION_CHARS_MAX && !text.contains('\0')
}

/// What is wrong with tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagProblem {
    /// A key cannot be one.
    Key,
    /// A value cannot be one.
    Value,
    /// Two keys are the same.
    Duplicate,
    /// More than [`TAGS_MAX`].
    TooMany,
}

/// Tags as the engine keeps them.
pub(crate) fn tags(pairs: &[TagPair<'_>]) -> Result<BTreeSet<String>, TagProblem> {
    if pairs.len() > TAGS_MAX {
        return Err(TagProblem::TooMany);
    }
    let mut keys = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for pair in pairs {
        let key = pair.key.filter(|key| tag_key(key)).ok_or(TagProblem::Key)?;
        let value = pair.value.unwrap_or_default();
        if !tag_value(value) {
            return Err(TagProblem::Value);
        }
        if !keys.insert(key) {
            return Err(TagProblem::Duplicate);
        }
        tags.insert(join_tag(key, value));
    }
    Ok(tags)
}

/// Whether a tag may have this key. The equals sign is where the engine parts key and value, so no key has one.
pub(crate) fn tag_key(key: &str) -> bool {
    (1..=TAG_CHARS_MAX).contains(&key.chars().count())
        && !begins(key, "aliyun")
        && !begins(key, "acs:")
        && !names_url(key)
        && !key.contains(['=', '\0'])
}

/// Whether a tag may have this value; an empty one is a value.
pub(crate) fn tag_value(value: &str) -> bool {
    value.chars().count() <= TAG_CHARS_MAX && !begins(value, "acs:") && !names_url(value) && !value.contains('\0')
}

/// Whether an object's key in a bucket may begin so when something is exported.
pub(crate) fn export_prefix(text: &str) -> bool {
    (1..=30).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_alphanumeric())
}

/// Prefixes count in any case of letters.
fn begins(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn names_url(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("http://") || text.contains("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_taken_and_what_is_no_name_is_not() {
        for good in ["ab", "aB", "镜像", "镜像_v1.2:3-x", "été", &"a".repeat(128), &"镜".repeat(128), "xaliyun", "acs"]
        {
            assert!(name(good), "{good}");
        }
        let long = "a".repeat(129);
        for bad in [
            "",
            "a",
            &long,
            "1a",
            "_a",
            ".a",
            "a b",
            "a/b",
            "a\n",
            "a<b",
            "aliyun",
            "Aliyun-x",
            "ALIYUNx",
            "acs:x",
            "ACS:x",
            "ahttp://",
            "xhttps://y",
            "a\0",
        ] {
            assert!(!name(bad), "{bad:?}");
        }
    }

    #[test]
    fn descriptions_are_free_but_for_length_and_urls_at_the_start() {
        for good in ["ab", "<a & b>", "see http://x", &"é".repeat(256), "httpx"] {
            assert!(description(good), "{good}");
        }
        for bad in ["a", "http://x", "HTTPS://x", &"a".repeat(257), "a\0b"] {
            assert!(!description(bad), "{bad:?}");
        }
    }

    fn check(pairs: &[(&str, &str)]) -> Result<Vec<String>, TagProblem> {
        let pair = |&(key, value): &(_, _)| TagPair { key: Some(key), value: Some(value) };
        tags(&pairs.iter().map(pair).collect::<Vec<_>>()).map(|tags| tags.into_iter().collect())
    }

    #[test]
    fn tags_are_checked_pair_by_pair() {
        assert_eq!(check(&[("k", ""), ("名", "値=1")]), Ok(vec!["k".to_owned(), "名=値=1".to_owned()]));
        assert_eq!(check(&[(&"k".repeat(128), &"v".repeat(128))]).map(|tags| tags.len()), Ok(1));
        for bad in ["", "aliyunx", "Acs:x", "a http://b", "a=b", &"k".repeat(129)] {
            assert_eq!(check(&[(bad, "v")]), Err(TagProblem::Key), "{bad}");
        }
        for bad in ["acs:x", "see https://b", &"v".repeat(129)] {
            assert_eq!(check(&[("k", bad)]), Err(TagProblem::Value), "{bad}");
        }
        assert_eq!(check(&[("k", "1"), ("k", "2")]), Err(TagProblem::Duplicate));
        assert!(check(&[("k", "1"), ("K", "2")]).is_ok(), "keys are case-sensitive");
        let keys: Vec<String> = (0..21).map(|n| format!("k{n}")).collect();
        let many: Vec<_> = keys.iter().map(|key| TagPair { key: Some(key), value: None }).collect();
        assert_eq!(tags(&many), Err(TagProblem::TooMany));
        assert!(tags(&many[..20]).is_ok());
        assert_eq!(tags(&[TagPair { key: None, value: Some("v") }]), Err(TagProblem::Key));
    }

    #[test]
    fn export_prefixes_are_short_and_plain() {
        assert!(export_prefix("a1") && export_prefix(&"a".repeat(30)));
        for bad in ["", "a-b", "é", &"a".repeat(31)] {
            assert!(!export_prefix(bad), "{bad}");
        }
    }
}
