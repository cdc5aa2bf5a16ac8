//! The HTTP shell: listener, request ids, limits, deadlines, access log, metrics, and the [`Dialect`] trait.
//!
//! Here lives what every API needs alike: sockets, how long and how large a request may be, where it goes by its
//! path, how it is counted and logged, and how the process stops serving. Never here: any API's words. What an error
//! body looks like, who the caller is and what an operation does is the dialect's; even the body of a "no such path"
//! is asked of it ([`Dialect::reject`]).

mod body;
mod connection;
mod dialect;
mod links;
mod metrics;
mod outgoing;
mod probes;
mod range;
mod record;
mod request;
mod response;
mod router;
mod running;
mod server;
mod settings;
mod surface;
mod wire;

pub use body::{Body, BodyError};
pub use dialect::{Dialect, OpInfo, Rejection};
pub use futures_util::future::BoxFuture;
pub use futures_util::stream::BoxStream;
pub use links::page_link;
pub use metrics::Metrics;
pub use probes::{Probes, ReadyCheck};
pub use range::{ByteRange, digits};
pub use request::Request;
pub use response::{Payload, Response};
pub use router::{Handler, Op, Router};
pub use server::{Drained, Server};
pub use settings::{Settings, SettingsError};
pub use surface::{Claim, Surface};
