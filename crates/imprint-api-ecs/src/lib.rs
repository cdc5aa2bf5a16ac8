//! Dialect: Alibaba Cloud's RPC-style APIs for images and their inventory (ECS), temporary credentials (STS) and
//! access rules (RAM).
//!
//! Here are these APIs' words, parameters, signatures, answers and codes, their mistakes included, and the limits that
//! only they set. Never here: a rule that holds whatever dialect asked (that is the service's), secrets (identity's),
//! SQL, or bytes of a store.
//!
//! A request goes `lib.rs` → `gather.rs` (what was sent) → `auth.rs` (who sent it) → `ops/<operation>.rs` → the
//! service, and back through `view.rs` and `answer.rs`, or through `error.rs` when something cannot be done.

mod call;
mod error;
mod fault;
mod ids;
mod op;
mod ops;
mod params;
mod parts;
mod throttle;

pub use throttle::Rates;

/// What an operator can set about this dialect.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How fast accounts may ask.
    pub rates: Rates,
}
