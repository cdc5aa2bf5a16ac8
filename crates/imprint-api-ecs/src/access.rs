//! What somebody may do: the rules an account's owner wrote for its users and roles, asked for every resource of a
//! call. What roles allow is the engine's to say; here only who may manage the account's own users.

use data_encoding::BASE64;
use imprint_identity::Principal;
use imprint_model::{Decision, GrantFacts};
use serde_json::json;

use crate::call::Call;
use crate::fault::{Code, Fault, code};
use crate::op::Api;

/// The refusal of the services that are not about images.
pub(crate) const NO_PERMISSION: Code =
    Code::new(403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.");

/// Permits a call, or says why not.
///
/// # Errors
/// `Forbidden.RAM`, `NoPermission`.
pub(crate) fn permit(call: &Call) -> Result<(), Fault> {
    let (action, facts) = (call.op.action(), facts(call));
    for resource in (call.op.resources)(call) {
        let decision = call.who.signer.decide(&action, &full_name(call, &resource), &facts);
        if decision != Decision::Allowed {
            return Err(denied(call, decision));
        }
    }
    Ok(())
}

/// `acs:ecs:{region}:{account}:image/{id}`.
fn full_name(call: &Call, resource: &str) -> String {
    let account = &call.who.account;
    match call.op.api {
        Api::Ecs => format!("acs:ecs:{}:{account}:{resource}", call.region),
        // users and roles are in no region
        Api::Sts | Api::Ram => format!("acs:ram:*:{account}:{resource}"),
    }
}

/// What is known about a call, for conditions.
pub(crate) fn facts(call: &Call) -> GrantFacts {
    let mut facts = GrantFacts::new();
    let mut add = |key: String, value: String| facts.entry(key).or_default().push(value);
    add("acs:CurrentTime".to_owned(), call.now.to_rfc3339_seconds());
    // what terminates TLS stands in front of this service
    add("acs:SecureTransport".to_owned(), "false".to_owned());
    add("acs:MFAPresent".to_owned(), "false".to_owned());
    add("acs:SourceIp".to_owned(), call.who.source.to_canonical().to_string());
    add("acs:PrincipalArn".to_owned(), call.who.signer.principal_arn());
    for tag in call.params.tags() {
        if let Some(key) = tag.key {
            add(format!("acs:RequestTag/{key}"), tag.value.unwrap_or_default().to_owned());
        }
    }
    facts
}

fn denied(call: &Call, decision: Decision) -> Fault {
    let signer = &call.who.signer;
    let kind = match signer.principal {
        Principal::Account { .. } => "RootUser",
        Principal::User { .. } => "SubUser",
        Principal::Role { .. } => "AssumedRoleUser",
    };
    let explicit = decision == Decision::ExplicitlyDenied;
    let (action, denial) = (call.op.action(), if explicit { "ExplicitDeny" } else { "ImplicitDeny" });
    let diagnostics = json!({ "Action": action, "PrincipalId": signer.principal_id(), "Denial": denial }).to_string();
    let detail = json!({
        "AuthAction": action,
        "AuthPrincipalType": kind,
        "AuthPrincipalDisplayName": signer.principal_id(),
        "AuthPrincipalOwnerId": call.who.account,
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "NoPermissionType": denial,
        "EncodedDiagnosticMessage": BASE64.encode(diagnostics.as_bytes()),
    });
    let code = if call.op.api == Api::Ecs { code::FORBIDDEN_RAM } else { NO_PERMISSION };
    Fault { denied: Some(detail), ..code.fault() }
}
