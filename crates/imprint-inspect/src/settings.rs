//! The small languages of configuration files: shell assignments, sections with keys.
//!
//! What lives here: taking lines apart. What never does: what a key means.

/// The `KEY=value` lines of a file that a shell would read, quotes and comments taken away. What a shell would compute
/// stays as it is written.
pub(crate) fn assignments(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let (key, value) = line.split_once('=')?;
        let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        plain.then(|| (key, unquoted(value)))
    })
}

/// The last value that a file assigns to a key.
pub(crate) fn assigned(text: &str, key: &str) -> Option<String> {
    assignments(text).filter(|(found, _)| *found == key).last().map(|(_, value)| value)
}

/// The first word of a shell line, quotes taken away.
fn unquoted(value: &str) -> String {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = value.trim_start().chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), char) if char == open => quote = None,
            (None, '"' | '\'') => quote = Some(char),
            (None | Some('"'), '\\') => word.extend(chars.next()),
            (None, char) if char.is_whitespace() => break,
            (_, char) => word.push(char),
        }
    }
    word
}

/// A key of a file with sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting<'t> {
    /// The section, without brackets; empty before the first.
    pub(crate) section: &'t str,
    /// The key.
    pub(crate) key: &'t str,
    /// The value, trimmed.
    pub(crate) value: &'t str,
}

/// How many keys of a file are looked at.
const SETTINGS_MAX: usize = 10_000;

/// The keys of a file with `[sections]`, as NetworkManager, systemd and Cloudbase-Init write them.
pub(crate) fn sections(text: &str) -> Vec<Setting<'_>> {
    let mut section = "";
    let mut settings = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((key, value)) = line.split_once('=') {
            if settings.len() >= SETTINGS_MAX {
                break;
            }
            settings.push(Setting { section, key: key.trim(), value: value.trim() });
        }
    }
    settings
}

/// Whether a word means yes, in the many ways that configuration files have.
pub(crate) fn means_yes(word: &str) -> bool {
    ["yes", "true", "on", "1", "enabled", "y"].iter().any(|yes| word.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_lines_lose_their_quotes_and_comments() {
        let text = "# c\nID=\"rocky\"\nexport A='b c' # d\nB=c\\ d\nID_LIKE=\"rhel \\\"x\\\"\"\nnot a line\n=x\n";
        let found: Vec<_> = assignments(text).collect();
        let expected = [("ID", "rocky"), ("A", "b c"), ("B", "c d"), ("ID_LIKE", "rhel \"x\"")];
        assert_eq!(found, expected.map(|(key, value)| (key, value.to_owned())));
        assert_eq!(assigned("A=1\nA=2\n", "A").as_deref(), Some("2"));
    }

    #[test]
    fn sections_name_their_keys() {
        let found = sections("x=0\n[ipv4]\n# no\nmethod = auto\n[ipv6]\nmethod=ignore\n");
        let words: Vec<_> = found.iter().map(|s| format!("{}.{}={}", s.section, s.key, s.value)).collect();
        assert_eq!(words, [".x=0", "ipv4.method=auto", "ipv6.method=ignore"]);
    }
}
