//! One request from what was sent to what is answered: who, for which project, and then the operation. Never here: any
//! operation.

use std::sync::Arc;

use bytes::Bytes;
use imprint_http::{Body, Request, Response};
use imprint_model::{Caller, UserId, role};

use crate::answer::{self, wire_request_id};
use crate::auth;
use crate::body::JSON_BYTES_MAX;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Fault, code};
use crate::op::{Access, Content, Op, Outcome};
use crate::parts::Parts;

/// Answers a request that means `op`.
pub(crate) async fn serve(parts: Arc<Parts>, op: &'static Op, request: Request) -> Response {
    let request_id = wire_request_id(&request.request_id);
    let response = match carry_out(parts, op, request).await {
        Ok(response) => response,
        Err(problem) => answer::refusal(problem.settle(op), &request_id),
    };
    answer::labelled(response, &request_id)
}

async fn carry_out(parts: Arc<Parts>, op: &'static Op, mut request: Request) -> Outcome {
    let now = parts.clock.now();
    let caller = match op.access {
        Access::Open => nobody(&request.request_id),
        Access::Project => {
            let caller = auth::authenticate(&parts, op, &mut request, now).await?;
            within_account(caller)
        }
    };
    let (content, stream) = match op.content {
        Content::Whole => (whole(&mut request).await?, Body::empty()),
        Content::Stream => (Bytes::new(), std::mem::replace(&mut request.body, Body::empty())),
    };
    let region = parts.service.settings().home_region().to_owned();
    let Request { uri, headers, query, params, .. } = request;
    let call = Call { parts, caller, region, uri, headers, params, query, content, stream };
    if op.names_project() && call.project()?.as_str() != call.param("project_id") {
        return Err(code::WRONG_PROJECT.fault().into());
    }
    (op.run)(call).await
}

async fn whole(request: &mut Request) -> Result<Bytes, Problem> {
    Ok(request.body.read_all(JSON_BYTES_MAX).await.map_err(Fault::from)?)
}

/// Whoever calls an open operation.
fn nobody(request_id: &str) -> Caller {
    Caller {
        user: UserId(String::new()),
        project: None,
        roles: Vec::new(),
        grants: None,
        request_id: request_id.to_owned(),
    }
}

/// This API knows projects and nothing above them: whoever administers the installation is one project's manager here.
fn within_account(caller: Caller) -> Caller {
    let roles = caller
        .roles
        .into_iter()
        .map(|held| if held.eq_ignore_ascii_case(role::ADMIN) { role::MANAGER.to_owned() } else { held });
    Caller { roles: roles.collect(), ..caller }
}
