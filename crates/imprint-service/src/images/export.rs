//! Giving an image's disk out in another format than it is stored in.

use imprint_model::{Caller, ImageId};

use crate::Service;
use crate::disks::{DiskExport, ExportFormat, disk_format_of};
use crate::error::Error;

impl Service {
    /// Opens an image's system disk as a file of this format; none when the image has no data yet.
    ///
    /// # Errors
    /// Those of [`Service::download`]; [`Error::Unsupported`] of an image that is no disk, [`Error::Unsafe`] when its
    /// bytes cannot be read, [`crate::Conflict::ExportTooLarge`] when the format has no room for the disk.
    pub async fn export(
        &self,
        caller: &Caller,
        id: ImageId,
        format: ExportFormat,
    ) -> Result<Option<DiskExport>, Error> {
        let download = self.download(caller, id).await?;
        let Some(content) = &download.content else { return Ok(None) };
        let stored = disk_format_of(download.image.container_format, download.image.disk_format)?;
        self.export_disk(content, stored, format).await.map(Some)
    }
}
