//! What machines, disks and snapshots may be called. Descriptions are as those of images (`validate.rs`).

/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 128;
/// Shortest name, in characters.
const NAME_CHARS_MIN: usize = 2;
/// Longest name that a machine calls itself.
const HOST_NAME_CHARS_MAX: usize = 64;

/// Whether machines and disks may have this name: it begins with a letter of any script, goes on with letters, digits
/// and `.` `:` `_` `-`, and is no address.
pub(crate) fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (NAME_CHARS_MIN..=NAME_CHARS_MAX).contains(&length)
        && !is_address(text)
        && text.starts_with(char::is_alphabetic)
        && text.chars().all(|c| c.is_alphanumeric() || ".:_-".contains(c))
}

/// Whether snapshots may have this name. Names that begin with `auto` are kept for those the system makes by itself.
pub(crate) fn is_snapshot_name(text: &str) -> bool {
    is_name(text) && !has_prefix(text, "auto")
}

/// Whether a machine may call itself so.
pub(crate) fn is_host_name(text: &str) -> bool {
    let edge = |c: char| c == '.' || c == '-';
    (2..=HOST_NAME_CHARS_MAX).contains(&text.len())
        && !text.starts_with(edge)
        && !text.ends_with(edge)
        && !text.as_bytes().windows(2).any(|pair| edge(char::from(pair[0])) && edge(char::from(pair[1])))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
}

fn is_address(text: &str) -> bool {
    has_prefix(text, "http://") || has_prefix(text, "https://")
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_a_letter_and_stay_within_bounds() {
        for good in ["ab", "数据盘", "a.b:c_d-9", &"n".repeat(128)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a", "1a", "-a", "a b", "a/b", "http://a", "HTTPS://a", "a\0", &"n".repeat(129)] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_name("automatic") && !is_snapshot_name("automatic") && !is_snapshot_name("Auto2"));
        assert!(is_snapshot_name("my-auto"));
    }

    #[test]
    fn host_names_are_what_a_resolver_takes() {
        assert!(is_host_name("web-1.example") && is_host_name("ab"));
        for bad in ["a", "-ab", "ab.", "a..b", "a-.b", "a_b", "é1", &"h".repeat(65)] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
