//! Guests made in memory, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::budget::{Budget, Limits};
use crate::error::{Error, Result};
use crate::file_system::{Entry, FileSystem, Kind, Metadata, Node};
use crate::guest::Guest;
use crate::tree::Tree;

/// A file system in memory. Its nodes are indexes.
#[derive(Debug, Default)]
pub(crate) struct Made {
    nodes: Vec<Content>,
    pub(crate) type_name: &'static str,
    pub(crate) uuid: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) subvolumes: Vec<(String, Node)>,
    /// Paths whose bytes cannot be read.
    broken: Vec<usize>,
}

#[derive(Debug)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, usize>),
    Link(Vec<u8>),
}

impl Made {
    pub(crate) fn new(type_name: &'static str) -> Made {
        Made { nodes: vec![Content::Directory(BTreeMap::new())], type_name, ..Made::default() }
    }

    /// One path: a directory when it ends with `/`, a link when its text begins with `-> `, else a file.
    pub(crate) fn with(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Made {
        let bytes = bytes.as_ref();
        let (parent, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
        let parent = self.directory(parent);
        if path.ends_with('/') {
            self.directory(path);
            return self;
        }
        let content = match bytes.strip_prefix(b"-> ") {
            Some(target) => Content::Link(target.to_vec()),
            None => Content::File(bytes.to_vec()),
        };
        self.nodes.push(content);
        let node = self.nodes.len() - 1;
        if let Content::Directory(names) = &mut self.nodes[parent] {
            names.insert(name.as_bytes().to_vec(), node);
        }
        self
    }

    /// Makes the bytes of a path unreadable.
    pub(crate) fn breaking(mut self, path: &str) -> Made {
        let mut node = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Content::Directory(names) = &self.nodes[node] else { panic!("{path} leads through a file") };
            node = names[name.as_bytes()];
        }
        self.broken.push(node);
        self
    }

    /// A directory as the top of a subvolume.
    pub(crate) fn subvolume(mut self, path: &str) -> Made {
        let node = self.directory(path);
        self.subvolumes.push((path.trim_matches('/').to_owned(), Node(node as u128)));
        self
    }

    fn directory(&mut self, path: &str) -> usize {
        let mut at = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let new = self.nodes.len();
            let Content::Directory(names) = &mut self.nodes[at] else { panic!("{path} leads through a file") };
            at = *names.entry(name.as_bytes().to_vec()).or_insert(new);
            if at == new {
                self.nodes.push(Content::Directory(BTreeMap::new()));
            }
        }
        at
    }

    fn content(&self, node: Node) -> &Content {
        &self.nodes[usize::try_from(node.0).unwrap()]
    }
}

impl FileSystem for Made {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn label(&self) -> Option<String> {
        self.label.clone()
    }

    fn uuid(&self) -> Option<String> {
        self.uuid.clone()
    }

    fn size_bytes(&self) -> u64 {
        1 << 20
    }

    fn is_clean(&self) -> bool {
        true
    }

    fn root(&self) -> Node {
        Node(0)
    }

    fn subvolumes(&self) -> Vec<(String, Node)> {
        self.subvolumes.clone()
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        let (kind, len) = match self.content(node) {
            Content::File(bytes) => (Kind::File, bytes.len()),
            Content::Directory(_) => (Kind::Directory, 0),
            Content::Link(target) => (Kind::Symlink, target.len()),
        };
        Ok(Metadata { kind, size_bytes: len as u64, mode: None })
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        let Content::Directory(names) = self.content(directory) else { return Ok(None) };
        Ok(names.get(name).map(|node| Node(*node as u128)))
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        let Content::Directory(names) = self.content(directory) else { return Ok(Vec::new()) };
        Ok(names.iter().map(|(name, node)| Entry { name: name.clone(), node: Node(*node as u128) }).collect())
    }

    fn read_link(&self, node: Node) -> Result<Vec<u8>> {
        match self.content(node) {
            Content::Link(target) => Ok(target.clone()),
            _ => Err(Error::corrupt("no link")),
        }
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        if self.broken.contains(&usize::try_from(node.0).unwrap()) {
            return Err(Error::corrupt("a broken extent"));
        }
        let Content::File(bytes) = self.content(node) else { return Err(Error::corrupt("no file")) };
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

/// A file system with these files.
pub(crate) fn file_system(files: &[(&str, &str)]) -> Made {
    files.iter().fold(Made::new("ext4"), |made, (path, text)| made.with(path, text))
}

/// A tree over a file system.
pub(crate) fn tree_over(made: Made) -> Tree {
    let root = made.root();
    Tree::new(Arc::new(made), root, Arc::new(Budget::new(Limits::default())))
}

/// A guest with these files.
pub(crate) fn guest(files: &[(&str, &str)]) -> Guest {
    Guest::new(tree_over(file_system(files)))
}

/// One entry as `cpio -H newc` writes it.
pub(crate) fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut fields = [0_u32; 13];
    fields[1] = 0o100_644;
    fields[6] = u32::try_from(content.len()).unwrap();
    fields[11] = u32::try_from(name.len() + 1).unwrap();
    let mut bytes = b"070701".to_vec();
    bytes.extend(fields.iter().flat_map(|field| format!("{field:08X}").into_bytes()));
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A whole archive with these names.
pub(crate) fn archive(names: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = names.iter().flat_map(|name| entry(name, name.as_bytes())).collect();
    bytes.extend(entry("TRAILER!!!", b""));
    bytes
}
