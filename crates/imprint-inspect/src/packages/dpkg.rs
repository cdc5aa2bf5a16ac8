//! dpkg: `/var/lib/dpkg/status`, and the one-package files of `status.d` in images without a package manager.

use super::Collected;
use crate::error::Result;
use crate::report::Package;
use crate::text::clean_word;
use crate::tree::Tree;

/// dpkg's list. A full desktop's is some 10 MB long.
const STATUS: &str = "/var/lib/dpkg/status";

/// A directory with a file for each package.
const STATUS_D: &str = "/var/lib/dpkg/status.d";

/// The longest status file that is read.
const STATUS_BYTES_MAX: usize = 64 << 20;

/// The longest file of `status.d`.
const PART_BYTES_MAX: usize = 1 << 20;

/// Adds all installed packages, and says whether there is a database.
pub(super) fn read(tree: &Tree, found: &mut Collected<'_>) -> Result<bool> {
    let mut exists = false;
    if let Some(text) = tree.read(STATUS, STATUS_BYTES_MAX)? {
        exists = true;
        let _held = found.budget.hold(text.len() as u64)?;
        parse(&text, Presence::IfInstalled, found)?;
    }
    if tree.is_dir(STATUS_D)? {
        exists = true;
        for name in tree.list_bytes(STATUS_D)? {
            // beside each package's file there may be its list of digests
            if name.ends_with(b".md5sums") {
                continue;
            }
            let path = [STATUS_D.as_bytes(), b"/", &name].concat();
            if let Some(text) = tree.read(&path, PART_BYTES_MAX)? {
                parse(&text, Presence::Always, found)?;
            }
        }
    }
    Ok(exists)
}

/// Which stanzas count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Those whose `Status` says that the package is installed.
    IfInstalled,
    /// All: being there is the statement.
    Always,
}

/// The fields of a stanza that matter, as slices of the file.
#[derive(Default)]
struct Stanza<'a> {
    name: &'a [u8],
    version: &'a [u8],
    architecture: &'a [u8],
    status: &'a [u8],
    source: &'a [u8],
}

/// Adds the packages of a file of stanzas: `Field: value` lines, continued by lines that begin with a blank, ended by
/// an empty line.
pub(super) fn parse(text: &[u8], presence: Presence, found: &mut Collected<'_>) -> Result<()> {
    let mut stanza = Stanza::default();
    for line in text.split(|byte| *byte == b'\n') {
        found.budget.step()?;
        if line.iter().all(u8::is_ascii_whitespace) {
            finish(&stanza, presence, found)?;
            stanza = Stanza::default();
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            // a continued line begins with a blank, so it names none of these
            let value = line[colon + 1..].trim_ascii();
            match &line[..colon] {
                b"Package" => stanza.name = value,
                b"Version" => stanza.version = value,
                b"Architecture" => stanza.architecture = value,
                b"Status" => stanza.status = value,
                b"Source" => stanza.source = value,
                _ => {}
            }
        }
    }
    finish(&stanza, presence, found)
}

fn finish(stanza: &Stanza<'_>, presence: Presence, found: &mut Collected<'_>) -> Result<()> {
    if stanza.name.is_empty() || (presence == Presence::IfInstalled && !is_installed(stanza.status)) {
        return Ok(());
    }
    // Cut before it is copied: a field may be as long as the file.
    let text = |bytes: &[u8]| clean_word(bytes);
    found.add(Package {
        name: text(stanza.name),
        version: text(stanza.version),
        architecture: text(stanza.architecture),
        licence: None,
        source: (!stanza.source.is_empty()).then(|| text(stanza.source)),
    })
}

/// `want flag state`: the files of a package are there and configured when the state is one of three.
fn is_installed(status: &[u8]) -> bool {
    let mut words = status.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (_want, flag, state) = (words.next(), words.next(), words.next());
    flag == Some(b"ok") && matches!(state, Some(b"installed" | b"triggers-awaited" | b"triggers-pending"))
}
