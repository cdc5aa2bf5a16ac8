//! Tests over the public interface, by kind of evidence.

mod block_formats;
mod blocks_and_qemu;
mod corpus;
mod disks;
mod exports;
mod hostile;
mod hostile_images;
mod hostile_largest;
mod hostile_list;
mod made_by_qemu;
mod qcow2;
mod recognition;
pub(crate) mod samples;
pub(crate) mod sparse;
mod streaming;

use crate::{Inspection, Inspector};

/// Inspects `bytes` fed in one slice.
fn inspect(bytes: &[u8]) -> Inspection {
    let mut inspector = Inspector::new();
    inspector.feed(bytes);
    inspector.finish()
}
