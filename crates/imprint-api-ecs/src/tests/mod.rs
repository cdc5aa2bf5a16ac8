//! The dialect on a real engine, asked as its clients ask: signed requests in, documents out.
//!
//! `world.rs` is the harness, `client.rs` signs as the real clients do. What an operation is proved to do stands in
//! `cases/`, as rows of tables that the documentation is made from too.

mod access;
mod cases;
mod client;
mod coverage;
mod docs;
mod fixture;
mod protocol;
mod requirement;
mod world;

pub(crate) use client::{Answer, Client, Style};
pub(crate) use world::World;
