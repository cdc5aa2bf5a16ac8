//! Policies: the account's own, and those that every account has.

use imprint_identity::{NewPolicy, Policy, PolicyHolder, PolicyKind};
use serde_json::{Value, json};

use super::codes::{
    BAD_DOCUMENT, BAD_POLICY_TYPE, DESCRIPTION_LENGTH, DOCUMENT_LENGTH, MANY_POLICIES, NO_POLICY, POLICY_EXISTS,
    POLICY_NAME_LENGTH, POLICY_NAME_LETTERS, POLICY_OF_ROLE, POLICY_OF_USER,
};
use super::{
    MARKER, MAX_ITEMS, POLICY_NAME, POLICY_TYPE, codes, date, page, paged, policy_name, project, refused, text,
};
use crate::call::Call;
use crate::error::Problem;
use crate::fault::Fault;
use crate::op::{Api, Effect, Op, Outcome, Parameter};

/// Longest document, bytes.
const DOCUMENT_BYTES_MAX: usize = 6_144;

pub(super) const OPS: &[Op] = &[
    Op::new(Api::Ram, Effect::Changes, "CreatePolicy", "Makes a policy of the account.", |call| Box::pin(create(call)))
        .parameters(&[
            POLICY_NAME.required(),
            Parameter::text("PolicyDocument", "The document, JSON, at most 6144 bytes.").required(),
            Parameter::text("Description", "Free text, at most 1024 characters."),
        ])
        .codes(&[
            POLICY_NAME_LENGTH,
            POLICY_NAME_LETTERS,
            DOCUMENT_LENGTH,
            BAD_DOCUMENT,
            DESCRIPTION_LENGTH,
            POLICY_EXISTS,
            MANY_POLICIES,
        ])
        .resources(|_| vec!["policy/*".to_owned()]),
    Op::new(Api::Ram, Effect::Reads, "GetPolicy", "Shows a policy with its document.", |call| Box::pin(get(call)))
        .parameters(&[POLICY_NAME.required(), POLICY_TYPE.required()])
        .codes(&[POLICY_NAME_LENGTH, POLICY_NAME_LETTERS, BAD_POLICY_TYPE, NO_POLICY])
        .resources(named),
    Op::new(
        Api::Ram,
        Effect::Reads,
        "ListPolicies",
        "Lists the installation's policies and the account's own.",
        |call| Box::pin(list(call)),
    )
    .parameters(&[POLICY_TYPE, MARKER, MAX_ITEMS])
    .codes(&[BAD_POLICY_TYPE])
    .resources(|_| vec!["policy/*".to_owned()]),
    Op::new(Api::Ram, Effect::Changes, "DeletePolicy", "Removes a policy of the account that nobody has.", |call| {
        Box::pin(delete(call))
    })
    .parameters(&[POLICY_NAME.required()])
    .codes(&[POLICY_NAME_LENGTH, POLICY_NAME_LETTERS, NO_POLICY, POLICY_OF_USER, POLICY_OF_ROLE])
    .resources(named),
    Op::new(
        Api::Ram,
        Effect::Reads,
        "ListEntitiesForPolicy",
        "Lists the users and roles that have a policy.",
        |call| Box::pin(entities(call)),
    )
    .parameters(&[POLICY_NAME.required(), POLICY_TYPE.required()])
    .codes(&[POLICY_NAME_LENGTH, POLICY_NAME_LETTERS, BAD_POLICY_TYPE, NO_POLICY])
    .resources(named),
];

fn named(call: &Call) -> Vec<String> {
    vec![call.resource("policy", "PolicyName")]
}

/// `PolicyType`, as far as it is given.
fn wanted_kind(call: &Call) -> Result<Option<PolicyKind>, Fault> {
    call.params.text("PolicyType").map(|word| word.parse().map_err(|_| BAD_POLICY_TYPE.fault())).transpose()
}

/// `PolicyType`, which must be given.
pub(super) fn kind(call: &Call) -> Result<PolicyKind, Fault> {
    call.params.need("PolicyType")?;
    wanted_kind(call)?.ok_or_else(|| BAD_POLICY_TYPE.fault())
}

async fn create(call: Call) -> Outcome {
    let document = call.params.need("PolicyDocument")?;
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(DOCUMENT_LENGTH.fault().into());
    }
    let new = NewPolicy {
        name: policy_name(&call)?.to_owned(),
        description: text(&call, "Description", 0..=1_024)?.unwrap_or_default().to_owned(),
        document: document.to_owned(),
    };
    let policy = call.parts.identity.create_policy(project(&call), new).await.map_err(refused)?;
    Ok(json!({ "Policy": view(&policy) }))
}

async fn get(call: Call) -> Outcome {
    let (kind, name) = (kind(&call)?, policy_name(&call)?);
    let policy = call.parts.identity.policy(project(&call), kind, name).await.map_err(refused)?;
    let mut shown = view(&policy);
    shown["PolicyDocument"] = json!(policy.document);
    let version = json!({
        "VersionId": "v1",
        "IsDefaultVersion": true,
        "PolicyDocument": policy.document,
        "CreateDate": shown["UpdateDate"],
    });
    Ok(json!({ "Policy": shown, "DefaultPolicyVersion": version }))
}

/// Both kinds one after the other: a marker says in which it goes on, and after which name.
async fn list(call: Call) -> Outcome {
    let (marker, limit) = page(&call)?;
    let only = wanted_kind(&call)?;
    let marker = marker.as_deref().and_then(|marker| marker.split_once(':'));
    let mut policies = Vec::new();
    for kind in [PolicyKind::System, PolicyKind::Custom] {
        let left = limit + 1 - u32::try_from(policies.len()).unwrap_or(limit + 1);
        let passed = marker.is_some_and(|(at, _)| at == PolicyKind::Custom.as_str() && kind == PolicyKind::System);
        if only.is_some_and(|only| only != kind) || passed || left == 0 {
            continue;
        }
        let after = marker.filter(|(at, _)| *at == kind.as_str()).map(|(_, name)| name.to_owned());
        policies.extend(call.parts.identity.list_policies(project(&call), kind, after, left).await.map_err(refused)?);
    }
    let (policies, mut answer) = paged(policies, limit, |policy| format!("{}:{}", policy.kind.as_str(), policy.name));
    let policies: Vec<Value> = policies.iter().map(view).collect();
    answer.insert("Policies".to_owned(), json!({ "Policy": policies }));
    Ok(answer.into())
}

async fn delete(call: Call) -> Outcome {
    let name = policy_name(&call)?;
    match call.parts.identity.delete_policy(project(&call), name).await {
        Ok(()) => Ok(json!({})),
        Err(imprint_identity::Error::InUse { .. }) => Err(held(&call, name).await),
        Err(error) => Err(refused(error)),
    }
}

/// Who is in the way of a policy's end.
async fn held(call: &Call, name: &str) -> Problem {
    match call.parts.identity.holders_of_policy(project(call), PolicyKind::Custom, name).await {
        Ok(holders) if holders.iter().all(|holder| matches!(holder.holder, PolicyHolder::Role(_))) => {
            POLICY_OF_ROLE.fault().into()
        }
        Ok(_) => POLICY_OF_USER.fault().into(),
        Err(error) => codes::of(error, "User").into(),
    }
}

async fn entities(call: Call) -> Outcome {
    let (kind, name) = (kind(&call)?, policy_name(&call)?);
    let holders = call.parts.identity.holders_of_policy(project(&call), kind, name).await.map_err(refused)?;
    let (mut users, mut roles) = (Vec::new(), Vec::new());
    for held in holders {
        let since = date(held.attached_at);
        match held.holder {
            PolicyHolder::User(name) => {
                users.push(json!({ "UserId": held.id, "UserName": name, "DisplayName": "", "AttachDate": since }));
            }
            PolicyHolder::Role(name) => {
                let arn = super::roles::arn(&call, &name);
                let role = json!({ "RoleId": held.id, "RoleName": name, "Arn": arn, "AttachDate": since });
                roles.push(role);
            }
        }
    }
    Ok(json!({ "Groups": { "Group": [] }, "Users": { "User": users }, "Roles": { "Role": roles } }))
}

pub(super) fn view(policy: &Policy) -> Value {
    let Policy { kind, name, description, document: _, created_at, updated_at } = policy;
    json!({
        "PolicyName": name,
        "PolicyType": kind.as_str(),
        "Description": description,
        "DefaultVersion": "v1",
        "CreateDate": created_at.map(date).unwrap_or_default(),
        "UpdateDate": updated_at.map(date).unwrap_or_default(),
    })
}
