//! Disks made here, disks of the shared corpus when it is there, and disks that lie.

mod corpus;
mod hostile;
mod kept;
mod made;

use std::sync::Arc;

use imprint_disk::ReadAt;

use super::{Found, Volumes, find};
use crate::budget::{Budget, Limits};
use crate::file_system::{FileSystem, Kind, Node};

/// Finds the volumes of a disk with a budget that no sound one needs.
fn volumes(disk: Vec<u8>) -> Volumes {
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    find(&disk, &Arc::new(Budget::new(Limits::default())))
}

/// The volume of that name.
fn named<'a>(volumes: &'a Volumes, name: &str) -> &'a Found {
    volumes.found.iter().find(|found| found.volume.name == name).unwrap_or_else(|| panic!("no volume {name}"))
}

/// Every object below the top in the words of the fixtures, but without modes and without sizes of directories and links.
fn listing(fs: &dyn FileSystem) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<(Node, String)> = vec![(fs.root(), String::new())];
    while let Some((directory, path)) = open.pop() {
        for entry in fs.read_dir(directory).unwrap() {
            assert_eq!(fs.lookup(directory, &entry.name).unwrap(), Some(entry.node), "{path}");
            let name = String::from_utf8(entry.name).unwrap();
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            let metadata = fs.metadata(entry.node).unwrap();
            found.push(match metadata.kind {
                Kind::Directory => format!("directory {path}"),
                Kind::Other => format!("other {path}"),
                Kind::Symlink => {
                    format!("link {} {path}", String::from_utf8(fs.read_link(entry.node).unwrap()).unwrap())
                }
                Kind::File => format!("file {} {} {path}", metadata.size_bytes, digest(fs, entry.node)),
            });
            if metadata.kind == Kind::Directory {
                open.push((entry.node, path));
            }
        }
    }
    found.sort();
    found
}

fn digest(fs: &dyn FileSystem, node: Node) -> String {
    use sha2::Digest;
    let bytes = crate::fixtures::read_all(fs, node, 50_001);
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
