//! apk: one list of records with fields of one letter.

use super::Collected;
use crate::error::Result;
use crate::report::Package;
use crate::text::clean_word;
use crate::tree::Tree;

/// Where the list is: today's place, and the one of releases with a merged `/usr`.
const PATHS: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// The longest list that is read.
const BYTES_MAX: usize = 64 << 20;

/// Adds all installed packages, and says whether there is a database.
pub(super) fn read(tree: &Tree, found: &mut Collected<'_>) -> Result<bool> {
    for path in PATHS {
        if let Some(text) = tree.read(path, BYTES_MAX)? {
            let _held = found.budget.hold(text.len() as u64)?;
            parse(&text, found)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Adds the packages of a list: lines `X:value`, a record ended by an empty line.
pub(super) fn parse(text: &[u8], found: &mut Collected<'_>) -> Result<()> {
    let mut package = empty();
    for line in text.split(|byte| *byte == b'\n') {
        found.budget.step()?;
        if line.trim_ascii().is_empty() {
            found.add(std::mem::replace(&mut package, empty()))?;
            continue;
        }
        let [letter, b':', value @ ..] = line else { continue };
        // Cut before it is copied: a field may be as long as the file.
        let value = || clean_word(value);
        match letter {
            b'P' => package.name = value(),
            b'V' => package.version = value(),
            b'A' => package.architecture = value(),
            b'L' => package.licence = Some(value()),
            b'o' => package.source = Some(value()),
            _ => {}
        }
    }
    found.add(package)
}

fn empty() -> Package {
    Package { name: String::new(), version: String::new(), architecture: String::new(), licence: None, source: None }
}
