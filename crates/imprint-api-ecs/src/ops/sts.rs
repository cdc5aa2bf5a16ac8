//! Temporary credentials: a role taken on for a while, a user's own rights for a while, and who one is.

use imprint_identity::{AssumeRole, Error, Kind, Principal, TemporaryKey};
use serde_json::{Value, json};

use crate::access::{self, NO_PERMISSION};
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault};
use crate::op::{self, Api, Effect, Op, Outcome, Parameter};

/// Longest document that narrows a session, bytes.
const POLICY_BYTES_MAX: usize = 2_048;

const BAD_ROLE: Code = Code::new(400, "InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.");
const BAD_SESSION: Code =
    Code::new(400, "InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.");
const BAD_DURATION: Code = Code::new(
    400,
    "InvalidParameter.DurationSeconds",
    "The DurationSeconds must be at least 900 and no longer than the role's longest session.",
);
const BAD_POLICY: Code =
    Code::new(400, "InvalidParameter.PolicyGrammar", "The parameter Policy has not passed grammar check.");
const LONG_POLICY: Code =
    Code::new(400, "InvalidParameter.PolicySize", "The size of Policy must be smaller than 2048 bytes.");
const NO_ROLE: Code = Code::new(404, "EntityNotExist.Role", "The specified Role not exists.");

const DURATION: Parameter =
    Parameter::of("DurationSeconds", op::Kind::Number, "For how long: 900 to 43200 seconds; default an hour.");
const POLICY: Parameter = Parameter::text("Policy", "A document that narrows the session, at most 2048 bytes.");

pub(super) const OPS: &[Op] = &[
    Op::new(Api::Sts, Effect::Changes, "AssumeRole", "Lends a role to one whom it trusts.", |call| {
        Box::pin(assume_role(call))
    })
    .parameters(&[
        Parameter::text("RoleArn", "The role: `acs:ram::ACCOUNT:role/NAME`.").required(),
        Parameter::text("RoleSessionName", "What the session is called: 2 to 64 letters, digits, `.@-_`.").required(),
        DURATION,
        POLICY,
        Parameter::text("ExternalId", "What the role's trust may ask for."),
    ])
    .codes(&[BAD_ROLE, BAD_SESSION, BAD_DURATION, BAD_POLICY, LONG_POLICY, NO_ROLE, NO_PERMISSION])
    // identity asks, for the role may be another account's
    .exempt(|_| true),
    Op::new(Api::Sts, Effect::Changes, "GetSessionToken", "Lends a user or account its own rights.", |call| {
        Box::pin(session_token(call))
    })
    .parameters(&[DURATION, POLICY])
    .codes(&[BAD_DURATION, BAD_POLICY, LONG_POLICY, NO_PERMISSION])
    .exempt(|_| true),
    Op::new(Api::Sts, Effect::Reads, "GetCallerIdentity", "Says who asks.", |call| Box::pin(caller_identity(call)))
        .exempt(|_| true),
];

async fn assume_role(call: Call) -> Outcome {
    let (role_arn, session) = (call.params.need("RoleArn")?, call.params.need("RoleSessionName")?);
    if !role_arn.starts_with("acs:ram::") || !role_arn.contains(":role/") || role_arn.len() > 256 {
        return Err(BAD_ROLE.fault().into());
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte);
    if !(2..=64).contains(&session.len()) || !session.bytes().all(fits) {
        return Err(BAD_SESSION.fault().into());
    }
    let wanted = AssumeRole {
        role_arn: role_arn.to_owned(),
        session_name: session.to_owned(),
        duration_secs: duration(&call)?,
        policy: policy(&call)?,
        external_id: call.params.text("ExternalId").map(str::to_owned),
    };
    let facts = access::facts(&call);
    let key = call.parts.identity.assume_role(&call.who.signer, wanted, &facts).await.map_err(refused)?;
    let user = json!({ "Arn": key.arn, "AssumedRoleId": key.principal_id });
    Ok(json!({ "AssumedRoleUser": user, "Credentials": credentials(&key) }))
}

async fn session_token(call: Call) -> Outcome {
    let (duration, policy) = (duration(&call)?, policy(&call)?);
    let key = call.parts.identity.session_token(&call.who.signer, duration, policy).map_err(refused)?;
    Ok(json!({ "Credentials": credentials(&key) }))
}

async fn caller_identity(call: Call) -> Outcome {
    let signer = &call.who.signer;
    let mut answer = json!({
        "AccountId": call.who.account,
        "Arn": signer.arn(),
        "PrincipalId": signer.principal_id(),
        "IdentityType": signer.identity_type(),
    });
    match &signer.principal {
        Principal::Account { .. } => answer["UserId"] = json!(call.who.account),
        Principal::User { id, .. } => answer["UserId"] = json!(id),
        Principal::Role { id, .. } => answer["RoleId"] = json!(id),
    }
    Ok(answer)
}

fn duration(call: &Call) -> Result<Option<u32>, Fault> {
    call.params.within("DurationSeconds", 900..=43_200, BAD_DURATION)
}

fn policy(call: &Call) -> Result<Option<String>, Fault> {
    match call.params.text("Policy") {
        Some(policy) if policy.len() > POLICY_BYTES_MAX => Err(LONG_POLICY.fault()),
        policy => Ok(policy.map(str::to_owned)),
    }
}

fn refused(error: Error) -> Problem {
    match error {
        Error::NotFound { kind: Kind::Role | Kind::Project, .. } => NO_ROLE.fault().into(),
        Error::Forbidden(why) => NO_PERMISSION.with_message(why).into(),
        Error::Document(why) => BAD_POLICY.with_message(why.to_string()).into(),
        // names and shapes were looked at before; what is left is the bound that the role sets
        Error::Invalid(why) => BAD_DURATION.with_message(why).into(),
        other => other.into(),
    }
}

fn credentials(key: &TemporaryKey) -> Value {
    json!({
        "AccessKeyId": key.access_key_id,
        "AccessKeySecret": key.access_key_secret,
        "SecurityToken": key.security_token,
        "Expiration": key.expires_at.to_rfc3339_seconds(),
    })
}
