//! Dialect: the OpenStack image API v2.
//!
//! Here are this API's words, paths, bodies, headers and statuses, and the limits that only it sets. Never here: a rule
//! that holds for an image whatever dialect asked (that is the service's), SQL, or bytes of a store.
//!
//! A request goes `lib.rs` (route, authenticate) → `ops/<operation>.rs` → the service, and back through `view.rs`, or
//! through `error.rs` when something cannot be done.

mod attributes;
mod auth;
mod body;
mod data;
mod error;
mod facts;
mod metadefs;
mod ops;
mod parts;
mod patch;
mod query;
mod range;
mod schema;
mod task;
mod versions;
pub mod view;
pub mod words;

use std::sync::Arc;

use http::HeaderName;
use imprint_http::{BoxFuture, Dialect, OpInfo, Rejection, Request, Response, Router};

use imprint_identity::Identity;
use imprint_service::Service;

use crate::error::{Refusal, Style};
use crate::ops::{Act, fallback};
use crate::parts::Parts;

/// The header that tells a client which request this was.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// The image API over a service.
#[derive(Debug)]
pub struct GlanceDialect {
    parts: Arc<Parts>,
    router: Router<Act>,
    /// How many operations the router knows.
    routed: usize,
    /// Operations that are found by something else than their path; they follow the router's in the registry.
    fallbacks: [ops::Row; 3],
}

/// What an operator can set about this dialect.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where clients reach this service; without one it is what each request says.
    pub public_url: Option<String>,
    /// Where this service reaches itself, to import from a region of its own; without one it does not.
    pub own_url: Option<String>,
    /// The regions that this service serves itself.
    pub regions: Vec<String>,
}

impl GlanceDialect {
    /// The dialect over the engine.
    pub fn new(service: Service, identity: Identity, settings: Settings) -> Self {
        let Settings { public_url, own_url, regions } = settings;
        let rows = ops::all();
        Self {
            parts: Arc::new(Parts { service, identity, public_url, own_url, regions }),
            routed: rows.len(),
            router: Router::new(rows),
            fallbacks: fallback::rows(),
        }
    }

    fn act(&self, op: usize) -> Act {
        match op.checked_sub(self.routed) {
            None => self.router.op(op).handler,
            Some(fallback) => self.fallbacks[fallback].handler,
        }
    }
}

impl Dialect for GlanceDialect {
    fn name(&self) -> &'static str {
        "glance"
    }

    fn ops(&self) -> Vec<OpInfo> {
        let mut infos = self.router.infos();
        infos.extend(self.fallbacks.iter().map(|op| OpInfo {
            name: op.name,
            method: op.method.clone(),
            path: op.path,
        }));
        infos
    }

    fn route(&self, request: &mut Request) -> Result<usize, Rejection> {
        let rejection = match self.router.route(request) {
            Ok(op) => return Ok(op),
            Err(rejection) => rejection,
        };
        let within = request.path() == "/v2" || request.path().starts_with("/v2/");
        // which paths exist is told to the authenticated alone, and in the body they accept
        let chosen = match rejection {
            Rejection::UnknownPath if within => fallback::UNKNOWN_PATH,
            Rejection::WrongMethod { ref allow } if within => {
                let allow = allow.to_str().unwrap_or_default().to_owned();
                request.params = vec![(fallback::ALLOW.to_owned(), allow)];
                fallback::WRONG_METHOD
            }
            Rejection::UnknownPath => fallback::CHOOSE_VERSION,
            other => return Err(other),
        };
        Ok(self.routed + chosen)
    }

    fn call(self: Arc<Self>, op: usize, request: Request) -> BoxFuture<'static, Response> {
        let parts = Arc::clone(&self.parts);
        match self.act(op) {
            Act::Open(handler) => handler(parts, request),
            Act::Asked(handler) => Box::pin(async move {
                let style = Style::of(&request.headers);
                let request_id = request.request_id.clone();
                let outcome = match auth::authenticate(&parts, &request).await {
                    Ok(caller) => handler(parts, caller, request).await,
                    Err(refusal) => Err(refusal),
                };
                let response = outcome.unwrap_or_else(|refusal| refusal.render(style));
                response.with_text_header(REQUEST_ID, &request_id)
            }),
        }
    }

    fn reject(&self, rejection: &Rejection, request_id: &str) -> Response {
        let refusal = Refusal::new(rejection.status(), rejection.to_string());
        // what the client accepts is not known here, and clients of this API are programs
        refusal.render(Style::Json).with_text_header(REQUEST_ID, request_id)
    }
}
