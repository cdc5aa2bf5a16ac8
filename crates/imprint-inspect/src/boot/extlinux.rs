//! Extlinux and syslinux: one file of labels.

use super::entry::Entry;

/// How many labels are looked at.
const LABELS_MAX: usize = 256;

/// Reads a configuration: its entries, and what it calls the default.
pub(super) fn parse(text: &str) -> (Vec<Entry>, Option<String>) {
    let mut entries: Vec<Entry> = Vec::new();
    let (mut default, mut on_time_out, mut marked) = (None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let index = entries.len();
        match (word.to_ascii_lowercase().as_str(), entries.last_mut()) {
            // A menu program is no label: what it shows first is decided below.
            ("default", _) if !rest.ends_with(".c32") => default = Some(rest.to_owned()),
            ("ontimeout", _) => on_time_out = Some(rest.to_owned()),
            ("label", _) if index < LABELS_MAX => {
                let names = vec![[index.to_string(), rest.to_owned(), rest.to_owned()]];
                entries.push(Entry { title: rest.to_owned(), chain: names, ..Entry::default() });
            }
            ("menu", Some(entry)) => match rest.split_once(char::is_whitespace).unwrap_or((rest, "")) {
                (word, title) if word.eq_ignore_ascii_case("label") => entry.title = title.trim().to_owned(),
                (word, _) if word.eq_ignore_ascii_case("default") => marked = Some(entry.chain[0][2].clone()),
                _ => {}
            },
            ("linux" | "kernel", Some(entry)) => entry.kernel = Some(rest.to_owned()),
            ("initrd", Some(entry)) => entry.initrds = rest.split(',').map(str::to_owned).collect(),
            ("append", Some(entry)) => {
                let (initrds, words): (Vec<&str>, Vec<&str>) =
                    rest.split_whitespace().partition(|word| word.starts_with("initrd="));
                if let Some(paths) = initrds.last().and_then(|word| word.strip_prefix("initrd=")) {
                    entry.initrds = paths.split(',').map(str::to_owned).collect();
                }
                entry.command_line = words.join(" ");
            }
            _ => {}
        }
    }
    // The label's own name is both its id and its title for the default; `DEFAULT linux quiet` adds words to it.
    let default = default.or(marked).or(on_time_out).map(|name| match name.split_once(char::is_whitespace) {
        Some((label, _)) => label.to_owned(),
        None => name,
    });
    (entries, default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_whatever_their_case() {
        let (entries, default) = parse(
            "DEFAULT menu.c32\nPROMPT 0\nLABEL virt\n  MENU LABEL Linux virt\n  LINUX vmlinuz-virt\n  INITRD initramfs-virt\n  APPEND root=LABEL=root console=ttyS0\nlabel old\n kernel /v\n append initrd=/i ro\n menu default\n",
        );
        assert_eq!(default.as_deref(), Some("old"));
        assert_eq!(entries[0].kernel.as_deref(), Some("vmlinuz-virt"));
        assert_eq!(
            (entries[0].initrds[0].as_str(), entries[0].argument("root")),
            ("initramfs-virt", Some("LABEL=root"))
        );
        assert_eq!((entries[1].initrds[0].as_str(), entries[1].command_line.as_str()), ("/i", "ro"));
        assert!(entries[1].is_called("old"));
    }
}
