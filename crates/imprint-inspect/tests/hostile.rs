//! Damaged and foreign disks, checked as a whole: whatever comes out is an answer. Left out where the corpus is not
//! there, unless `IMPRINT_TEST_CORPUS` names it.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod corpus;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use imprint_disk::ReadAt;
use imprint_inspect::{Limits, Report, inspect};

/// Longer disks are left to the readers' own tests: here it is the way from them to the report.
const DISK_BYTES_MAX: u64 = 64 << 20;

/// The bytes of a compressed file, if they are not too many.
fn unpacked(path: &Path) -> Option<Vec<u8>> {
    let file = fs::File::open(path).ok()?;
    let stream: Box<dyn Read> = match path.extension()?.to_str()? {
        "xz" => Box::new(liblzma::read::XzDecoder::new(file)),
        "gz" => Box::new(flate2::read::GzDecoder::new(file)),
        _ => return None,
    };
    let mut bytes = Vec::new();
    stream.take(DISK_BYTES_MAX + 1).read_to_end(&mut bytes).unwrap();
    (bytes.len() as u64 <= DISK_BYTES_MAX).then_some(bytes)
}

fn report(bytes: Vec<u8>) -> Report {
    let disk: Arc<dyn ReadAt> = Arc::new(bytes);
    inspect(&disk, Limits::default())
}

fn assert_answers(folder: &str) {
    let Some(folder) = corpus::place(folder) else { return };
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let Some(bytes) = unpacked(&path) else { continue };
        let report = report(bytes);
        let incomplete = report.incomplete.as_deref().unwrap_or_default();
        assert!(!incomplete.contains("a fault of its own"), "{}: {incomplete}", path.display());
        assert!(report.os.is_none() && !report.is_bootable(), "{}: a system in a file system's test", path.display());
        assert!(report.items.iter().any(|item| item.risk.is_some()), "{}: nothing is said", path.display());
    }
}

#[test]
fn damaged_file_systems_are_answered() {
    assert_answers("corrupt");
}

#[test]
fn file_systems_without_a_system_are_answered() {
    assert_answers("fs");
}

#[test]
#[should_panic(expected = "names a corpus without")]
fn a_corpus_that_is_named_and_not_there_fails() {
    let empty = tempfile::tempdir().unwrap();
    corpus::place_in(Some(empty.path().to_owned()), "guests/tiny-boot.qcow2");
}

#[test]
fn disks_of_nothing_are_answered() {
    for bytes in [Vec::new(), vec![0], vec![0; 512], vec![0xff; 4096], vec![0x55; 1 << 20]] {
        let report = report(bytes);
        assert_eq!(report.incomplete, None);
        assert!(!report.is_bootable());
    }
}
