//! Who may depend on whom: the table in ARCHITECTURE.md against the manifests.
//!
//! Only `[dependencies]` (also of targets) and `[build-dependencies]` count: what tests use does not
//! reach the program.

use super::{Finding, SourceFile};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Allowed dependencies";
const OWN_PREFIX: &str = "imprint";

/// A crate's name and the names of our crates it depends on.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// Compares the table with the manifests.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![format!("{PAGE}: missing")];
    };
    let table = allowed(&page.text);
    if table.is_empty() {
        return vec![format!("{PAGE}: no table under \"{HEADING}\"")];
    }
    let manifests = files.iter().filter(|file| {
        file.path == "xtask/Cargo.toml" || (file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml"))
    });
    let mut actual = Edges::new();
    let mut findings = Vec::new();
    for manifest in manifests {
        match edges(&manifest.text) {
            Ok((name, own)) => {
                actual.insert(name, own);
            }
            Err(why) => findings.push(format!("{}: {why}", manifest.path)),
        }
    }
    findings.extend(compare(&table, &actual));
    findings
}

/// What differs between what is allowed and what is.
fn compare(table: &Edges, actual: &Edges) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, own) in actual {
        let Some(allowed) = table.get(name) else {
            findings.push(format!("{PAGE}: the dependency table has no row for {name}"));
            continue;
        };
        for other in own.difference(allowed) {
            findings.push(format!("{name} depends on {other}, which {PAGE} forbids"));
        }
        for other in allowed.difference(own) {
            findings.push(format!("{PAGE}: {name} may depend on {other} but does not: narrow the row"));
        }
    }
    for name in table.keys().filter(|name| !actual.contains_key(*name)) {
        findings.push(format!("{PAGE}: the dependency table names {name}, which does not exist"));
    }
    findings
}

/// The table's rows: the crate, and the comma list of crates it may depend on ("–" for none).
fn allowed(page: &str) -> Edges {
    let section = page.split_once(HEADING).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with('|'));
    let mut table = Edges::new();
    // The first two rows are the column heads and the line below them.
    for row in rows.skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [name, others] = cells.as_slice() else {
            continue;
        };
        let others = others.split(',').map(plain).filter(|word| word.starts_with(OWN_PREFIX));
        table.insert(plain(name), others.collect());
    }
    table
}

/// A table cell's word without its decoration.
fn plain(cell: &str) -> String {
    cell.trim().trim_matches('`').to_owned()
}

/// A manifest's package name and the crates of ours it depends on.
fn edges(manifest: &str) -> Result<(String, BTreeSet<String>), String> {
    let manifest: toml::Table = manifest.parse().map_err(|error| format!("{error}"))?;
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str());
    let name = name.ok_or("no package name")?.to_owned();
    let mut tables = vec![manifest.get("dependencies"), manifest.get("build-dependencies")];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().map(|target| target.get("dependencies")));
    }
    let own = tables
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table)
        .flat_map(|table| table.keys())
        .filter(|other| other.starts_with(OWN_PREFIX))
        .cloned()
        .collect();
    Ok((name, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# A\n\n## Allowed dependencies\n\nText.\n\n| crate | may depend on |\n|---|---|\n\
        | `imprint-a` | – |\n| imprint-b | imprint-a, imprint-c |\n\n## Next\n\n| imprint-z | – |\n|-|-|\n| q | – |\n";

    fn findings(manifests: &[&str]) -> Vec<Finding> {
        let mut files = vec![SourceFile { path: PAGE.into(), text: TABLE.into() }];
        for (number, text) in manifests.iter().enumerate() {
            files.push(SourceFile { path: format!("crates/{number}/Cargo.toml"), text: (*text).into() });
        }
        check(&files)
    }

    const A: &str = "[package]\nname = \"imprint-a\"\n[dependencies]\nserde = \"1\"\n";
    const B: &str = "[package]\nname = \"imprint-b\"\n[dependencies]\nimprint-a.workspace = true\n\
        [target.'cfg(unix)'.dependencies]\nimprint-c.workspace = true\n";

    #[test]
    fn a_true_table_has_no_findings() {
        assert_eq!(findings(&[A, B]), Vec::<Finding>::new());
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found() {
        let wrong = A.replace("serde = \"1\"", "imprint-b.workspace = true");
        assert_eq!(findings(&[&wrong, B]).len(), 1);
    }

    #[test]
    fn tests_may_use_more() {
        let more = format!("{A}[dev-dependencies]\nimprint-b.workspace = true\n");
        assert_eq!(findings(&[&more, B]), Vec::<Finding>::new());
    }

    #[test]
    fn rows_without_crates_crates_without_rows_and_unused_permissions_are_found() {
        let unused = B.replace("imprint-c.workspace = true", "");
        assert_eq!(findings(&[A, &unused]).len(), 1);
        assert_eq!(findings(&[A]).len(), 1);
        assert_eq!(findings(&[A, B, "[package]\nname = \"imprint-new\"\n"]).len(), 1);
    }
}
