//! Files that are the disk: bare disks with or without a partition table, and optical images.

use std::sync::Arc;

use crate::open::{Disk, Info};
use crate::{Format, ReadAt};

/// The file as it is.
pub(crate) fn open(file: Arc<dyn ReadAt>, format: Format) -> Disk {
    let info = Info::new(format, file.size_bytes());
    Disk { guest: file, info }
}
