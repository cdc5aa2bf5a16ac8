//! What the catalogue promises, on both engines: each test runs on SQLite in a fresh folder, and on PostgreSQL in a
//! fresh database when `IMPRINT_TEST_POSTGRES` names a throw-away server (`postgres://user@host:port/postgres`).

mod content_facts;
mod counts;
mod definitions;
mod grants;
mod images;
mod index;
mod inventory;
mod jobs;
mod lists;
mod lookups;
mod model;
mod nonces;
mod records;
mod support;
mod transactions;
