//! NBD: disks served read-only to QEMU and its kin, and QEMU's disks read. Knows disks only as
//! [`imprint_disk::ReadAt`] and names only as text; never who may have one, and never how its bytes are kept.
//!
//! What is spoken is the protocol of <https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>: fixed
//! newstyle negotiation, structured replies, and metadata contexts.

mod client;
mod error;
mod exports;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

pub use client::{Client, ContextStatus, READ_BYTES_MAX, StatusExtent};
pub use error::Error;
pub use exports::{Exports, Upgrade};
pub use server::{Limits, Shared, serve};
pub use stream::{BoxStream, Stream};
pub use wire::{ALLOCATION, NAME_BYTES_MAX, STATE_HOLE, STATE_ZERO};
