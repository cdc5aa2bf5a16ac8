//! Boot loader specification: an entry in a file of its own.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::entry::Entry;
use super::grub::expand_all;

/// How many files one initramfs may have.
const INITRDS_MAX: usize = 64;

/// Reads an entry; `id` is the file's name without `.conf`. Variables are GRUB's.
pub(super) fn parse(id: &str, text: &str, variables: &HashMap<String, String>) -> Entry {
    let mut entry = Entry::default();
    let (mut options, mut initrds): (Vec<&str>, Vec<&str>) = Default::default();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim();
        match key {
            "title" => entry.title = value.to_owned(),
            "version" => entry.version = Some(value.to_owned()),
            "linux" | "uki" => entry.kernel = Some(value.to_owned()),
            "efi" => entry.chain_loads = true,
            // `$tuned_initrd` and its like are mostly empty.
            "initrd" => initrds.push(value),
            "options" => options.push(value),
            _ => {}
        }
    }
    let initrds = expand_all(initrds.into_iter(), variables);
    entry.initrds = initrds.split_whitespace().take(INITRDS_MAX).map(str::to_owned).collect();
    let options = expand_all(options.into_iter(), variables);
    entry.command_line = options.split_whitespace().collect::<Vec<_>>().join(" ");
    entry.chain = vec![[String::new(), entry.title.clone(), id.to_owned()]];
    entry
}

/// The order in which loaders show entries: the newest version first; and their indexes in it.
pub(super) fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| compare_versions(id(b), id(a)));
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.chain[0][0] = index.to_string();
    }
}

fn id(entry: &Entry) -> &str {
    entry.chain.first().map_or("", |names| names[2].as_str())
}

/// Versions as people count: runs of digits as numbers, the rest as text.
pub(super) fn compare_versions(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (runs(a), runs(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) if is_number(a) && is_number(b) => {
                let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            (Some(a), Some(b)) => is_number(a).cmp(&is_number(b)).then_with(|| a.cmp(b)),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn is_number(run: &str) -> bool {
    run.starts_with(|char: char| char.is_ascii_digit())
}

/// The runs of digits and of letters; what stands between them only separates.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).flat_map(|part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?.is_ascii_digit();
            let end = rest.find(|char: char| char.is_ascii_digit() != first).unwrap_or(rest.len());
            let run;
            (run, rest) = rest.split_at(end);
            Some(run)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_with_its_variables() {
        let variables = HashMap::from([("kernelopts".to_owned(), "root=/dev/rl/root ro".to_owned())]);
        let text = "title Rocky\nversion 5.14\nlinux /vmlinuz-5.14\ninitrd /i.img $tuned_initrd\noptions $kernelopts\noptions quiet\n# x\n";
        let entry = parse("id-5.14", text, &variables);
        assert_eq!(entry.kernel.as_deref(), Some("/vmlinuz-5.14"));
        assert_eq!(entry.initrds, ["/i.img"]);
        assert_eq!(entry.command_line, "root=/dev/rl/root ro quiet");
        assert!(entry.is_called("id-5.14") && entry.is_called("Rocky"));
    }

    #[test]
    fn the_newest_version_comes_first() {
        let mut versions = ["5.14.0-70.el9", "5.14.0-427.13.1.el9", "6.1.0-9", "6.1.0-10", "6.1.0"];
        versions.sort_by(|a, b| compare_versions(b, a));
        assert_eq!(versions, ["6.1.0-10", "6.1.0-9", "6.1.0", "5.14.0-427.13.1.el9", "5.14.0-70.el9"]);
    }
}
