//! Packs as files of a local directory: written under a temporary name in their folder, made durable, renamed, and
//! the folder made durable, in this order. A failed sync is final for its file. Never rewrites a finished file.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::pool::BufferPool;
use super::{Backend, Found, PackFile};
use crate::error::{Error, Result};
use crate::layout;
use crate::num::to_usize;
use crate::pack::PackId;

/// Files kept open for reading at most.
const OPEN_FILES: usize = 256;
const PROBE: &str = ".probe";

/// Packs as files of a local directory.
#[derive(Debug)]
pub struct DirectoryBackend {
    root: PathBuf,
    /// Folders that are known to exist durably.
    folders: Mutex<HashSet<PathBuf>>,
    open: Cache<PackId, Arc<File>>,
    buffers: BufferPool,
}

impl DirectoryBackend {
    /// Opens the store in `root`, making the directory when it does not exist.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(root: &Path) -> Result<Self> {
        let packs = root.join(layout::PACKS);
        fs::create_dir_all(&packs).map_err(|error| at("make directory", &packs, error))?;
        sync_folder(root)?;
        Ok(Self {
            root: root.to_owned(),
            folders: Mutex::default(),
            open: Cache::new(OPEN_FILES),
            buffers: BufferPool::default(),
        })
    }

    fn make_folder(&self, id: PackId) -> Result<PathBuf> {
        let folder = self.root.join(layout::pack_folder(id));
        let mut known = self.folders.lock();
        if !known.contains(&folder) {
            fs::create_dir_all(&folder).map_err(|error| at("make directory", &folder, error))?;
            sync_folder(&self.root.join(layout::PACKS))?;
            known.insert(folder.clone());
        }
        Ok(folder)
    }

    fn file(&self, id: PackId) -> Result<Arc<File>> {
        self.open.get_or_insert_with(&id, || {
            let path = self.root.join(layout::pack_name(id));
            File::open(&path).map(Arc::new).map_err(|error| at("open", &path, error))
        })
    }
}

impl Backend for DirectoryBackend {
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>> {
        let folder = self.make_folder(id)?;
        let unfinished = self.root.join(layout::unfinished_name(id));
        let file = File::options().write(true).create_new(true).open(&unfinished);
        let file = file.map_err(|error| at("create", &unfinished, error))?;
        let sealed = self.root.join(layout::pack_name(id));
        Ok(Box::new(DirectoryFile { file, unfinished: Unfinished(Some(unfinished)), sealed, folder }))
    }

    fn read(&self, id: PackId, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let file = self.file(id)?;
        let part = |range: &Range<u64>| {
            let len = to_usize(range.end.saturating_sub(range.start));
            let read = self.buffers.fill(len, |buffer| file.read_exact_at(buffer, range.start));
            read.map_err(|error| Error::io(format!("read pack {id} at {}", range.start), error))
        };
        ranges.iter().map(part).collect()
    }

    fn size(&self, id: PackId) -> Result<Option<u64>> {
        let path = self.root.join(layout::pack_name(id));
        match fs::metadata(&path) {
            Ok(data) => Ok(Some(data.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at("look at", &path, error)),
        }
    }

    fn list(&self, visit: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        let packs = self.root.join(layout::PACKS);
        for folder in entries(&packs)? {
            if !folder.is_dir() {
                continue;
            }
            for path in entries(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str());
                let Some((id, sealed)) = name.and_then(layout::parse_pack) else { continue };
                match fs::metadata(&path) {
                    Ok(data) => visit(Found { id, sealed, bytes: data.len() })?,
                    // a writer elsewhere renamed or removed it since the folder was read
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(at("look at", &path, error)),
                }
            }
        }
        Ok(())
    }

    fn delete(&self, id: PackId) -> Result<()> {
        self.open.remove(&id);
        for name in [layout::unfinished_name(id), layout::pack_name(id)] {
            let path = self.root.join(name);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(at("remove", &path, error)),
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let probe = self.root.join(PROBE);
        fs::write(&probe, b"imprint").map_err(|error| at("write", &probe, error))
    }

    fn read_bytes(&self) -> u64 {
        1 << 20
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(folder).and_then(|list| list.map(|entry| Ok(entry?.path())).collect());
    list.map_err(|error| at("list", folder, error))
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| at("sync directory", folder, error))
}

fn at(doing: &str, path: &Path, error: io::Error) -> Error {
    Error::io(format!("{doing} {}", path.display()), error)
}

/// Removes the file of a pack that was not finished. After a crash collection does it.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::debug!(path = %path.display(), %error, "an unfinished pack stays behind until collection");
        }
    }
}

struct DirectoryFile {
    file: File,
    unfinished: Unfinished,
    sealed: PathBuf,
    folder: PathBuf,
}

impl PackFile for DirectoryFile {
    fn append(&mut self, mut parts: &mut [IoSlice<'_>]) -> Result<()> {
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.file.write_vectored(parts) {
                Ok(0) => return Err(at("write", &self.sealed, io::ErrorKind::WriteZero.into())),
                Ok(written) => IoSlice::advance_slices(&mut parts, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(at("write", &self.sealed, error)),
            }
        }
        Ok(())
    }

    fn seal(mut self: Box<Self>) -> Result<()> {
        self.file.sync_all().map_err(|error| at("sync", &self.sealed, error))?;
        let unfinished = self.unfinished.0.take().expect("a pack is sealed once");
        if let Err(error) = fs::rename(&unfinished, &self.sealed) {
            self.unfinished.0 = Some(unfinished);
            return Err(at("rename to", &self.sealed, error));
        }
        sync_folder(&self.folder)
    }
}
