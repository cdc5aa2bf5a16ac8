//! VMDK: no two grains share bytes, no grain lies over header or descriptor, and the second set of tables, where there
//! is one, says what the first says.

use std::io;
use std::sync::Arc;

use super::{Check, Steps, overlap};
use crate::ReadAt;
use crate::formats::vmdk::{Grains, grains};

/// Grains looked at: a disk of 8 TiB in the usual grains, for 1 GiB of memory.
const GRAINS_MAX: u64 = 1 << 27;

pub(super) fn check(file: &Arc<dyn ReadAt>, steps: Steps, check: &mut Check) -> io::Result<()> {
    let Grains { starts, grain_bytes, is_compressed, reserved, is_crowded, second_differs } = grains(file, GRAINS_MAX)?;
    if let Some(table) = second_differs {
        check.error(|| format!("grain table {table} and its second copy differ"));
    }
    if is_crowded {
        check.error(|| "there are more grains than the file has room for".to_owned());
    }
    // packed grains take what they take; they may begin in different sectors only
    let len = if is_compressed { crate::limits::SECTOR } else { grain_bytes };
    overlap::look(starts, len, &reserved, steps, check)
}
