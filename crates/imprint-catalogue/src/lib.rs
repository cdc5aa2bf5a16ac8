//! Facts at rest: one set of SQL statements on SQLite and PostgreSQL.
//!
//! SQL lives here and nowhere else. [`Catalogue`] runs closures on a [`Tx`]; the modules are the tables' functions on
//! it. What the facts mean and who may change them is decided above.

mod chunks;
mod content;
mod db;
mod error;
mod label;
mod migrations;
mod nonces;
mod pattern;
mod pool;
mod postgres;
mod settings;
mod sqlite;
mod tx;
mod value;

pub mod audit;
pub mod content_facts;
pub mod definitions;
pub mod idempotency;
pub mod identity;
pub mod images;
pub mod inventory;
pub mod jobs;
pub mod kv;
pub mod members;
pub mod nbd_names;
pub mod quotas;

pub use db::Catalogue;
pub use error::{Error, ErrorKind};
pub use inventory::{disks, instances, machines, resource_groups, snapshots};
pub use settings::Settings;
pub use tx::Tx;
pub use value::{FromValue, Row, Value, to_json};
