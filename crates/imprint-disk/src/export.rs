//! A disk as a file of some format that exists nowhere: its length, any range of it, all of it in order.

use std::io;
use std::sync::Arc;

use crate::encode::{UnitFormat, UnitSizes, Units};
use crate::formats::{packed, qcow2, vdi, vhd, vhdx, vmdk, zvhd};
use crate::{Compression, ReadAt, Run, Target};

mod placed;
mod ranges;

use ranges::write_range;

/// The file that a disk would be. Making one reads the disk's map, not its data, and nothing of it is kept anywhere:
/// each byte is produced when it is asked for, and is the same each time.
pub struct Export {
    target: Target,
    body: Body,
}

enum Body {
    /// Every byte has its place.
    View(Arc<dyn ReadAt>),
    /// Compressed: places are known once sizes are.
    Units(Box<Units>),
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("target", &self.target).finish_non_exhaustive()
    }
}

/// Why a disk cannot be written as a target.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The format has no room for such a disk, or the option has no meaning.
    #[error("{target}: {why}")]
    Impossible {
        /// What was to be written.
        target: Target,
        /// Why it cannot be.
        why: &'static str,
    },
    /// The disk's map could not be read.
    #[error("reading the disk's map: {0}")]
    Io(#[from] io::Error),
}

impl Export {
    /// `disk` as a `target` file. Sizes that an earlier [`Export::write`] returned for the same content make the length
    /// of a compressed file known; sizes of something else are ignored.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn new(disk: Arc<dyn ReadAt>, target: Target, known: Option<UnitSizes>) -> Result<Export, ExportError> {
        let body = match target {
            Target::Raw => Body::View(disk),
            Target::Qcow2 { compression: Compression::None, cluster_bytes } => {
                Body::View(Arc::new(qcow2::plain(disk, cluster_bytes)?))
            }
            Target::Qcow2 { compression, cluster_bytes } => {
                let format = qcow2::Compressed::new(disk.size_bytes(), compression, cluster_bytes)?;
                units(disk, format, known)?
            }
            Target::VmdkStream => {
                let format = vmdk::VmdkStream::new(disk.size_bytes())?;
                units(disk, format, known)?
            }
            Target::Gz => {
                let format = packed::GzMember::new(disk.size_bytes());
                units(disk, format, known)?
            }
            Target::Zst => {
                let format = packed::ZstFrames::new(disk.size_bytes());
                units(disk, format, known)?
            }
            Target::VhdFixed => Body::View(Arc::new(vhd::fixed(disk)?)),
            Target::VhdDynamic => Body::View(Arc::new(vhd::dynamic(disk)?)),
            Target::Vhdx => Body::View(Arc::new(vhdx::view(disk)?)),
            Target::Vdi => Body::View(Arc::new(vdi::view(disk)?)),
            Target::Zvhd => {
                let format = zvhd::Stream::new(disk.size_bytes())?;
                units(disk, format, known)?
            }
            Target::Zvhd2 => {
                let format = zvhd::Indexed::new(disk.size_bytes())?;
                units(disk, format, known)?
            }
        };
        Ok(Export { target, body })
    }

    /// What it is.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// The length of the file in bytes; `None` as long as the sizes of compressed units are not known.
    #[must_use]
    pub fn size_bytes(&self) -> Option<u64> {
        match &self.body {
            Body::View(view) => Some(view.size_bytes()),
            Body::Units(units) => units.size_bytes(),
        }
    }

    /// What stands at `offset` of the file, which lies inside: where an uncompressed file repeats a hole of the disk,
    /// whoever writes it may leave a hole, too.
    ///
    /// # Errors
    /// As [`Export::read_at`].
    pub fn run_at(&self, offset: u64) -> io::Result<Run> {
        match &self.body {
            Body::View(view) => view.run_at(offset),
            Body::Units(units) => units.as_file()?.run_at(offset),
        }
    }

    /// Fills the whole buffer from `offset` of the file on; of a compressed file, the units touched are compressed
    /// again for it.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] when the sizes are not known; otherwise as [`ReadAt::read_at`].
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match &self.body {
            Body::View(view) => view.read_at(offset, buf),
            Body::Units(units) => units.as_file()?.read_at(offset, buf),
        }
    }

    /// Hands the whole file to `sink`, in order, reading and compressing on up to `threads` threads. The bytes do not
    /// depend on their number. Returns the sizes of compressed units, to be kept for the next time.
    ///
    /// # Errors
    /// What reading answers, and what the sink answers.
    pub fn write(
        &self,
        threads: usize,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Option<UnitSizes>> {
        match &self.body {
            Body::View(view) => write_range(view, 0, view.size_bytes(), threads, sink).map(|()| None),
            Body::Units(units) => units.write(threads, sink).map(Some),
        }
    }

    /// Hands each piece of the file to `sink` with its place, in no order, on up to `threads` threads at once: for files
    /// that can be written anywhere. What is known to be zeros is left out. Compressed files are compressed once,
    /// whatever is known of them. Returns the file's length in bytes, and sizes as [`Export::write`] does.
    ///
    /// # Errors
    /// What reading answers, and what the sink answers.
    pub fn write_placed(
        &self,
        threads: usize,
        sink: &(dyn Fn(u64, &[u8]) -> io::Result<()> + Sync),
    ) -> io::Result<(u64, Option<UnitSizes>)> {
        match &self.body {
            Body::View(view) => placed::write(view, threads, sink).map(|()| (view.size_bytes(), None)),
            Body::Units(units) => units.write_placed(threads, sink).map(|(size, sizes)| (size, Some(sizes))),
        }
    }

    /// Hands the bytes from `offset` on to `sink`, `len` of them, on up to `threads` threads.
    ///
    /// # Errors
    /// As [`Export::read_at`], and what the sink answers.
    pub fn write_range(
        &self,
        offset: u64,
        len: u64,
        threads: usize,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match &self.body {
            Body::View(view) => write_range(view, offset, len, threads, sink),
            Body::Units(units) => write_range(&*units.as_file()?, offset, len, threads, sink),
        }
    }
}

/// A compressed target.
fn units(
    disk: Arc<dyn ReadAt>,
    format: impl UnitFormat + 'static,
    known: Option<UnitSizes>,
) -> Result<Body, ExportError> {
    Ok(Body::Units(Box::new(Units::new(disk, Arc::new(format), known)?)))
}
