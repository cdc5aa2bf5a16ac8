//! Dialect: Imprint's own API, for its command line and for operators, below `/imprint`.
//!
//! Here are this API's paths, bodies and statuses, and the limits that only it sets. Its wire types ([`wire`]) and its
//! binary forms ([`frames`]) are the command line's too. Never here: a rule that holds whatever dialect asked, or what
//! another dialect already says: images are listed and changed through the image API.

mod error;
pub mod frames;
mod ops;
mod parts;
#[cfg(test)]
mod tests;
mod view;
pub mod wire;

use std::sync::Arc;

use http::HeaderName;
use imprint_http::{BoxFuture, Dialect, OpInfo, Rejection, Request, Response, Router};
use imprint_identity::Identity;
use imprint_service::Service;

use crate::error::Refusal;
use crate::ops::Act;
use crate::parts::Parts;

/// The header that tells a client which request this was.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Imprint's own API over a service.
#[derive(Debug)]
pub struct NativeDialect {
    parts: Arc<Parts>,
    router: Router<Act>,
}

impl NativeDialect {
    /// The dialect over the engine.
    pub fn new(service: Service, identity: Identity) -> Self {
        Self { parts: Arc::new(Parts::new(service, identity)), router: Router::new(ops::all()) }
    }
}

impl Dialect for NativeDialect {
    fn name(&self) -> &'static str {
        "native"
    }

    fn ops(&self) -> Vec<OpInfo> {
        self.router.infos()
    }

    fn route(&self, request: &mut Request) -> Result<usize, Rejection> {
        self.router.route(request)
    }

    fn call(self: Arc<Self>, op: usize, request: Request) -> BoxFuture<'static, Response> {
        Box::pin(async move {
            let request_id = request.request_id.clone();
            let outcome = ops::carry_out(Arc::clone(&self.parts), self.router.op(op).handler, request).await;
            outcome.unwrap_or_else(Refusal::render).with_text_header(REQUEST_ID, &request_id)
        })
    }

    fn reject(&self, rejection: &Rejection, request_id: &str) -> Response {
        Refusal::of_shell(rejection).render().with_text_header(REQUEST_ID, request_id)
    }
}
