//! What an API must be to be served: a name, a table of operations, a way to find the one a request means, and a way
//! to answer it. Never here: how any of them does that.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode};

use crate::{Request, Response};

/// One row of a dialect's registry. Routing, the `op` label of metrics, documentation and coverage tests derive from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpInfo {
    /// The operation's name, unique within the dialect: `show_image`.
    pub name: &'static str,
    /// The method it answers.
    pub method: Method,
    /// Its path template: `/v2/images/{id}`.
    pub path: &'static str,
}

/// One API, spoken over the shell.
///
/// For each request the shell calls [`route`](Self::route), then [`call`](Self::call) with what that gave. Who the
/// caller is gets decided inside `call`, in the dialect's own way.
pub trait Dialect: Send + Sync + 'static {
    /// The name in logs and metrics: `native`.
    fn name(&self) -> &'static str;

    /// The registry. Read once when the server is built; an operation is afterwards known by its place in this list.
    fn ops(&self) -> Vec<OpInfo>;

    /// Finds the operation a request means, as its place in [`ops`](Self::ops), and notes the path's parameters in
    /// the request. Must not wait for anything.
    fn route(&self, request: &mut Request) -> Result<usize, Rejection>;

    /// Answers a request. The future is run to its end even when the client goes away, so that a change half made is
    /// finished or undone by the code that began it.
    fn call(self: Arc<Self>, op: usize, request: Request) -> BoxFuture<'static, Response>;

    /// The answer to a request that never reaches `call`, in this dialect's words. The shell adds the `Allow` header.
    fn reject(&self, rejection: &Rejection, request_id: &str) -> Response;
}

/// Why a request is answered without its operation being called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No operation has this path.
    #[error("no such path")]
    UnknownPath,
    /// The path exists, but not with this method.
    #[error("this path does not answer this method")]
    WrongMethod {
        /// What it does answer, ready for the `Allow` header.
        allow: HeaderValue,
    },
    /// The path has a malformed percent escape, is not UTF-8, or contains NUL.
    #[error("the path is not valid UTF-8 in valid percent-encoding")]
    BadPath,
    /// The query is not UTF-8, contains NUL, or has too many parameters.
    #[error("the query is not valid UTF-8 or has more than 1000 parameters")]
    BadQuery,
    /// Path and query together are longer than the setting allows.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The operation broke; it is logged already, under the request's id.
    #[error("an unexpected error happened")]
    Broken,
}

impl Rejection {
    /// The usual status for it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadPath | Self::BadQuery => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
