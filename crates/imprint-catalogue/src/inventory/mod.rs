//! What images are made from and what is made from images: snapshots, disks and machines, each a row that holds the
//! whole record; and the groups that an account sorts its things into.

mod item;
mod query;

pub mod disks;
pub mod instances;
pub mod machines;
pub mod resource_groups;
pub mod snapshots;

pub use query::{ItemPage, Items, TAGGED_MAX, TagWanted, Tags};
