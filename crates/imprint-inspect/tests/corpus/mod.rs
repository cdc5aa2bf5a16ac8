//! Where the corpus is: the folder that `IMPRINT_TEST_CORPUS` names, else the one beside the project.

use std::path::{Path, PathBuf};

/// A file or folder of the corpus; none in a clone that stands alone. A corpus that was named must hold it: a folder that
/// was moved would else leave every test green.
pub(crate) fn place(path: &str) -> Option<PathBuf> {
    place_in(std::env::var_os("IMPRINT_TEST_CORPUS").map(PathBuf::from), path)
}

/// The same with the corpus that is named, if one is.
pub(crate) fn place_in(named: Option<PathBuf>, path: &str) -> Option<PathBuf> {
    let must_be_there = named.is_some();
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let place = named.unwrap_or_else(beside).join(path);
    if place.exists() {
        return Some(place);
    }
    assert!(!must_be_there, "IMPRINT_TEST_CORPUS names a corpus without {}", place.display());
    None
}
