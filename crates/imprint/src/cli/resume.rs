//! What an unfinished push leaves behind on this machine: which record it had made, so that the next push of the same
//! file goes on with it. Losing it costs a forgotten record, never data.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The note of one push.
pub(super) struct Note(Option<PathBuf>);

impl Note {
    /// The note of pushing the file at `path`, as it is now, to `url` as `record`.
    pub(super) fn of(url: &str, path: &Path, meta: &fs::Metadata, record: &str) -> Self {
        let name = || {
            let full = fs::canonicalize(path).ok()?;
            let (size, secs, nanos) = (meta.len(), meta.mtime(), meta.mtime_nsec());
            let what = format!("{url}\n{}\n{size} {secs} {nanos}\n{record}", full.display());
            Some(blake3::hash(what.as_bytes()).to_hex().to_string())
        };
        Self(dir().and_then(|dir| Some(dir.join(name()?))))
    }

    /// The record's id.
    pub(super) fn read(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.as_ref()?).ok()?;
        uuid::Uuid::try_parse(text.trim()).ok().map(|id| id.to_string())
    }

    /// Notes the record's id. A machine where this cannot be written does without.
    pub(super) fn write(&self, id: &str) {
        let Some(path) = &self.0 else { return };
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, id));
        if let Err(error) = written {
            let path = path.display();
            crate::output::notice(&format!(
                "imprint: {path}: {error}; if this push is interrupted, the next one begins a new image"
            ));
        }
    }

    /// The push is done.
    pub(super) fn remove(&self) {
        if let Some(path) = &self.0 {
            // absent is as good as removed
            let _ = fs::remove_file(path);
        }
    }
}

fn dir() -> Option<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = var("XDG_STATE_HOME").or_else(|| var("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("imprint/push"))
}
