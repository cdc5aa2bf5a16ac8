//! What is done with a file once it is open: everything that a caller would, within bounds.

use std::sync::Arc;
use std::time::Duration;

use imprint_disk::ReadAt;
use imprint_inspect::{Budget, FileSystem, Kind, Limits, Node};

/// A budget for one input: small, and a longer run than its time is a finding of libFuzzer's.
pub fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(limits()))
}

pub fn limits() -> Limits {
    Limits { time: Duration::from_secs(5), steps: 100_000, read_bytes: 32 << 20, held_bytes: 32 << 20 }
}

/// Reads the guest's disk: its runs, its beginning, middle and end. What it says must be consistent.
pub fn disk(guest: &dyn ReadAt, own: u8) {
    let size = guest.size_bytes();
    let mut offset = 0;
    let mut buf = [0; 4096];
    for _ in 0..16 {
        if offset >= size {
            break;
        }
        let Ok(run) = guest.run_at(offset) else { break };
        assert!(run.len > 0, "an empty run at {offset}");
        assert!(run.len <= size - offset, "a run at {offset} passes the end");
        let len = run.len.min(buf.len() as u64);
        if guest.read_at(offset, &mut buf[..len as usize]).is_ok() && run.kind.is_zero() {
            assert!(buf[..len as usize].iter().all(|&byte| byte == 0), "a run of zeros at {offset} has others");
        }
        offset += run.len;
    }
    let mut small = [0; 1000];
    for offset in [0, size / 256 * u64::from(own), size.saturating_sub(1000), size.saturating_sub(1), size, u64::MAX] {
        let is_inside = offset.checked_add(1000).is_some_and(|end| end <= size);
        let read = guest.read_at(offset, &mut small);
        assert!(is_inside || read.is_err(), "reading past the end gave bytes");
    }
}

/// Reads part of a file system: `own` chooses where to begin, so that no input pays for all of it.
pub fn file_system(fs: &dyn FileSystem, own: u8) {
    let _ = (fs.label(), fs.uuid(), fs.size_bytes(), fs.is_clean());
    let mut open = vec![fs.root()];
    open.extend(fs.subvolumes().into_iter().map(|(_, node)| node).take(8));
    let top = open[usize::from(own >> 6) % open.len()];
    let mut open = vec![top];
    if let Ok(entries) = fs.read_dir(top)
        && !entries.is_empty()
    {
        let entry = &entries[usize::from(own & 0x3f) % entries.len()];
        let found = fs.lookup(top, &entry.name);
        let _ = fs.lookup(top, b"not there");
        if let Ok(Some(node)) = found {
            open.push(node);
        }
    }
    let mut seen = 0;
    while let Some(node) = open.pop() {
        seen += 1;
        if seen > 12 {
            return;
        }
        object(fs, node, &mut open);
    }
}

fn object(fs: &dyn FileSystem, node: Node, open: &mut Vec<Node>) {
    let Ok(metadata) = fs.metadata(node) else { return };
    let mut buf = [0xee; 3000];
    match metadata.kind {
        Kind::File => {
            let middle = metadata.size_bytes / 2;
            for offset in [0, middle, metadata.size_bytes.saturating_sub(5), u64::MAX - 1] {
                if let Ok(len) = fs.read(node, offset, &mut buf) {
                    let most = metadata.size_bytes.saturating_sub(offset).min(buf.len() as u64);
                    assert!(len as u64 <= most, "a file answers more bytes than it has");
                }
            }
        }
        Kind::Symlink => drop(fs.read_link(node)),
        Kind::Directory => {
            if let Ok(entries) = fs.read_dir(node) {
                for entry in &entries {
                    assert!(!entry.name.contains(&b'/') && !entry.name.contains(&0) && !entry.name.is_empty());
                }
                open.extend(entries.iter().rev().take(4).map(|entry| entry.node));
            }
        }
        Kind::Other => {}
    }
}
