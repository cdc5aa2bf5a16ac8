//! Pieces that files made of tables and untouched blocks are put together from. Never here: any format's bytes.

mod concat;
mod packed;
mod unit_map;

pub(crate) use concat::Concat;
pub(crate) use packed::Packed;
pub(crate) use unit_map::UnitMap;
