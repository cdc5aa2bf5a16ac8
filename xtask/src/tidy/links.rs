//! Links in Markdown files lead somewhere, and the paths that ARCHITECTURE.md names exist.

use super::{Finding, SourceFile};
use std::collections::BTreeSet;

/// Folders whose names begin a path of the tree when they stand in backticks.
const TOP_FOLDERS: [&str; 6] = ["crates/", "xtask/", "docs/", "tests/", "bench/", ".ci/"];
/// The page whose backticked paths must exist.
const MAP: &str = "ARCHITECTURE.md";

/// Follows every relative link and every path of the map.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let known = Known::of(files);
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for target in links(&file.text) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !known.holds(&joined(&file.path, path)) {
                findings.push(format!("{}: dead link to {target}", file.path));
            }
        }
        if file.path == MAP {
            let missing = named_paths(&file.text).into_iter().filter(|path| !known.holds(path));
            findings.extend(missing.map(|path| format!("{MAP}: names {path}, which does not exist")));
        }
    }
    findings
}

/// Every file and every folder of the tree.
struct Known<'a>(BTreeSet<&'a str>);

impl<'a> Known<'a> {
    fn of(files: &'a [SourceFile]) -> Self {
        let mut paths = BTreeSet::new();
        for file in files {
            let mut path = file.path.as_str();
            paths.insert(path);
            while let Some((folder, _)) = path.rsplit_once('/') {
                paths.insert(folder);
                path = folder;
            }
        }
        Self(paths)
    }

    fn holds(&self, path: &str) -> bool {
        self.0.contains(path.trim_end_matches('/'))
    }
}

/// The targets of a page's relative links, code blocks left out.
fn links(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in prose(page) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, behind)) = after.split_once(')') else {
                break;
            };
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target);
            }
            rest = behind;
        }
    }
    found
}

/// Paths of the tree in backticks; `imprint-store/src/…` means below `crates/`.
fn named_paths(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(page) {
        // Between an odd and an even backtick stands code.
        for code in line.split('`').skip(1).step_by(2) {
            let word = code.split([' ', ':']).next().unwrap_or_default();
            if word.contains(['*', '<', '{', '…']) || !word.contains('/') {
                continue;
            }
            if word.starts_with("imprint-") {
                found.push(format!("crates/{word}"));
            } else if TOP_FOLDERS.iter().any(|folder| word.starts_with(folder)) {
                found.push(word.to_owned());
            }
        }
    }
    found
}

/// The lines of a page outside its code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    page.lines().filter(move |line| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return false;
        }
        !in_code
    })
}

/// A link's path seen from the root, given the page it stands on.
fn joined(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(pages: &[(&str, &str)]) -> Vec<SourceFile> {
        let file = |(path, text): &(&str, &str)| SourceFile { path: (*path).into(), text: (*text).into() };
        pages.iter().map(file).collect()
    }

    #[test]
    fn links_are_followed_from_their_page() {
        let files = tree(&[
            ("docs/a.md", "[up](../README.md) [folder](adr/) [part](b.md#x) [out](https://example.org) [own](#here)"),
            ("docs/b.md", "```\n[not a link](nowhere.md)\n```\n"),
            ("docs/adr/0001.md", ""),
            ("README.md", "[dead](docs/c.md)"),
        ]);
        assert_eq!(check(&files), ["README.md: dead link to docs/c.md"]);
    }

    #[test]
    fn the_map_names_what_exists() {
        let files = tree(&[
            (MAP, "`imprint-a/src/b.rs`, `crates/imprint-a/`, `words.rs`, `imprint-a/src/*/x.rs`, `docs/gone.md`"),
            ("crates/imprint-a/src/b.rs", ""),
        ]);
        assert_eq!(check(&files), ["ARCHITECTURE.md: names docs/gone.md, which does not exist"]);
    }
}
