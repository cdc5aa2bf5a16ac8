//! A guest's tree as the items look at it: what cannot be read is not there, and is remembered.
//!
//! What lives here: turning the errors of reading into something said once in the report. What never does: any item.

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::file_system::Kind;
use crate::tree::{Place, Tree};

/// How many troubles are remembered between two looks.
const TROUBLES_MAX: usize = 8;

/// The guest's tree, to be asked without an error at every step. Errors go into [`Guest::take_troubles`]; one that ends
/// the check stays in [`Guest::ended`], and what is asked afterwards is worth nothing.
pub(crate) struct Guest {
    tree: Tree,
    troubles: Mutex<Vec<String>>,
    ended: Mutex<Option<String>>,
}

impl Guest {
    pub(crate) fn new(tree: Tree) -> Guest {
        Guest { tree, troubles: Mutex::default(), ended: Mutex::default() }
    }

    /// The tree itself.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// A file as text; what is no UTF-8 is replaced.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.told(path, self.tree.text(path)).flatten()
    }

    /// A file of at most so many bytes.
    pub(crate) fn bytes(&self, path: &str, max_bytes: usize) -> Option<Vec<u8>> {
        self.told(path, self.tree.read(path, max_bytes)).flatten()
    }

    /// The first bytes of a file.
    pub(crate) fn start(&self, path: &str, bytes: usize) -> Option<Vec<u8>> {
        self.told(path, self.tree.read_start(path, bytes)).flatten()
    }

    /// A file to be read in parts.
    pub(crate) fn open(&self, path: &str) -> Option<Place> {
        self.told(path, self.tree.open(path)).flatten()
    }

    /// The names in a directory, sorted.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        self.told(path, self.tree.list(path)).unwrap_or_default()
    }

    /// The paths in a directory whose names end so.
    pub(crate) fn list_ending(&self, path: &str, end: &str) -> Vec<String> {
        self.list(path).into_iter().filter(|name| name.ends_with(end)).map(|name| format!("{path}/{name}")).collect()
    }

    /// Where a path leads.
    pub(crate) fn resolve(&self, path: &str) -> Option<Place> {
        self.told(path, self.tree.resolve(path)).flatten()
    }

    /// Whether a path leads anywhere.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.resolve(path).is_some()
    }

    /// Whether a path leads to a file.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.resolve(path).is_some_and(|place| place.metadata.kind == Kind::File)
    }

    /// Whether a path leads to a file that is not empty.
    pub(crate) fn has_content(&self, path: &str) -> bool {
        self.resolve(path).is_some_and(|place| place.metadata.kind == Kind::File && place.size_bytes() > 0)
    }

    /// Whether a path leads to a directory.
    pub(crate) fn is_dir(&self, path: &str) -> bool {
        self.resolve(path).is_some_and(|place| place.metadata.kind == Kind::Directory)
    }

    /// What the symlink at a path holds.
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        let bytes = self.told(path, self.tree.read_link(path)).flatten()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The value, or nothing and the trouble remembered.
    pub(crate) fn told<T>(&self, path: &str, result: Result<T>) -> Option<T> {
        result.inspect_err(|error| self.remember(path, error)).ok()
    }

    fn remember(&self, path: &str, error: &Error) {
        if error.ends_the_check() {
            self.ended.lock().get_or_insert_with(|| error.to_string());
        }
        let mut troubles = self.troubles.lock();
        let trouble = format!("{path}: {error}");
        if troubles.len() < TROUBLES_MAX && !troubles.contains(&trouble) {
            troubles.push(trouble);
        }
    }

    /// What could not be read since this was asked last.
    pub(crate) fn take_troubles(&self) -> Vec<String> {
        std::mem::take(&mut *self.troubles.lock())
    }

    /// Why nothing more can be learned, if so.
    pub(crate) fn ended(&self) -> Option<String> {
        self.ended.lock().clone()
    }
}
