//! qcow2, versions 2 and 3 (QEMU's `docs/interop/qcow2`): big endian, clusters found through a table of tables.
//!
//! Never here: backing files and external data files; images that name one are refused.

mod codec;
mod compressed;
mod entry;
mod header;
mod plain;
mod reader;
mod snapshots;
mod tables;

pub(crate) use compressed::Compressed;
pub(crate) use header::{check, recognise};
pub(crate) use plain::plain;
pub(crate) use reader::open;
