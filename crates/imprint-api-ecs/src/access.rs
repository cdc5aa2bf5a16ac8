//! What somebody may do: the rules an account's owner wrote for its users and roles, asked for every resource of a
//! call. What roles allow is the engine's to say; here only who may manage the account's own users.

use data_encoding::BASE64;
use imprint_identity::Principal;
use imprint_model::{Decision, DiskId, GrantFacts, Grants, ImageId, InstanceId, SnapshotId, split_tag};
use imprint_service::{Error, ListTags, Tagged, TaggedIds};
use serde_json::json;

use crate::call::Call;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::op::{Api, Region};

/// The refusal of the services that are not about images.
pub(crate) const NO_PERMISSION: Code =
    Code::new(403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.");

/// What stands before a tag's key in conditions on a resource's tags.
const TAG_KEYS: [&str; 2] = ["acs:ResourceTag/", "ecs:tag/"];

/// Permits a call, or says why not.
///
/// # Errors
/// `Forbidden.RAM`, `NoPermission`.
pub(crate) async fn permit(call: &Call) -> Result<(), Fault> {
    let (action, known) = (call.op.action(), facts(call));
    if (call.op.exempt)(call) {
        return Ok(());
    }
    let mut resources = (call.op.resources)(call);
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let grants = call.who.signer.grants.as_deref();
    let by_tags = grants.is_some_and(speaks_of_tags);
    let mut places = Vec::with_capacity(resources.len());
    for resource in &resources {
        places.push(if grants.is_some() { region_of(call, resource).await? } else { None });
    }
    // what has no place of its own is where the first thing is that has one, unless the call says where
    let ignored = matches!(call.op.region, Region::Ignored);
    let around = places.iter().flatten().next().filter(|_| ignored).unwrap_or(&call.region).clone();
    for (resource, place) in resources.iter().zip(places) {
        let mut known = known.clone();
        let region = place.unwrap_or_else(|| around.clone());
        if by_tags {
            add_tags(&mut known, call, &region, resource).await?;
        }
        let decision = call.who.signer.decide(&action, &full_name(call, &region, resource), &known);
        if decision != Decision::Allowed {
            return Err(denied(call, decision));
        }
    }
    Ok(())
}

/// Whether any condition asks for tags of a resource, so that they are worth a look.
fn speaks_of_tags(grants: &Grants) -> bool {
    let all = grants.statements.iter().chain(grants.session.iter().flatten());
    let mut keys = all.flat_map(|statement| &statement.conditions).map(|(_, key, _)| key);
    keys.any(|key| TAG_KEYS.iter().any(|before| key.starts_with(before)))
}

/// Where a thing that a resource names is, as it says itself, so that a right in one region is none in another. Images
/// are asked only where the call does not say a region, for it insists on that elsewhere. `None` of what is not there.
async fn region_of(call: &Call, resource: &str) -> Result<Option<String>, Fault> {
    let (service, caller) = (&call.parts.service, &call.caller);
    let region = match resource.split_once('/').and_then(|(kind, id)| tagged(kind, id)) {
        Some(Tagged::Disk(id)) => service.show_disk(caller, id).await.map(|disk| disk.region),
        Some(Tagged::Instance(id)) => service.show_instance(caller, id).await.map(|instance| instance.region),
        Some(Tagged::Snapshot(id)) => service.show_snapshot(caller, id).await.map(|snapshot| snapshot.region),
        Some(Tagged::Image(id)) if matches!(call.op.region, Region::Ignored) => {
            service.show_image(caller, id).await.map(|image| image.region)
        }
        Some(Tagged::Image(_)) | None => return Ok(None),
    };
    match region {
        Err(Error::NotFound(_)) => Ok(None),
        found => Ok(Some(found?)),
    }
}

/// The tags of a resource of the account, as conditions ask for them.
async fn add_tags(facts: &mut GrantFacts, call: &Call, region: &str, resource: &str) -> Result<(), Fault> {
    let ids = match resource.split_once('/').and_then(|(kind, id)| tagged(kind, id)) {
        Some(Tagged::Image(id)) => TaggedIds::Images(vec![id], None),
        Some(Tagged::Disk(id)) => TaggedIds::Disks(vec![id], None),
        Some(Tagged::Snapshot(id)) => TaggedIds::Snapshots(vec![id], None),
        Some(Tagged::Instance(id)) => TaggedIds::Instances(vec![id], None),
        None => return Ok(()),
    };
    if !call.parts.has_region(region) {
        return Ok(());
    }
    let wanted = ListTags { region: region.to_owned(), ids, tags: Vec::new(), limit: 1 };
    for (_, tags) in call.parts.service.list_tags(&call.caller, wanted).await? {
        for tag in &tags {
            let (key, value) = split_tag(tag);
            for before in TAG_KEYS {
                facts.entry(format!("{before}{key}")).or_default().push(value.unwrap_or_default().to_owned());
            }
        }
    }
    Ok(())
}

fn tagged(kind: &str, id: &str) -> Option<Tagged> {
    match kind {
        "image" => Some(Tagged::Image(ImageId::read(id)?)),
        "disk" => Some(Tagged::Disk(DiskId::read(id)?)),
        "snapshot" => Some(Tagged::Snapshot(SnapshotId::read(id)?)),
        "instance" => Some(Tagged::Instance(InstanceId::read(id)?)),
        _ => None,
    }
}

/// `acs:ecs:{region}:{account}:image/{id}`.
fn full_name(call: &Call, region: &str, resource: &str) -> String {
    let account = &call.who.account;
    match call.op.api {
        Api::Ecs => format!("acs:ecs:{region}:{account}:{resource}"),
        // users and roles are in no region
        Api::Sts | Api::Ram => format!("acs:ram:*:{account}:{resource}"),
        Api::Groups => format!("acs:resourcemanager:*:{account}:{resource}"),
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
    Fault { denied: Some(Box::new(detail)), ..code.fault() }
}
