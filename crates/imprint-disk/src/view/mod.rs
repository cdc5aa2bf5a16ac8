//! Pieces that readers and writers are put together from: maps, tables, parts, caches. Never here: any format's bytes.

mod concat;
mod numbers;
mod packed;
mod pool;
mod unit_map;

pub(crate) use concat::Concat;
pub(crate) use numbers::Numbers;
pub(crate) use packed::Packed;
pub(crate) use pool::Pool;
pub(crate) use unit_map::UnitMap;
