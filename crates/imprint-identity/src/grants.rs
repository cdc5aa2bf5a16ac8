//! What policies permit a user or role: read from the documents attached, kept for a while, and forgotten as soon as the
//! log says that a document or an attachment changed — on this node at once, on others within
//! [`crate::Settings::revocation_staleness_ms`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Tx;
use imprint_catalogue::identity as tables;
use imprint_model::{Action, Grants, Statement, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::ram::document::parse_document;
use crate::ram::{self, Holder, PolicyKind};
use crate::tokens::Claims;
use crate::{Error, Identity, Unauthenticated};

/// How many users' and roles' grants are expected in memory.
const CACHED_EXPECTED: usize = 1_024;
/// Bytes of policy text kept in memory, about.
const CACHED_BYTES_MAX: u64 = 32 << 20;
/// For how long without being read anew, whatever the log says: shorter than the log is kept.
const CACHED_TTL: Duration = Duration::from_secs(600);

/// The operations that stand for an action in the words of policies.
const OPERATIONS: [(Action, &[&str]); 4] = [
    (Action::Read, &["ecs:DescribeImages"]),
    (Action::Download, &["ecs:ExportImage"]),
    (Action::Write, &["ecs:ModifyImageAttribute", "ecs:DeleteImage", "ecs:TagResources", "ecs:UntagResources"]),
    (Action::Share, &["ecs:ModifyImageSharePermission"]),
];
/// The operations that stand for making an image, whatever its bytes come from.
const CREATION: [&str; 3] = ["ecs:ImportImage", "ecs:CreateImage", "ecs:CopyImage"];
/// What stands before a tag's key in conditions on an image's tags.
const TAG_KEYS: [&str; 2] = ["acs:ResourceTag/", "ecs:tag/"];

/// Grants that were used lately, by the user's or role's id.
pub(crate) struct GrantsCache(Cache<String, Held, ByText>);

#[derive(Clone)]
struct Held {
    grants: Arc<Grants>,
    project_id: Arc<str>,
    /// The last entry of the log its maker had seen.
    seen: i64,
    until: Timestamp,
    text_bytes: u64,
}

#[derive(Clone)]
struct ByText;

impl Weighter<String, Held> for ByText {
    fn weight(&self, id: &String, held: &Held) -> u64 {
        id.len() as u64 + held.text_bytes
    }
}

impl GrantsCache {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(CACHED_EXPECTED, CACHED_BYTES_MAX, ByText))
    }
}

/// Whether policies bound what a user may do.
pub(crate) fn is_bound(tx: &mut Tx<'_>, user_id: &str) -> Result<bool, Error> {
    Ok(tables::grant_user(tx, user_id)?.is_some())
}

impl Identity {
    /// What policies permit whoever these claims speak of; none when only roles bound them. The caller has made sure
    /// that the log is fresh.
    pub(crate) async fn grants_of(&self, claims: &Claims) -> Result<Option<Arc<Grants>>, Unauthenticated> {
        if !claims.bound {
            return Ok(None);
        }
        let (id, now) = (claims.user_id.as_str(), self.0.clock.now());
        if let Some(held) = self.0.grants.0.get(id)
            && now < held.until
            && !self.0.follower.have_documents_changed(id, &held.project_id, held.seen)
        {
            return Ok(Some(held.grants));
        }
        let wanted = id.to_owned();
        let until = now.after(CACHED_TTL);
        let held = self.read(move |tx| load(tx, &wanted, until)).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "policies cannot be read");
            Unauthenticated::Unavailable("the identity tables cannot be read".to_owned())
        })?;
        let held = held.ok_or(Unauthenticated::Rejected)?;
        self.0.grants.0.insert(id.to_owned(), held.clone());
        Ok(Some(held.grants))
    }
}

/// `None` when there is no such user or role.
fn load(tx: &mut Tx<'_>, id: &str, until: Timestamp) -> Result<Option<Held>, Error> {
    let seen = tables::last_revocation(tx)?;
    let (holder, project_id) = match (tables::grant_user(tx, id)?, tables::grant_role(tx, id)?) {
        (Some(user), _) => (Holder::user(id), user.project_id),
        (None, Some(role)) => (Holder::role(id), role.project_id),
        (None, None) => return Ok(None),
    };
    let Some(project) = tables::project(tx, &project_id)? else {
        return Ok(None);
    };
    let mut statements = Vec::new();
    let mut text_bytes = 0;
    for row in tables::grant_attachments_of(tx, holder.kind(), holder.id())? {
        let kind: PolicyKind = row.policy_kind.parse().map_err(Error::Internal)?;
        // a policy that is attached cannot be removed; should it be gone all the same, it might have denied something
        let policy = ram::policy_row(tx, &project_id, kind, &row.policy_name)?;
        let document = policy
            .map(|policy| policy.document)
            .ok_or_else(|| Error::Internal(format!("policy {} is attached to {id} but not there", row.policy_name)))?;
        text_bytes += document.len() as u64;
        let read = parse_document(&document);
        statements.extend(read.map_err(|why| Error::Internal(format!("policy {}: {why}", row.policy_name)))?);
    }
    let grants = Arc::new(for_account(&project.account_number, statements));
    Ok(Some(Held { grants, project_id: project_id.into(), seen, until, text_bytes }))
}

/// Grants in the words of an account.
pub(crate) fn for_account(account_number: &str, statements: Vec<Statement>) -> Grants {
    let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    Grants {
        statements,
        session: None,
        operations: OPERATIONS.iter().map(|(action, words)| (*action, texts(words))).collect::<BTreeMap<_, _>>(),
        image_resource: format!("acs:ecs:{{region}}:{account_number}:image/m-{{id}}"),
        creation: texts(&CREATION),
        creation_resource: format!("acs:ecs:{{region}}:{account_number}:image/*"),
        tag_keys: texts(&TAG_KEYS),
    }
}
