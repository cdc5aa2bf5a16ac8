//! Dialect: Alibaba Cloud's RPC-style APIs for images and their inventory (ECS), temporary credentials (STS) and
//! access rules (RAM).
//!
//! Here are these APIs' words, parameters, signatures, answers and codes, their mistakes included, and the limits that
//! only they set. Never here: a rule that holds whatever dialect asked (that is the service's), secrets (identity's),
//! SQL, or bytes of a store.
//!
//! A request goes `lib.rs` → `gather.rs` (what was sent) → `auth.rs` (who sent it) → `ops/<operation>.rs` → the
//! service, and back through `view.rs` and `answer.rs`, or through `error.rs` when something cannot be done.

// answers are written as one `json!` of several dozen members
#![recursion_limit = "256"]

mod access;
mod answer;
mod auth;
mod call;
mod conflict;
mod dispatch;
mod error;
mod fault;
mod gather;
mod ids;
mod image_codes;
mod image_query;
mod instance_types;
mod inventory;
mod op;
mod ops;
mod params;
mod parts;
mod signature;
mod tasks;
#[cfg(test)]
mod tests;
mod throttle;
mod validate;
mod view;
mod words;

use std::sync::Arc;

use http::Method;
use http::request::Parts as RequestHead;
use imprint_http::{BoxFuture, Dialect, OpInfo, Rejection, Request, Response};
use imprint_identity::Identity;
use imprint_model::Clock;
use imprint_service::Service;

use crate::answer::Frame;
use crate::auth::refusal;
use crate::dispatch::Registry;
use crate::fault::code;
use crate::gather::{Format, wire_request_id};
use crate::parts::Parts;
use crate::throttle::Throttle;

pub use throttle::Rates;

/// What an operator can set about this dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// How fast accounts may ask.
    pub rates: Rates,
}

/// These APIs over a service.
#[derive(Debug)]
pub struct EcsDialect {
    parts: Arc<Parts>,
    registry: Registry,
}

impl EcsDialect {
    /// The dialect over the engine.
    pub fn new(service: Service, identity: Identity, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let throttle = Throttle::new(settings.rates);
        Self { parts: Arc::new(Parts { service, identity, clock, throttle }), registry: Registry::new() }
    }
}

/// Whether a request is for this dialect, for [`imprint_http::Claim::When`]: all its requests go to `/`, where the
/// image API of another dialect says which versions it has.
pub fn is_ecs(head: &RequestHead) -> bool {
    if head.uri.path() != "/" {
        return false;
    }
    let signed = head.headers.get(http::header::AUTHORIZATION);
    head.method == Method::POST
        || head.headers.contains_key("x-acs-action")
        || signed.is_some_and(|value| value.as_bytes().starts_with(b"ACS3-"))
        || head.uri.query().is_some_and(has_action)
}

/// Whether a query has the parameter `Action`, without decoding the whole of it.
fn has_action(query: &str) -> bool {
    query.split('&').any(|pair| pair == "Action" || pair.starts_with("Action="))
}

/// The registry's first row, for requests whose operation is not known or not believed: what is done with them is
/// known only when they are signed well.
const UNKNOWN: OpInfo = OpInfo { name: "unknown", method: Method::POST, path: "/" };

impl Dialect for EcsDialect {
    fn name(&self) -> &'static str {
        "ecs"
    }

    fn ops(&self) -> Vec<OpInfo> {
        let rows = ops::all().map(|op| OpInfo { name: op.name, method: Method::POST, path: "/" });
        [UNKNOWN].into_iter().chain(rows).collect()
    }

    fn route(&self, _request: &mut Request) -> Result<usize, Rejection> {
        Ok(0)
    }

    fn call(self: Arc<Self>, _op: usize, request: Request) -> BoxFuture<'static, Response> {
        Box::pin(async move {
            let (place, response) = dispatch::serve(Arc::clone(&self.parts), &self.registry, request).await;
            response.counted_as(place.map_or(0, |place| place + 1))
        })
    }

    fn reject(&self, rejection: &Rejection, request_id: &str) -> Response {
        let code = match rejection {
            Rejection::UnknownPath => refusal::UNKNOWN_ACTION,
            Rejection::WrongMethod { .. } => refusal::BAD_HTTP_METHOD,
            Rejection::BadPath | Rejection::BadQuery | Rejection::TargetTooLong => code::INVALID_PARAMETER,
            Rejection::Broken => code::INTERNAL,
        };
        // how the client wants its answers is not known here
        let frame = Frame { format: Format::Xml, request_id: wire_request_id(request_id), host: String::new() };
        frame.failure(code.fault())
    }
}
