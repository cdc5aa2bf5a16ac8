//! The operations: a file for each, or for a small family, holding how a call is read, which verb it is, and how it is
//! answered. The table below is all there is: routing, documentation, metrics and the coverage tests read it.

mod update_image;

use crate::op::Op;

/// Every file's rows.
const FILES: &[&[Op]] = &[
    update_image::OPS,
];

/// The whole registry.
pub(crate) fn all() -> impl Iterator<Item = &'static Op> {
    FILES.iter().copied().flatten()
}
