//! What an unfinished pull keeps beside its file: which image it is, and which parts have been written. A line each, so
//! that a kill costs at most the last one.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::failure::Failure;

/// Parts of one image at most: 16 EiB could not be.
const PARTS_MAX: u64 = 1 << 24;

/// The parts of a pull that are done.
pub(super) struct Sidecar {
    path: PathBuf,
    file: File,
    done: Vec<bool>,
}

impl Sidecar {
    /// Goes on with what is there when it is of the same bytes and `resume` says that these are still there; begins
    /// anew else.
    pub(super) fn open(path: &Path, image: &Value, parts: u64, part_bytes: u64, resume: bool) -> Result<Self, Failure> {
        let doing = format!("cannot keep notes in {}", path.display());
        let parts = usize::try_from(parts.min(PARTS_MAX)).expect("bounded");
        let title = json!({
            "image": image["id"], "size": image["size"], "digest": image["os_hash_value"], "part_bytes": part_bytes
        });
        let mut done = vec![false; parts];
        let going_on = resume && read(path, &title.to_string(), &mut done);
        let file = OpenOptions::new().create(true).append(true).truncate(false).open(path);
        let mut file = file.map_err(|error| Failure::doing(&doing, error))?;
        if going_on {
            // ends a line that a kill cut off
            file.write_all(b"\n").map_err(|error| Failure::doing(&doing, error))?;
        } else {
            done.fill(false);
            let begun = file.set_len(0).and_then(|()| file.write_all(format!("{title}\n").as_bytes()));
            begun.map_err(|error| Failure::doing(&doing, error))?;
        }
        Ok(Self { path: path.to_owned(), file, done })
    }

    /// Whether a part has been written.
    pub(super) fn has(&self, part: u64) -> bool {
        usize::try_from(part).ok().and_then(|part| self.done.get(part)).copied().unwrap_or(false)
    }

    /// Notes that a part has been written.
    pub(super) fn note(&mut self, part: u64) -> Result<(), Failure> {
        let doing = || format!("cannot keep notes in {}", self.path.display());
        self.file.write_all(format!("{part}\n").as_bytes()).map_err(|error| Failure::doing(&doing(), error))?;
        if let Some(done) = usize::try_from(part).ok().and_then(|part| self.done.get_mut(part)) {
            *done = true;
        }
        Ok(())
    }

    /// The pull is done.
    pub(super) fn remove(self) -> Result<(), Failure> {
        fs::remove_file(&self.path)
            .map_err(|error| Failure::doing(&format!("cannot remove {}", self.path.display()), error))
    }
}

/// Reads the notes; false when they are of something else.
fn read(path: &Path, title: &str, done: &mut [bool]) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut lines = BufReader::new(file).lines().map_while(Result::ok);
    if lines.next().as_deref() != Some(title) {
        return false;
    }
    for line in lines {
        if let Some(part) = line.parse().ok().and_then(|part: usize| done.get_mut(part)) {
            *part = true;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_line_counts_for_nothing_and_another_image_begins_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notes");
        let image = json!({ "id": "a", "size": 100, "os_hash_value": "x" });
        let mut notes = Sidecar::open(&path, &image, 40, 10, true).expect("opens");
        notes.note(3).expect("noted");
        notes.note(14).expect("noted");
        let text = fs::read_to_string(&path).expect("there");
        fs::write(&path, text.trim_end().strip_suffix('4').expect("the last part")).expect("written");
        let mut notes = Sidecar::open(&path, &image, 40, 10, true).expect("opens");
        notes.note(20).expect("noted");
        let notes = Sidecar::open(&path, &image, 40, 10, true).expect("opens");
        assert_eq!((notes.has(3), notes.has(14), notes.has(20)), (true, false, true));
        let other = json!({ "id": "a", "size": 100, "os_hash_value": "y" });
        assert!(!Sidecar::open(&path, &other, 40, 10, true).expect("opens").has(3));
    }
}
