//! Files of a guest, one at a time: package databases, registry hives, settings, initramfs.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock};

use imprint_disk::ReadAt;
use imprint_inspect::{Entry, Error, FileSystem, Kind, Metadata, Node, Os, Result, Tree, packages, windows};

use crate::base::{Base, PAGE_BYTES};
use crate::exercise;

pub fn dpkg(input: &[u8]) {
    list("debian", &[("/var/lib/dpkg/status", input), ("/var/lib/dpkg/status.d/one", input)]);
}

pub fn apk(input: &[u8]) {
    list("alpine", &[("/lib/apk/db/installed", input)]);
}

/// The first byte says which of rpm's databases the rest is.
pub fn rpm(input: &[u8]) {
    let Some((&kind, rest)) = input.split_first() else { return };
    let name = ["rpmdb.sqlite", "Packages.db", "Packages"][usize::from(kind % 3)];
    list("rocky", &[(&format!("/var/lib/rpm/{name}"), rest)]);
}

fn list(distribution: &str, files: &[(&str, &[u8])]) {
    let tree = tree(files);
    let os = Os { kind: "linux".into(), distribution: distribution.into(), ..Os::default() };
    let installed = packages::list(&tree, &os, tree.budget());
    for package in &installed.packages {
        assert!(!package.name.is_empty(), "a package without a name");
    }
}

/// The same bytes as the hives of the system and of the software.
pub fn hive(input: &[u8]) {
    let tree = tree(&[
        ("/Windows/System32/config/SYSTEM", input),
        ("/Windows/System32/config/SOFTWARE", input),
        ("/Windows/System32/config/SAM", input),
        ("/Windows/System32/cmd.exe", b"MZ"),
    ]);
    drop(windows::examine(&windows::Scene { tree: &tree, root: "1", volumes: &[] }));
}

/// The first byte chooses a file of the kept guest; the rest is what stands in it.
pub fn settings(input: &[u8]) {
    if let Some((&slot, rest)) = input.split_first() {
        let guest = guest();
        let names: Vec<_> = guest.slots.keys().filter(|name| *name != "initrd").collect();
        if !names.is_empty() {
            guest.inspect(names[usize::from(slot) % names.len()], rest, b'\n');
        }
    }
}

pub fn initramfs(input: &[u8]) {
    guest().inspect("initrd", input, 0);
}

/// The kept guest, and where the files are whose content inputs replace.
struct Guest {
    base: &'static Base,
    /// First page and number of pages, by name.
    slots: BTreeMap<String, (u64, u64)>,
}

const SLOT_MARK: &[u8] = b"#slot:";

fn guest() -> &'static Guest {
    static GUEST: OnceLock<Guest> = OnceLock::new();
    GUEST.get_or_init(|| {
        let base: &'static Base = Box::leak(Box::new(Base::kept("guest.img.zst")));
        let mut slots = BTreeMap::new();
        for page in 0..base.size() / PAGE_BYTES as u64 {
            // `#slot:NAME:PAGES` and the end of the line.
            let line = base.page(page).and_then(|bytes| bytes.strip_prefix(SLOT_MARK));
            let line = line.and_then(|rest| std::str::from_utf8(rest.split(|&byte| byte == b'\n').next()?).ok());
            if let Some((name, pages)) = line.and_then(|line| line.split_once(':'))
                && let Ok(pages) = pages.parse()
            {
                slots.insert(name.to_owned(), (page, pages));
            }
        }
        assert!(!slots.is_empty(), "the kept guest has no slots");
        Guest { base, slots }
    })
}

impl Guest {
    fn inspect(&'static self, slot: &str, content: &[u8], padding: u8) {
        let (first, pages) = self.slots[slot];
        let mut bytes = content.to_vec();
        bytes.resize(pages as usize * PAGE_BYTES, padding);
        let file: Arc<dyn ReadAt> = Arc::new(Filled { base: self.base, start: first * PAGE_BYTES as u64, bytes });
        drop(imprint_inspect::inspect(&file, exercise::limits()).to_text());
    }
}

/// The guest with one file's bytes replaced.
struct Filled {
    base: &'static Base,
    start: u64,
    bytes: Vec<u8>,
}

impl ReadAt for Filled {
    fn size_bytes(&self) -> u64 {
        self.base.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        crate::base::read(self.base.size(), offset, buf, |number| {
            let inside = (number * PAGE_BYTES as u64).checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
            let replaced = inside.and_then(|at| self.bytes.get(at..)?.first_chunk::<PAGE_BYTES>());
            replaced.or_else(|| self.base.page(number))
        })
    }
}

/// A file system of a few files in memory.
struct Memory {
    nodes: Vec<Object>,
}

enum Object {
    File(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, usize>),
}

fn tree(files: &[(&str, &[u8])]) -> Tree {
    let mut memory = Memory { nodes: vec![Object::Directory(BTreeMap::new())] };
    for (path, bytes) in files {
        memory.add(path, bytes);
    }
    Tree::new(Arc::new(memory), Node(0), exercise::budget())
}

impl Memory {
    fn add(&mut self, path: &str, bytes: &[u8]) {
        let mut at = 0;
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        for (index, name) in names.iter().enumerate() {
            let next = self.nodes.len();
            let Object::Directory(entries) = &mut self.nodes[at] else { return };
            let known = *entries.entry(name.as_bytes().to_vec()).or_insert(next);
            if known == next {
                let is_file = index + 1 == names.len();
                let object = if is_file { Object::File(bytes.to_vec()) } else { Object::Directory(BTreeMap::new()) };
                self.nodes.push(object);
            }
            at = known;
        }
    }

    fn get(&self, node: Node) -> Result<&Object> {
        let object = usize::try_from(node.0).ok().and_then(|index| self.nodes.get(index));
        object.ok_or_else(|| Error::corrupt("no such object"))
    }
}

impl FileSystem for Memory {
    fn type_name(&self) -> &'static str {
        "ext4"
    }

    fn label(&self) -> Option<String> {
        None
    }

    fn uuid(&self) -> Option<String> {
        None
    }

    fn size_bytes(&self) -> u64 {
        0
    }

    fn is_clean(&self) -> bool {
        true
    }

    fn root(&self) -> Node {
        Node(0)
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        Ok(match self.get(node)? {
            Object::File(bytes) => Metadata { kind: Kind::File, size_bytes: bytes.len() as u64, mode: Some(0o644) },
            Object::Directory(_) => Metadata { kind: Kind::Directory, size_bytes: 0, mode: Some(0o755) },
        })
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        match self.get(directory)? {
            Object::Directory(entries) => Ok(entries.get(name).map(|&index| Node(index as u128))),
            Object::File(_) => Err(Error::corrupt("no directory")),
        }
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        match self.get(directory)? {
            Object::Directory(entries) => Ok(entries
                .iter()
                .map(|(name, &index)| Entry { name: name.clone(), node: Node(index as u128) })
                .collect()),
            Object::File(_) => Err(Error::corrupt("no directory")),
        }
    }

    fn read_link(&self, _node: Node) -> Result<Vec<u8>> {
        Err(Error::corrupt("no link"))
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let Object::File(bytes) = self.get(node)? else { return Err(Error::corrupt("no file")) };
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}
