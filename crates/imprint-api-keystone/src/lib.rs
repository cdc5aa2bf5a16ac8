//! Dialect: the OpenStack identity API v3, as far as image clients need it.
//!
//! Here are this API's words, paths, bodies and statuses, and who may call which operation. Never here: what a log-in
//! or a role means (that is identity's), or anything of images.
//!
//! A request goes `lib.rs` (route, authenticate) → `ops/<resource>.rs` → identity, and back through `view.rs`, or
//! through `error.rs` when something cannot be done.

mod auth;
mod catalogue;
mod error;
mod fields;
mod login;
mod ops;
mod parts;
mod policy;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue, VARY};
use imprint_http::{BoxFuture, Dialect, OpInfo, Rejection, Request, Response, Router};
use imprint_identity::Identity;

use crate::error::Refusal;
use crate::ops::Act;
use crate::parts::Parts;

pub use crate::parts::Settings;

/// Where this dialect lives: what the server gives it with `Claim::Under`.
pub const MOUNT: &str = "/identity";

/// The header that tells a client which request this was.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// The identity API.
#[derive(Debug)]
pub struct KeystoneDialect {
    parts: Arc<Parts>,
    router: Router<Act>,
}

impl KeystoneDialect {
    /// The dialect over identity.
    pub fn new(identity: Identity, settings: Settings) -> Self {
        let parts = Arc::new(Parts::new(identity, settings));
        Self { parts, router: Router::new(ops::all()).ignoring_trailing_slash() }
    }
}

impl Dialect for KeystoneDialect {
    fn name(&self) -> &'static str {
        "keystone"
    }

    fn ops(&self) -> Vec<OpInfo> {
        self.router.infos()
    }

    fn route(&self, request: &mut Request) -> Result<usize, Rejection> {
        self.router.route(request)
    }

    fn call(self: Arc<Self>, op: usize, request: Request) -> BoxFuture<'static, Response> {
        let act = self.router.op(op).handler;
        Box::pin(async move {
            let request_id = request.request_id.clone();
            let identity_url = self.parts.identity_url(&request);
            let outcome = match act {
                Act::Open(handler) => handler(Arc::clone(&self.parts), request).await,
                Act::Asked(handler) => match auth::authenticate(&self.parts, &request).await {
                    Ok(asker) => handler(Arc::clone(&self.parts), asker, request).await,
                    Err(refusal) => Err(refusal),
                },
            };
            outcome
                .unwrap_or_else(|refusal| refusal.render(Some(&identity_url)))
                .with_header(VARY, HeaderValue::from_static("X-Auth-Token"))
                .with_text_header(REQUEST_ID, &request_id)
        })
    }

    fn reject(&self, rejection: &Rejection, request_id: &str) -> Response {
        Refusal::new(rejection.status(), rejection.to_string()).render(None).with_text_header(REQUEST_ID, request_id)
    }
}
