//! Stored bytes as disks: random access to them, the disk that a guest sees inside, and that disk written as any
//! format. Blocking work is done on blocking threads; what is held in memory is bounded whatever a disk claims. Never
//! here: who may have a disk.

mod convert;
mod export;
mod format;
mod pieces;
mod stored;
mod watched;

use std::io;
use std::sync::Arc;

use imprint_disk::{OpenError, ReadAt};
use imprint_model::{ContainerFormat, Content, DiskFormat};

pub(crate) use convert::Noted;
pub(crate) use export::COMPRESSED_AT_ONCE;
pub use export::DiskExport;
pub use format::ExportFormat;
pub(crate) use pieces::{Piece, pieces};
pub(crate) use stored::{CallOff, StoredDisk};

use crate::Service;
use crate::error::Error;

impl Service {
    /// Random access to stored bytes. Work on them ends soon after the returned handle is dropped.
    pub(crate) async fn stored_disk(&self, content: &Content) -> Result<(Arc<StoredDisk>, CallOff), Error> {
        let reader = self.store.reader(content.map).await?;
        let (disk, call_off) = StoredDisk::new(reader);
        Ok((Arc::new(disk), call_off))
    }
}

/// The guest's disk inside stored bytes of this format. What a header says is believed only as far as the format that
/// the image has: bytes of a plain disk are the disk, whatever they look like. For blocking threads.
///
/// # Errors
/// [`Error::Unsupported`] for what is no single disk, [`Error::Unsafe`] for what cannot be read as its format.
pub(crate) fn guest_inside<T: ReadAt + 'static>(stored: &Arc<T>, format: DiskFormat) -> Result<Arc<dyn ReadAt>, Error> {
    let bytes: Arc<dyn ReadAt> = Arc::<T>::clone(stored);
    if format == DiskFormat::Ploop {
        return Err(Error::Unsupported(format!("reading disks of format {format}")));
    }
    if !is_wrapped(format) {
        return Ok(bytes);
    }
    let known = imprint_disk::Format::from_name(format.as_str());
    let known = known.ok_or_else(|| Error::Unsupported(format!("reading disks of format {format}")))?;
    Ok(imprint_disk::open(bytes, known).map_err(open_error)?.guest)
}

/// Whether the guest's disk is something else than the bytes of this format.
pub(crate) fn is_wrapped(format: DiskFormat) -> bool {
    match format {
        DiskFormat::Raw
        | DiskFormat::Gpt
        | DiskFormat::Iso
        | DiskFormat::Ami
        | DiskFormat::Ari
        | DiskFormat::Aki
        | DiskFormat::Ploop => false,
        DiskFormat::Qcow2
        | DiskFormat::Vhd
        | DiskFormat::Vhdx
        | DiskFormat::Vmdk
        | DiskFormat::Vdi
        | DiskFormat::Zvhd
        | DiskFormat::Zvhd2 => true,
    }
}

/// What bytes of this format are read as: formats of one word lead to the same disk. What is found out about bytes holds
/// for one such reading of them alone, as the same bytes may be kept as several formats.
pub(crate) fn read_as(format: DiskFormat) -> &'static str {
    if is_wrapped(format) || format == DiskFormat::Ploop { format.as_str() } else { DiskFormat::Raw.as_str() }
}

/// The format of an image's bytes when they are one disk.
///
/// # Errors
/// [`Error::Unsupported`] when they are wrapped in an archive, or nobody said what they are.
pub(crate) fn disk_format_of(
    container: Option<ContainerFormat>,
    format: Option<DiskFormat>,
) -> Result<DiskFormat, Error> {
    if container.is_some_and(|container| container != ContainerFormat::Bare) {
        return Err(Error::Unsupported("looking into an image that is wrapped in an archive".to_owned()));
    }
    format.ok_or_else(|| Error::Unsupported("looking into an image whose format nobody told".to_owned()))
}

/// What the failure to open a disk means.
pub(crate) fn open_error(error: OpenError) -> Error {
    match error {
        OpenError::Io(error) => disk_error(error),
        other => Error::Unsafe(other.to_string()),
    }
}

/// What the failure to read a disk means: bytes that are not what they should be are the image's, all else is ours.
pub(crate) fn disk_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Error::Unsafe(error.to_string()),
        _ => match error.downcast::<imprint_store::Error>() {
            Ok(error) => error.into(),
            Err(error) => Error::Internal(Box::new(error)),
        },
    }
}
