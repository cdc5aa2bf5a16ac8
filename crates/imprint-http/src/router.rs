//! From method and path to an operation. A dialect whose operations are named by their paths builds its registry as a
//! slice of [`Op`] and lets a [`Router`] do the rest.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;

use crate::{OpInfo, Rejection, Request, Response};

/// What an operation's row may carry when nothing else is needed: a plain function of the dialect's state. Dialects
/// that authenticate first use a type of their own, such as `fn(Arc<S>, Caller, Request) -> …`.
pub type Handler<S> = fn(Arc<S>, Request) -> BoxFuture<'static, Response>;

/// One operation: its row in the registry, and what carries it out.
#[derive(Debug, Clone)]
pub struct Op<H> {
    /// Unique within the dialect: `show_image`.
    pub name: &'static str,
    /// The method it answers.
    pub method: Method,
    /// Its path template: `/v2/images/{id}`; a last `{*rest}` takes all remaining segments.
    pub path: &'static str,
    /// What carries it out.
    pub handler: H,
}

impl<H> Op<H> {
    /// One row of a registry.
    pub const fn new(name: &'static str, method: Method, path: &'static str, handler: H) -> Self {
        Self { name, method, path, handler }
    }
}

/// Finds operations by method and path.
#[derive(Debug)]
pub struct Router<H> {
    ops: Vec<Op<H>>,
    paths: matchit::Router<Known>,
    trailing_slash: TrailingSlash,
}

/// What one path template answers: few methods, so a list is the fastest map.
#[derive(Debug)]
struct Known {
    methods: Vec<(Method, usize)>,
    allow: HeaderValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrailingSlash {
    Counts,
    Ignored,
}

impl<H> Router<H> {
    /// Builds the router of a registry.
    ///
    /// # Panics
    /// When two rows contradict each other or a template is malformed: the registry is part of the program, and every
    /// start (thus every test) would show it.
    pub fn new(ops: Vec<Op<H>>) -> Self {
        let mut paths = matchit::Router::new();
        for path in distinct_paths(&ops) {
            let methods: Vec<_> = ops
                .iter()
                .enumerate()
                .filter(|(_, op)| op.path == path)
                .map(|(index, op)| (op.method.clone(), index))
                .collect();
            let known = Known { allow: allow_header(path, &methods), methods };
            if let Err(error) = paths.insert(path, known) {
                panic!("path template {path}: {error}");
            }
        }
        Self { ops, paths, trailing_slash: TrailingSlash::Counts }
    }

    /// Lets `/things/` mean `/things` wherever no operation says otherwise.
    #[must_use]
    pub fn ignoring_trailing_slash(mut self) -> Self {
        self.trailing_slash = TrailingSlash::Ignored;
        self
    }

    /// The registry, for [`Dialect::ops`](crate::Dialect::ops).
    pub fn infos(&self) -> Vec<OpInfo> {
        self.ops.iter().map(|op| OpInfo { name: op.name, method: op.method.clone(), path: op.path }).collect()
    }

    /// The operation at a place in the registry.
    pub fn op(&self, index: usize) -> &Op<H> {
        &self.ops[index]
    }

    /// Finds the operation a request means and puts the decoded path parameters into the request.
    ///
    /// Templates are compared with the path as it was sent, so an encoded slash never separates segments.
    pub fn route(&self, request: &mut Request) -> Result<usize, Rejection> {
        let (index, params) = self.find(&request.method, request.uri.path())?;
        request.params = params;
        Ok(index)
    }

    fn find(&self, method: &Method, path: &str) -> Result<(usize, Vec<(String, String)>), Rejection> {
        let matched = match self.paths.at(path) {
            Ok(matched) => matched,
            Err(_) => self.find_without_slash(path).ok_or(Rejection::UnknownPath)?,
        };
        let Some((_, index)) = matched.value.methods.iter().find(|(known, _)| known == method) else {
            return Err(Rejection::WrongMethod { allow: matched.value.allow.clone() });
        };
        let mut params = Vec::with_capacity(matched.params.len());
        for (name, value) in matched.params.iter() {
            let decoded = percent_decode_str(value).decode_utf8().map_err(|_| Rejection::BadPath)?;
            params.push((name.to_owned(), decoded.into_owned()));
        }
        Ok((*index, params))
    }

    fn find_without_slash<'p>(&self, path: &'p str) -> Option<matchit::Match<'_, 'p, &Known>> {
        if self.trailing_slash == TrailingSlash::Counts {
            return None;
        }
        self.paths.at(path.strip_suffix('/')?).ok()
    }
}

fn distinct_paths<H>(ops: &[Op<H>]) -> Vec<&'static str> {
    let mut paths: Vec<_> = ops.iter().map(|op| op.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn allow_header(path: &str, methods: &[(Method, usize)]) -> HeaderValue {
    let mut names: Vec<_> = methods.iter().map(|(method, _)| method.as_str()).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(count, names.len(), "two operations answer the same method of {path}");
    HeaderValue::from_str(&names.join(", ")).expect("method names are tokens")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> Router<()> {
        Router::new(vec![
            Op::new("list", Method::GET, "/v2/images", ()),
            Op::new("create", Method::POST, "/v2/images", ()),
            Op::new("show", Method::GET, "/v2/images/{id}", ()),
            Op::new("tag", Method::PUT, "/v2/images/{id}/tags/{tag}", ()),
            Op::new("root", Method::GET, "/", ()),
        ])
    }

    fn name_of(router: &Router<()>, method: &Method, path: &str) -> Result<&'static str, Rejection> {
        router.find(method, path).map(|(index, _)| router.op(index).name)
    }

    #[test]
    fn an_operation_is_found_by_method_and_path() {
        let router = router();
        assert_eq!(name_of(&router, &Method::GET, "/v2/images"), Ok("list"));
        assert_eq!(name_of(&router, &Method::POST, "/v2/images"), Ok("create"));
        assert_eq!(name_of(&router, &Method::GET, "/"), Ok("root"));
        assert_eq!(name_of(&router, &Method::GET, "/v3"), Err(Rejection::UnknownPath));
        let allow = HeaderValue::from_static("GET, POST");
        assert_eq!(name_of(&router, &Method::DELETE, "/v2/images"), Err(Rejection::WrongMethod { allow }));
    }

    #[test]
    fn parameters_are_decoded_and_an_encoded_slash_stays_inside_its_segment() {
        let router = router();
        let (_, params) = router.find(&Method::PUT, "/v2/images/a%2Fb/tags/%C3%A9t%C3%A9").expect("found");
        assert_eq!(params, [("id".to_owned(), "a/b".to_owned()), ("tag".to_owned(), "été".to_owned())]);
    }

    #[test]
    fn a_trailing_slash_counts_unless_told_otherwise() {
        assert_eq!(name_of(&router(), &Method::GET, "/v2/images/"), Err(Rejection::UnknownPath));
        let lenient = router().ignoring_trailing_slash();
        assert_eq!(name_of(&lenient, &Method::GET, "/v2/images/"), Ok("list"));
        assert_eq!(name_of(&lenient, &Method::GET, "/v3/"), Err(Rejection::UnknownPath));
    }

    #[test]
    #[should_panic(expected = "two operations answer the same method")]
    fn a_contradictory_registry_does_not_start() {
        Router::new(vec![Op::new("a", Method::GET, "/x", ()), Op::new("b", Method::GET, "/x", ())]);
    }
}
