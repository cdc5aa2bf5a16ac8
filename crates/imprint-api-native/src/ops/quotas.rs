//! Limits of single accounts, for administrators.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::ProjectId;

use super::bound_users::project;
use super::{Act, Outcome, Row, ok, read};
use crate::parts::Parts;
use crate::{view, wire};

const ALL: &str = "/imprint/v1/accounts/{account}/quotas";
const ONE: &str = "/imprint/v1/accounts/{account}/quotas/{quota}";

pub(super) const OPS: &[Row] = &[
    Op::new("list_quotas", Method::GET, ALL, Act::Admin(|parts, request| Box::pin(list(parts, request)))),
    Op::new("set_quota", Method::PUT, ONE, Act::Admin(|parts, request| Box::pin(set(parts, request)))),
    Op::new("unset_quota", Method::DELETE, ONE, Act::Admin(|parts, request| Box::pin(unset(parts, request)))),
];

async fn list(parts: Arc<Parts>, request: Request) -> Outcome {
    let project = ProjectId(project(&parts.identity, &request).await?);
    shown(&parts, &project).await
}

async fn set(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::SetQuota { most } = read(&mut request).await?;
    changed(&parts, &request, Some(most)).await
}

async fn unset(parts: Arc<Parts>, request: Request) -> Outcome {
    changed(&parts, &request, None).await
}

async fn changed(parts: &Parts, request: &Request, most: Option<i64>) -> Outcome {
    let project = ProjectId(project(&parts.identity, request).await?);
    parts.service.set_quota(&project, request.param("quota"), most).await?;
    shown(parts, &project).await
}

async fn shown(parts: &Parts, project: &ProjectId) -> Outcome {
    let quotas = parts.service.quotas(project).await?;
    ok(&wire::Items { items: quotas.into_iter().map(view::quota).collect::<Vec<_>>() })
}
