//! What an account uses, against what it may.

use imprint_catalogue::images;
use imprint_model::Caller;

use crate::Service;
use crate::error::Error;
use crate::limits::Limits;

/// An account's use.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Images, whatever their status.
    pub images: u64,
    /// Bytes of complete images.
    pub bytes: u64,
    /// Bytes put aside for import.
    pub staged_bytes: u64,
    /// Uploads and imports under way.
    pub uploading: u64,
    /// The limits they are held against.
    pub limits: Limits,
}

impl Service {
    /// The use of the caller's account.
    ///
    /// # Errors
    /// [`Error::Denied`] for a caller without an account.
    pub async fn usage(&self, caller: &Caller) -> Result<Usage, Error> {
        let project = caller.project.clone().ok_or_else(|| Error::Denied("usage without an account".into()))?;
        let used = self.catalogue.read(move |tx| images::usage(tx, &project).map_err(Error::from)).await?;
        Ok(Usage {
            images: used.images,
            bytes: used.bytes,
            staged_bytes: used.staged_bytes,
            uploading: used.uploading,
            limits: self.settings.limits.clone(),
        })
    }
}
