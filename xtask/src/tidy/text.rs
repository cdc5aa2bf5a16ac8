//! What must not stand in a file: vendor words in the core, leftover markers, sloppy white space.

use super::{Finding, SourceFile};

/// Crates that no vendor's word may reach.
const CORE: [&str; 4] =
    ["crates/imprint-model/", "crates/imprint-store/", "crates/imprint-catalogue/", "crates/imprint-service/"];
/// Vendor words long enough to be looked for anywhere.
const VENDOR_WORDS: [&str; 6] = ["glance", "openstack", "keystone", "alibaba", "aliyun", "huawei"];
/// Vendor words that are found only standing alone, being parts of others.
const VENDOR_SHORT: [&str; 3] = ["ecs", "ims", "nova"];
/// Marks of unfinished work, written in two parts so that this file does not hold them.
const MARKERS: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("HA", "CK:"),
    concat!("<<<<", "<<< "),
    concat!(">>>>", ">>> "),
    concat!("/wo", "rk/"),
];
/// Files written by people.
const WRITTEN: [&str; 9] = [".rs", ".toml", ".md", ".py", ".sh", ".sql", ".in", "tests/run", ".ci/run"];

/// Checks every file that people write.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let written = |file: &&SourceFile| WRITTEN.iter().any(|end| file.path.ends_with(end));
    files.iter().filter(written).flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let core = CORE.iter().any(|folder| file.path.starts_with(folder));
    for (number, line) in (1..).zip(file.text.lines()) {
        let mut report = |what: &str| findings.push(format!("{}:{number}: {what}", file.path));
        if core && let Some(word) = vendor_word(line) {
            report(&format!("a vendor's word, {word:?}, in the core"));
        }
        if let Some(marker) = MARKERS.iter().find(|marker| line.contains(**marker)) {
            report(&format!("leftover {marker:?}"));
        }
        if line.ends_with([' ', '\t']) {
            report("white space at the end of the line");
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(format!("{}: no newline at the end", file.path));
    }
    let speaks = file.path.ends_with(".rs") && file.path.contains("/src/") && !file.path.ends_with("tests.rs");
    if speaks && !file.text.starts_with("//!") {
        findings.push(format!("{}: begins without saying what lives there (//!)", file.path));
    }
    findings
}

/// The first vendor word of a line, in any spelling.
fn vendor_word(line: &str) -> Option<&'static str> {
    let line = line.to_ascii_lowercase();
    let long = VENDOR_WORDS.into_iter().find(|word| line.contains(word));
    long.or_else(|| {
        let mut words = line.split(|c: char| !c.is_ascii_alphabetic());
        words.find_map(|word| VENDOR_SHORT.into_iter().find(|vendor| *vendor == word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<Finding> {
        check(&[SourceFile { path: path.into(), text: text.into() }])
    }

    #[test]
    fn vendor_words_stay_out_of_the_core_alone() {
        let text = "//! A.\nstruct GlanceThing; // ECS\nlet specs = claims;\n";
        assert_eq!(findings("crates/imprint-model/src/a.rs", text).len(), 1);
        assert_eq!(findings("crates/imprint-api-glance/src/a.rs", text), Vec::<Finding>::new());
        assert_eq!(vendor_word("an ecs_id"), Some("ecs"));
        assert_eq!(vendor_word("specs of claims, innovation"), None);
    }

    #[test]
    fn leftovers_are_found() {
        let marker = format!("# {}: later\n", concat!("TO", "DO"));
        assert_eq!(findings("docs/a.md", &marker).len(), 1);
        assert_eq!(findings("docs/a.md", "trailing \nno end").len(), 2);
        assert_eq!(findings("crates/a/src/b.rs", "fn f() {}\n").len(), 1);
    }
}
