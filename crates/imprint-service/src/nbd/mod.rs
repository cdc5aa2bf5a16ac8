//! Stored disks as exports of an NBD server: which names there are, what a guest reads under them, and one memory for
//! all of them. Never here: sockets, TLS and the protocol.

mod exports;
mod names;
mod offer;
mod shared;
mod views;

pub use exports::{LocalExports, PublicExports};
pub(crate) use names::base_of;
pub use offer::{NBD_TTL_SECS_MAX, NbdOffer};
pub use shared::ChunkFigures;
pub(crate) use views::Views;
