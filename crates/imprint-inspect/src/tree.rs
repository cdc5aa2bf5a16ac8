//! The guest's directory tree: paths resolved inside the guest's own names, over the file systems that it mounts.
//!
//! What lives here: walking a path, following symlinks, crossing mount points, reading files within a bound. What never
//! does: any rule of an operating system (which file means what), and any name of the host.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::budget::{Budget, Held};
use crate::error::{Error, Result};
use crate::file_system::{FileSystem, Kind, Metadata, Node};

/// How many symlinks one path may lead through, as Linux has it.
const HOPS_MAX: usize = 40;
/// How many names one path may have, with those of the symlinks on the way.
const NAMES_MAX: usize = 4096;
/// How long a path, or the text of a symlink, may be: Linux's `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4096;
/// How long a file read as text may be.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// How much the names that the tree remembers may take, and what one takes besides its text.
const REMEMBERED_BYTES_MAX: u64 = 8 << 20;
const REMEMBERED_BYTES: u64 = 192;

/// A name in a directory of a mount.
type Key = (usize, Node, Vec<u8>);

/// What names led to in directories of mounts.
#[derive(Default)]
struct Remembered {
    names: HashMap<Key, Option<(Node, Metadata)>>,
    bytes: u64,
    held: Option<Held<Arc<Budget>>>,
}

impl Remembered {
    /// One more name. Where there is no room left, what was remembered is forgotten.
    fn insert(&mut self, key: Key, found: Option<(Node, Metadata)>, budget: &Arc<Budget>) -> Result<()> {
        let bytes = REMEMBERED_BYTES + key.2.len() as u64;
        if self.bytes + bytes > REMEMBERED_BYTES_MAX {
            *self = Remembered::default();
        }
        match &mut self.held {
            Some(held) => held.grow(bytes)?,
            None => self.held = Some(budget.hold_shared(bytes)?),
        }
        self.bytes += bytes;
        self.names.insert(key, found);
        Ok(())
    }
}

/// The directory tree of a guest. Paths are the guest's, with `/` between names; they may lack the first `/`.
///
/// What is not there is `None` or `false`, and so is a path through something that is no directory, or through too many
/// symlinks; errors are for what could not be read. Where the file system ignores case, so does the tree.
pub struct Tree {
    mounts: Vec<Mount>,
    budget: Arc<Budget>,
    remembered: Mutex<Remembered>,
}

/// A file system at its place in the tree.
struct Mount {
    /// Names from the top of the tree; empty for the root.
    at: Vec<Vec<u8>>,
    fs: Arc<dyn FileSystem>,
    node: Node,
}

/// Where a path leads.
#[derive(Clone)]
pub struct Place {
    /// The path without symlinks, `.` and `..`, beginning with `/`.
    pub path: String,
    /// Which file system it is on: 0 is the root's, then in the order of [`Tree::mount`].
    pub mount: usize,
    /// The object there.
    pub node: Node,
    /// What it is.
    pub metadata: Metadata,
    fs: Arc<dyn FileSystem>,
}

/// Whether the symlink that a path ends with is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLink {
    Follow,
    Keep,
}

/// A step of the way from the top: the name, and what it led to.
struct Step {
    name: Vec<u8>,
    mount: usize,
    node: Node,
    metadata: Metadata,
}

impl Tree {
    /// The tree of one file system from one of its directories on (its root, or a subvolume's).
    #[must_use]
    pub fn new(fs: Arc<dyn FileSystem>, root: Node, budget: Arc<Budget>) -> Tree {
        Tree { mounts: vec![Mount { at: Vec::new(), fs, node: root }], budget, remembered: Mutex::default() }
    }

    /// Puts another file system's directory at a path, in the place of what is there. The path's parents are resolved as
    /// the tree is now, so mount in the order of depth; the path itself need not exist.
    ///
    /// # Errors
    /// As [`Tree::resolve`]; the tree is as before then.
    pub fn mount(&mut self, path: impl AsRef<[u8]>, fs: Arc<dyn FileSystem>, node: Node) -> Result<()> {
        let path = path.as_ref();
        let at = match self.resolve(path)? {
            Some(place) => split(place.path.as_bytes()).map(<[u8]>::to_vec).collect(),
            None => split(path).map(<[u8]>::to_vec).collect::<Vec<_>>(),
        };
        self.mounts.push(Mount { at, fs, node });
        *self.remembered.lock() = Remembered::default();
        Ok(())
    }

    /// The budget that reading counts against.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// The file systems: the root's, then in the order of [`Tree::mount`], each with the path it is mounted at.
    pub fn mounts(&self) -> impl Iterator<Item = (String, &Arc<dyn FileSystem>)> {
        self.mounts.iter().map(|mount| (text_of(mount.at.iter()), &mount.fs))
    }

    /// Where a path leads, symlinks followed.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn resolve(&self, path: impl AsRef<[u8]>) -> Result<Option<Place>> {
        self.walk(path.as_ref(), LastLink::Follow)
    }

    /// Where a path leads, where the last name may be a symlink itself.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn resolve_link(&self, path: impl AsRef<[u8]>) -> Result<Option<Place>> {
        self.walk(path.as_ref(), LastLink::Keep)
    }

    /// What is at a path, symlinks followed.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Option<Metadata>> {
        Ok(self.resolve(path)?.map(|place| place.metadata))
    }

    /// Whether a path leads anywhere.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn exists(&self, path: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.resolve(path)?.is_some())
    }

    /// Whether a path leads to a directory.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn is_dir(&self, path: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.resolve(path)?.is_some_and(|place| place.metadata.kind == Kind::Directory))
    }

    /// Whether a path leads to a file.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn is_file(&self, path: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.resolve(path)?.is_some_and(|place| place.metadata.kind == Kind::File))
    }

    /// The names in a directory, sorted; none when there is no directory. Names that are no UTF-8 are shown with U+FFFD
    /// and lead nowhere; see [`Tree::list_bytes`].
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn list(&self, path: impl AsRef<[u8]>) -> Result<Vec<String>> {
        let names = self.list_bytes(path)?;
        Ok(names.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()).collect())
    }

    /// The names in a directory as they are, sorted; none when there is no directory. Mount points that exist only as
    /// such are not among them.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn list_bytes(&self, path: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>> {
        let Some(place) = self.resolve(path)?.filter(|place| place.metadata.kind == Kind::Directory) else {
            return Ok(Vec::new());
        };
        let mut names: Vec<_> = place.fs.read_dir(place.node)?.into_iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The text of the symlink that a path ends with; `None` when it is none.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn read_link(&self, path: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        match self.resolve_link(path)? {
            Some(place) if place.metadata.kind == Kind::Symlink => place.fs.read_link(place.node).map(Some),
            _ => Ok(None),
        }
    }

    /// A file to be read in parts.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn open(&self, path: impl AsRef<[u8]>) -> Result<Option<Place>> {
        Ok(self.resolve(path)?.filter(|place| place.metadata.kind == Kind::File))
    }

    /// A whole file of at most so many bytes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a longer file, and what the file systems answer.
    pub fn read(&self, path: impl AsRef<[u8]>, max_bytes: usize) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        if file.size_bytes() > max_bytes as u64 {
            return Err(Error::Unsupported(format!("{} of {} bytes", file.path, file.size_bytes())));
        }
        self.read_from(&file, max_bytes).map(Some)
    }

    /// The first bytes of a file: at most so many.
    ///
    /// # Errors
    /// What the file systems answer.
    pub fn read_start(&self, path: impl AsRef<[u8]>, bytes: usize) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        self.read_from(&file, bytes).map(Some)
    }

    /// A file of at most 1 MiB as text; what is no UTF-8 is shown with U+FFFD.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn text(&self, path: impl AsRef<[u8]>) -> Result<Option<String>> {
        Ok(self.read(path, TEXT_BYTES_MAX)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn read_from(&self, file: &Place, max_bytes: usize) -> Result<Vec<u8>> {
        let len = usize::try_from(file.size_bytes()).unwrap_or(usize::MAX).min(max_bytes);
        let _held = self.budget.hold(len as u64)?;
        let mut bytes = vec![0; len];
        let read = file.read(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Walks a path from the top. `pending` holds the names to come, the next one last.
    fn walk(&self, path: &[u8], last_link: LastLink) -> Result<Option<Place>> {
        if path.len() > PATH_BYTES_MAX {
            return Ok(None);
        }
        let mut pending: Vec<Vec<u8>> = split(path).rev().map(<[u8]>::to_vec).collect();
        let mut way: Vec<Step> = Vec::new();
        let (mut hops, mut names) = (0, 0);
        let top = self.top()?;
        while let Some(name) = pending.pop() {
            self.budget.step()?;
            names += 1;
            if names > NAMES_MAX {
                return Ok(None);
            }
            if name == b".." {
                way.pop();
                continue;
            }
            let here = way.last().unwrap_or(&top);
            if here.metadata.kind != Kind::Directory {
                return Ok(None);
            }
            let Some(step) = self.down(&way, here, name)? else { return Ok(None) };
            if step.metadata.kind != Kind::Symlink || (pending.is_empty() && last_link == LastLink::Keep) {
                way.push(step);
                continue;
            }
            hops += 1;
            let target = self.mounts[step.mount].fs.read_link(step.node)?;
            if hops > HOPS_MAX || target.is_empty() || target.len() > PATH_BYTES_MAX {
                return Ok(None);
            }
            if target.starts_with(b"/") {
                way.clear();
            }
            pending.extend(split(&target).rev().map(<[u8]>::to_vec));
        }
        let path = text_of(way.iter().map(|step| &step.name));
        let end = way.pop().unwrap_or(top);
        let fs = self.mounts[end.mount].fs.clone();
        Ok(Some(Place { path, mount: end.mount, node: end.node, metadata: end.metadata, fs }))
    }

    fn top(&self) -> Result<Step> {
        // The last mount wins, as it does in a running system.
        let mount = self.mounts.iter().rposition(|mount| mount.at.is_empty()).unwrap_or(0);
        let Mount { fs, node, .. } = &self.mounts[mount];
        Ok(Step { name: Vec::new(), mount, node: *node, metadata: fs.metadata(*node)? })
    }

    /// One name down from where the way has led.
    fn down(&self, way: &[Step], here: &Step, name: Vec<u8>) -> Result<Option<Step>> {
        let mounted = |mount: &Mount| {
            mount.at.len() == way.len() + 1
                && mount.at.last() == Some(&name)
                && mount.at.iter().zip(way).all(|(name, step)| *name == step.name)
        };
        if let Some(mount) = self.mounts.iter().rposition(mounted) {
            let Mount { fs, node, .. } = &self.mounts[mount];
            return Ok(Some(Step { name, mount, node: *node, metadata: fs.metadata(*node)? }));
        }
        let key = (here.mount, here.node, name);
        let known = self.remembered.lock().names.get(&key).copied();
        let found = match known {
            Some(found) => found,
            None => {
                let fs = &self.mounts[here.mount].fs;
                let found = match fs.lookup(here.node, &key.2)? {
                    Some(node) => Some((node, fs.metadata(node)?)),
                    None => None,
                };
                self.remembered.lock().insert(key.clone(), found, &self.budget)?;
                found
            }
        };
        Ok(found.map(|(node, metadata)| Step { name: key.2, mount: here.mount, node, metadata }))
    }
}

impl Place {
    /// Length of the file there.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.metadata.size_bytes
    }

    /// Its file system.
    #[must_use]
    pub fn file_system(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// Reads from `offset` on until the buffer is full or the file ends, and says how many bytes there were.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut read = 0;
        while read < buf.len() {
            match self.fs.read(self.node, offset + read as u64, &mut buf[read..])? {
                0 => break,
                some => read += some,
            }
        }
        Ok(read)
    }
}

/// The names of a path, without empty ones and `.`.
fn split(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".")
}

fn text_of<'a>(names: impl Iterator<Item = &'a Vec<u8>>) -> String {
    let path: String = names.map(|name| format!("/{}", String::from_utf8_lossy(name))).collect();
    if path.is_empty() { "/".to_owned() } else { path }
}

#[cfg(test)]
mod tests;
