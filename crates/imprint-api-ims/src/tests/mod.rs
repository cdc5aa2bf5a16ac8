//! The dialect on a real engine, asked as its clients ask: signed requests in, JSON out.
//!
//! `world.rs` is the harness, `fixture.rs` puts things into it, `client.rs` signs as the real clients do. What an
//! operation is proved to do stands in `cases/`, as rows of tables that the documentation is made from too.

mod cases;
mod client;
mod coverage;
mod docs;
mod fixture;
mod world;

pub(crate) use client::{Answer, Client, Way, hex};
pub(crate) use world::World;
