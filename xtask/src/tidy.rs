//! `cargo xtask tidy`: the rules of ARCHITECTURE.md that can be checked by reading the tree.
//!
//! Lives here: walking the tree and putting the checks together. Never: a rule; each has its file.
//! The same checks run as a test, so that the ordinary test run keeps the tree tidy.

mod dependencies;
mod links;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 4] = ["target", ".git", "imprint-data", "__pycache__"];
/// More files than this project has; a walk that finds more has left the tree.
const FILES_MAX: usize = 20_000;
/// Rust files beyond this many production lines are named in the report (style, not a failure).
const LINES_LONG: usize = 500;

/// One thing that is not as it should be, with where it is.
type Finding = String;

/// One file of the tree: its path from the root with `/`, and its text.
struct SourceFile {
    path: String,
    text: String,
}

/// Checks the tree; the error lists every finding, one to a line.
///
/// # Errors
/// When the tree cannot be read, or something in it breaks a rule.
pub(crate) fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use std::io::Write as _;

    let files = read_tree(&root())?;
    let findings = check(&files);
    let mut out = std::io::stdout().lock();
    for file in &files {
        let lines = production_lines(file);
        if lines > LINES_LONG {
            writeln!(out, "long: {}: {lines} lines", file.path)?;
        }
    }
    if findings.is_empty() {
        writeln!(out, "tidy: {} files, nothing to say", files.len())?;
        return Ok(());
    }
    Err(format!("the tree is not tidy\n{}", findings.join("\n")).into())
}

/// Every finding of every check.
fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = dependencies::check(files);
    findings.extend(links::check(files));
    findings.extend(text::check(files));
    findings
}

/// The project's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the project's folder").to_owned()
}

/// Reads every text file of the tree.
fn read_tree(root: &Path) -> std::io::Result<Vec<SourceFile>> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_none_or(|name| SKIPPED.contains(&name)) || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = String::from_utf8(fs::read(&path)?) {
                let path = path.strip_prefix(root).expect("walked from the root");
                let path = path.to_string_lossy().replace('\\', "/");
                files.push(SourceFile { path, text });
            }
            assert!(files.len() < FILES_MAX, "the walk left the tree");
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Lines of a Rust file before its test module; none for other files.
fn production_lines(file: &SourceFile) -> usize {
    if !file.path.ends_with(".rs") || file.path.contains("/tests") {
        return 0;
    }
    let is_production = |line: &&str| *line != "#[cfg(test)]";
    file.text.lines().take_while(is_production).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let files = read_tree(&root()).expect("the tree can be read");
        assert!(files.iter().any(|file| file.path == "xtask/src/tidy.rs"));
        let findings = check(&files);
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn test_modules_do_not_make_a_file_long() {
        let file =
            SourceFile { path: "crates/a/src/b.rs".into(), text: "one\ntwo\n#[cfg(test)]\nmod tests {}\n".into() };
        assert_eq!(production_lines(&file), 2);
    }
}
