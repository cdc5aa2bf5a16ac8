//! One request from what was sent to what is answered, in the order of checks the API states: who, which operation, how
//! often, what parameters, by which rules, and then the operation.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use http::Method;
use imprint_http::{Request, Response};
use imprint_identity::Signer;
use imprint_model::{Caller, Timestamp, role};
use imprint_service::{Ask, Once};
use sha2::{Digest, Sha256};

use crate::answer::Frame;
use crate::auth::{self, refusal};
use crate::call::{Call, Who};
use crate::fault::{Fault, code};
use crate::gather::{Gathered, Head};
use crate::op::{Api, Effect, Op, Outcome, Region};
use crate::params::Params;
use crate::parts::Parts;
use crate::{access, ops};

/// Longest `ClientToken`.
const TOKEN_CHARS_MAX: usize = 64;
/// Parameters that say how a request is sent, not what it asks for: two requests may differ in them and be one.
const NOT_BUSINESS: [&str; 18] = [
    "AccessKeyId",
    "Action",
    "ClientToken",
    "DryRun",
    "Format",
    "OwnerAccount",
    "OwnerId",
    "RegionId",
    "ResourceOwnerAccount",
    "ResourceOwnerId",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// All operations by version and name, with their places in the table.
#[derive(Debug)]
pub(crate) struct Registry(BTreeMap<(&'static str, &'static str), (usize, &'static Op)>);

impl Registry {
    pub(crate) fn new() -> Self {
        let rows = ops::all().enumerate().map(|(place, op)| ((op.api.version(), op.name), (place, op)));
        Self(rows.collect())
    }

    /// The operation of a version and a name, with its place.
    ///
    /// # Errors
    /// `InvalidVersion`, `InvalidAction.NotFound`.
    pub(crate) fn find(&self, version: &str, action: &str) -> Result<(usize, &'static Op), Fault> {
        if Api::ALL.iter().all(|api| api.version() != version) {
            return Err(refusal::BAD_VERSION.fault());
        }
        self.0.get(&(version, action)).copied().ok_or_else(|| refusal::UNKNOWN_ACTION.fault())
    }
}

/// Answers a request; also the place of the operation it turned out to mean.
pub(crate) async fn serve(parts: Arc<Parts>, registry: &Registry, mut request: Request) -> (Option<usize>, Response) {
    let head = Head::of(&mut request);
    let frame = |head: &Head, format| Frame { format, request_id: head.request_id.clone(), host: head.host.clone() };
    if head.method != Method::GET && head.method != Method::POST {
        return (None, frame(&head, head.format()).failure(refusal::BAD_HTTP_METHOD.fault()));
    }
    let gathered = match Gathered::read(head, request).await {
        Ok(gathered) => gathered,
        Err((head, fault)) => return (None, frame(&head, head.format()).failure(fault)),
    };
    let frame = frame(&gathered.head, gathered.format());
    let now = parts.clock.now();
    let signer = match auth::authenticate(&parts, &gathered, now).await {
        Ok(signer) => signer,
        Err(fault) => return (None, frame.failure(fault)),
    };
    let found = registry.find(gathered.version().unwrap_or_default(), gathered.action().unwrap_or_default());
    let (place, op) = match found {
        Ok(found) => found,
        Err(fault) => return (None, frame.failure(fault)),
    };
    let response = match carry_out(parts, op, signer, gathered, now).await {
        Ok(body) => frame.success(op.name, body),
        Err(problem) => frame.failure(problem.settle(op)),
    };
    (Some(place), response)
}

async fn carry_out(parts: Arc<Parts>, op: &'static Op, signer: Signer, gathered: Gathered, now: Timestamp) -> Outcome {
    parts.throttle.admit(&signer.account_number, op.name, now)?;
    let (host, request_id) = (gathered.head.host.clone(), gathered.head.request_id.clone());
    let source = gathered.head.remote.ip();
    let params = gathered.params()?;
    let caller = signer.caller(&request_id);
    let region = params.text("RegionId").filter(|_| !matches!(op.region, Region::Ignored)).map(str::to_owned);
    let who = Who { account: signer.account_number.clone(), signer, source };
    let mut call = Call {
        op,
        region: region.unwrap_or_else(|| parts.service.settings().home_region().to_owned()),
        parts,
        caller: within_account(caller),
        who: Arc::new(who),
        params,
        ask: Ask::default(),
        now,
        host,
    };
    access::permit(&call).await?;
    check(&call)?;
    call.ask = ask(&call)?;
    let dry_look = op.effect == Effect::Reads && call.ask.dry_run;
    let body = (op.run)(call).await?;
    if dry_look { Err(code::DRY_RUN.fault().into()) } else { Ok(body) }
}

/// This API knows accounts and nothing above them: whoever administers the installation is one account's manager here.
fn within_account(caller: Caller) -> Caller {
    let roles = caller
        .roles
        .into_iter()
        .map(|held| if held.eq_ignore_ascii_case(role::ADMIN) { role::MANAGER.to_owned() } else { held });
    Caller { roles: roles.collect(), grants: None, ..caller }
}

/// What the operation's row says of its parameters.
fn check(call: &Call) -> Result<(), Fault> {
    let given = call.params.text("RegionId");
    let unknown = match call.op.region {
        Region::Ignored => None,
        Region::Optional { unknown } => Some(unknown),
        Region::Required { missing, .. } | Region::OrElsewhere { missing, .. } if given.is_none() => {
            return Err(missing.filled(&["RegionId"]));
        }
        Region::Required { unknown, .. } | Region::OrElsewhere { unknown, .. } => Some(unknown),
    };
    if let (Some(given), Some(unknown)) = (given, unknown)
        && !call.parts.has_region(given)
        && !(matches!(call.op.region, Region::OrElsewhere { .. }) && call.parts.service.is_elsewhere(given))
    {
        return Err(unknown.fault());
    }
    for parameter in call.op.parameters.iter().filter(|parameter| !parameter.is_numbered()) {
        if let Some(missing) = parameter.missing
            && call.params.text(parameter.name).is_none()
        {
            return Err(missing.filled(&[parameter.name]));
        }
    }
    Ok(())
}

/// How the call is asked for.
fn ask(call: &Call) -> Result<Ask, Fault> {
    let dry_run = call.op.api == Api::Ecs && call.params.flag("DryRun")?;
    let token = call.params.text("ClientToken").filter(|_| call.op.token.is_some());
    let once = match token {
        None => None,
        Some(token) if token.is_ascii() && token.len() <= TOKEN_CHARS_MAX => Some(Once {
            scope: format!("{}/{}", call.region, call.op.name),
            token: token.to_owned(),
            fingerprint: fingerprint(&call.params),
        }),
        Some(_) => return Err(code::BAD_CLIENT_TOKEN.fault()),
    };
    Ok(Ask { once, dry_run })
}

/// Stands for what is asked for. Names and values are told apart by their lengths, so that no two requests share one.
fn fingerprint(params: &Params) -> String {
    let mut digest = Sha256::new();
    for (name, value) in params.iter().filter(|(name, _)| !NOT_BUSINESS.contains(name)) {
        for text in [name, value] {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
    }
    HEXLOWER.encode(&digest.finalize())
}
