//! What all operations that make images, or files of them, read alike. Never here: any operation.

pub(super) mod body;
pub(super) mod place;
pub(super) mod start;
pub(super) mod tags;
