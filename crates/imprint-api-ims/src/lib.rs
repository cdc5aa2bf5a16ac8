//! Dialect: Huawei Cloud's image management API (IMS), as Open Telekom Cloud speaks it too.
//!
//! Here are this API's words, paths, bodies, signatures and codes, and the limits that only it sets. Never here: a rule
//! that holds for an image whatever dialect asked (that is the service's), secrets (identity's), SQL, or bytes of a
//! store.
//!
//! A request goes `lib.rs` (route) → `auth/` (who sent it) → `dispatch.rs` → `ops/<operation>.rs` → the service, and back
//! through `view.rs` and `answer.rs`, or through `error.rs` when something cannot be done. What an image's attributes
//! are is one table, `attributes.rs`.

mod access;
mod answer;
mod attributes;
mod auth;
mod body;
mod call;
mod claim;
mod dispatch;
mod error;
mod fault;
mod op;
mod ops;
mod os;
mod parts;
mod query;
mod tag;
mod values;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::StatusCode;
use imprint_http::{BoxFuture, Dialect, OpInfo, Rejection, Request, Response, Router};
use imprint_identity::Identity;
use imprint_model::Clock;
use imprint_service::Service;

pub use claim::is_ims;

use crate::answer::wire_request_id;
use crate::auth::refusal;
use crate::fault::{Fault, code};
use crate::op::Op;
use crate::parts::Parts;

/// What an operator can set about this dialect.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where clients reach this service; without one it is what each request says.
    pub public_url: Option<String>,
}

/// This API over a service.
#[derive(Debug)]
pub struct ImsDialect {
    parts: Arc<Parts>,
    router: Router<&'static Op>,
}

impl ImsDialect {
    /// The dialect over the engine.
    pub fn new(service: Service, identity: Identity, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let rows = ops::all().map(|op| imprint_http::Op::new(op.name, op.method.clone(), op.path, op));
        Self {
            parts: Arc::new(Parts { service, identity, clock, public_url: settings.public_url }),
            router: Router::new(rows.collect()).ignoring_trailing_slash(),
        }
    }
}

impl Dialect for ImsDialect {
    fn name(&self) -> &'static str {
        "ims"
    }

    fn ops(&self) -> Vec<OpInfo> {
        self.router.infos()
    }

    fn route(&self, request: &mut Request) -> Result<usize, Rejection> {
        self.router.route(request)
    }

    fn call(self: Arc<Self>, op: usize, request: Request) -> BoxFuture<'static, Response> {
        let (parts, op) = (Arc::clone(&self.parts), self.router.op(op).handler);
        Box::pin(dispatch::serve(parts, op, request))
    }

    fn reject(&self, rejection: &Rejection, request_id: &str) -> Response {
        let fault = match rejection {
            Rejection::UnknownPath => refusal::NO_SUCH_API.fault(),
            Rejection::WrongMethod { .. } => {
                Fault { status: StatusCode::METHOD_NOT_ALLOWED, ..refusal::NO_SUCH_API.fault() }
            }
            Rejection::BadPath | Rejection::BadQuery | Rejection::TargetTooLong => {
                Fault { status: rejection.status(), ..code::BAD_BODY.with_message(rejection.to_string()) }
            }
            Rejection::Broken => code::INTERNAL.fault(),
        };
        let request_id = wire_request_id(request_id);
        answer::labelled(answer::refusal(fault, &request_id), &request_id)
    }
}
