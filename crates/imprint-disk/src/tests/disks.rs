//! Files that an export would be, opened again, and comparing disks without holding them.

use std::io;
use std::sync::Arc;

use crate::{Disk, Export, Format, ReadAt, Target, detect, open};

/// An export whose length is known, as a file.
pub(super) struct AsFile(pub(super) Export);

impl ReadAt for AsFile {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes().expect("the length is known")
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buf)
    }
}

/// Everything that an export writes.
fn written(export: &Export) -> Vec<u8> {
    let mut bytes = Vec::new();
    let sink = &mut |part: &[u8]| {
        bytes.extend_from_slice(part);
        Ok(())
    };
    export.write(2, sink).unwrap();
    bytes
}

/// The disk as a file of that kind, opened again. The file is read where it is asked for and never held, unless it is
/// compressed.
pub(super) fn reopened(disk: &Arc<dyn ReadAt>, target: Target) -> Disk {
    let export = Export::new(Arc::clone(disk), target, None).unwrap();
    let file: Arc<dyn ReadAt> =
        if target.is_compressed() { Arc::new(written(&export)) } else { Arc::new(AsFile(export)) };
    let inspection = detect(&*file).unwrap();
    assert_eq!(inspection.refusals, [], "{target}");
    let disk = open(file, inspection.format).unwrap_or_else(|error| panic!("{target}: {error}"));
    if !inspection.format.is_packed() && inspection.format != Format::Raw {
        assert_eq!(inspection.virtual_size_bytes, Some(disk.info.virtual_size_bytes), "{target}");
    }
    assert_eq!(disk.info.virtual_size_bytes, disk.guest.size_bytes(), "{target}");
    disk
}

/// The data of both is the same where either says that it has any; behind the end of the first, the other is zeros.
#[track_caller]
pub(super) fn assert_same(one: &dyn ReadAt, other: &dyn ReadAt, what: &str) {
    assert!(one.size_bytes() <= other.size_bytes(), "{what}: shorter");
    let (mut at, size) = (0, other.size_bytes());
    while at < size {
        let run = other.run_at(at).unwrap();
        assert!(run.len > 0 && run.len <= size - at, "{what}: run of {} at {at}", run.len);
        let own = if at < one.size_bytes() { Some(one.run_at(at).unwrap()) } else { None };
        let both_zero = run.kind.is_zero() && own.is_none_or(|own| own.kind.is_zero());
        let len = run.len.min(own.map_or(u64::MAX, |own| own.len)).min(if both_zero { u64::MAX } else { 1 << 20 });
        if !both_zero {
            let mut theirs = vec![1; usize::try_from(len).unwrap()];
            let mut ours = vec![0; theirs.len()];
            other.read_at(at, &mut theirs).unwrap();
            if own.is_some() {
                one.read_at(at, &mut ours).unwrap();
            }
            assert!(ours == theirs, "{what}: differs within {len} bytes at {at}");
        }
        at += len;
    }
}
