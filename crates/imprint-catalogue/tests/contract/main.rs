//! What the catalogue promises, on both engines: each test runs on SQLite in a fresh folder, and on PostgreSQL in a
//! fresh database when `IMPRINT_TEST_POSTGRES` names a throw-away server (`postgres://user@host:port/postgres`).

mod definitions;
mod images;
mod index;
mod jobs;
mod lists;
mod model;
mod records;
mod support;
mod transactions;
