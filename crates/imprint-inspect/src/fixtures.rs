//! What the tests of readers share: the kept file systems, and listing one as the kernel listed it.

use std::path::Path;
use std::sync::Arc;

use imprint_disk::ReadAt;
use sha2::{Digest, Sha256};

use crate::budget::{Budget, Limits};
use crate::file_system::{FileSystem, Kind, Node};

/// A kept file, unpacked. How they were made: `fixtures/file_systems.py`.
pub(crate) fn unpacked(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut decoder = zstd::Decoder::new(file).unwrap();
    decoder.window_log_max(27).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut decoder, &mut bytes).unwrap();
    bytes
}

/// A kept file system.
pub(crate) fn image(name: &str) -> Arc<dyn ReadAt> {
    Arc::new(unpacked(&format!("{name}.img.zst")))
}

/// How the kernel listed it.
pub(crate) fn expected(name: &str) -> String {
    String::from_utf8(unpacked(&format!("{name}.txt.zst"))).unwrap()
}

/// A budget that no sound file system needs.
pub(crate) fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(Limits::default()))
}

/// Every object below a directory in the words of `fixtures/file_systems.py`, in the order of paths.
pub(crate) fn listing(fs: &dyn FileSystem, top: Node) -> String {
    let mut found = Vec::new();
    let mut open = vec![(top, Vec::new())];
    while let Some((directory, path)) = open.pop() {
        for entry in fs.read_dir(directory).unwrap() {
            assert_eq!(fs.lookup(directory, &entry.name).unwrap(), Some(entry.node));
            let mut path: Vec<u8> = path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&entry.name);
            found.push((path.clone(), describe(fs, entry.node)));
            if fs.metadata(entry.node).unwrap().kind == Kind::Directory {
                open.push((entry.node, path));
            }
        }
    }
    found.sort();
    found.iter().map(|(path, what)| format!("{what} {}\n", std::str::from_utf8(path).unwrap())).collect()
}

fn describe(fs: &dyn FileSystem, node: Node) -> String {
    let metadata = fs.metadata(node).unwrap();
    let mode = metadata.mode.unwrap();
    match metadata.kind {
        Kind::Directory => format!("directory {mode:o} 0 -"),
        Kind::Other => format!("other {mode:o} 0 -"),
        Kind::Symlink => {
            let target = fs.read_link(node).unwrap();
            format!("link {mode:o} {} {}", metadata.size_bytes, std::str::from_utf8(&target).unwrap())
        }
        Kind::File => {
            let digest = Sha256::digest(read_all(fs, node, 64 << 10));
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("file {mode:o} {} {digest}", metadata.size_bytes)
        }
    }
}

/// A file's bytes, read in parts of that size.
pub(crate) fn read_all(fs: &dyn FileSystem, node: Node, part: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buf = vec![0xee; part];
    loop {
        let len = fs.read(node, bytes.len() as u64, &mut buf).unwrap();
        bytes.extend_from_slice(&buf[..len]);
        if len < part {
            return bytes;
        }
    }
}

/// The object at a path.
pub(crate) fn at(fs: &dyn FileSystem, top: Node, path: &str) -> Node {
    let mut node = top;
    for name in path.split('/') {
        node = fs.lookup(node, name.as_bytes()).unwrap().unwrap_or_else(|| panic!("no {path}"));
    }
    node
}

/// Reads everything that can be reached, whatever comes of it; for damaged file systems.
pub(crate) fn read_everything(fs: &dyn FileSystem) {
    let mut open: Vec<Node> = vec![fs.root()];
    open.extend(fs.subvolumes().into_iter().map(|(_, node)| node));
    let mut buf = vec![0; 64 << 10];
    let mut seen = 0;
    while let Some(node) = open.pop() {
        seen += 1;
        if seen > 10_000 {
            return;
        }
        let _ = fs.read_link(node);
        let _ = fs.read(node, 0, &mut buf);
        let _ = fs.read(node, u64::MAX >> 1, &mut buf);
        if let Ok(entries) = fs.read_dir(node) {
            for entry in entries.iter().take(100) {
                let _ = fs.metadata(entry.node);
                open.push(entry.node);
            }
            if let Some(entry) = entries.last() {
                let _ = fs.lookup(node, &entry.name);
            }
        }
    }
}

/// A stand-in for chance: the same numbers each time.
pub(crate) fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    }
}
