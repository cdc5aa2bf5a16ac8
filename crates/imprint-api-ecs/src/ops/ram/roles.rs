//! Roles of an account: rights that others can take on for a while.

use imprint_identity::{NewRamRole, RamRole, RamRolePatch};
use serde_json::{Value, json};

use super::codes::{
    self, BAD_DOCUMENT, BAD_DURATION, DESCRIPTION_LENGTH, MANY_ROLES, NEW_DESCRIPTION_LENGTH, NO_ROLE, ROLE_EXISTS,
    ROLE_NAME_LENGTH, ROLE_NAME_LETTERS, ROLE_WITH_POLICY,
};
use super::{MARKER, MAX_ITEMS, ROLE_NAME, date, page, paged, project, role_name, text};
use crate::call::Call;
use crate::error::Problem;
use crate::op::{Api, Effect, Kind, Op, Outcome, Parameter};

/// What the longest session of a role may be set to, seconds.
const SESSION_SECS: std::ops::RangeInclusive<u32> = 3_600..=43_200;

pub(super) const OPS: &[Op] = &[
    Op::new(Api::Ram, Effect::Changes, "CreateRole", "Makes a role of the account.", |call| Box::pin(create(call)))
        .parameters(&[
            ROLE_NAME.required(),
            Parameter::text("AssumeRolePolicyDocument", "Who may take it on: a trust document, JSON.").required(),
            Parameter::text("Description", "Free text, at most 1024 characters."),
            Parameter::of("MaxSessionDuration", Kind::Number, "Longest session, 3600 (default) to 43200 seconds."),
        ])
        .codes(&[
            ROLE_NAME_LENGTH,
            ROLE_NAME_LETTERS,
            BAD_DOCUMENT,
            BAD_DURATION,
            DESCRIPTION_LENGTH,
            ROLE_EXISTS,
            MANY_ROLES,
        ])
        .resources(|_| vec!["role/*".to_owned()]),
    Op::new(Api::Ram, Effect::Reads, "GetRole", "Shows a role.", |call| Box::pin(get(call)))
        .parameters(&[ROLE_NAME.required()])
        .codes(&[ROLE_NAME_LENGTH, ROLE_NAME_LETTERS, NO_ROLE])
        .resources(named),
    Op::new(Api::Ram, Effect::Reads, "ListRoles", "Lists the roles of the account.", |call| Box::pin(list(call)))
        .parameters(&[MARKER, MAX_ITEMS])
        .resources(|_| vec!["role/*".to_owned()]),
    Op::new(Api::Ram, Effect::Changes, "UpdateRole", "Changes whom a role trusts, and for how long.", |call| {
        Box::pin(update(call))
    })
    .parameters(&[
        ROLE_NAME.required(),
        Parameter::text("NewAssumeRolePolicyDocument", "Who may take it on from now on."),
        Parameter::text("NewDescription", "New free text."),
        Parameter::of("NewMaxSessionDuration", Kind::Number, "New bound for sessions, 3600 to 43200 seconds."),
    ])
    .codes(&[ROLE_NAME_LENGTH, ROLE_NAME_LETTERS, BAD_DOCUMENT, BAD_DURATION, NEW_DESCRIPTION_LENGTH, NO_ROLE])
    .resources(named),
    Op::new(
        Api::Ram,
        Effect::Changes,
        "DeleteRole",
        "Removes a role that has no policies, and ends its sessions.",
        |call| Box::pin(delete(call)),
    )
    .parameters(&[ROLE_NAME.required()])
    .codes(&[ROLE_NAME_LENGTH, ROLE_NAME_LETTERS, NO_ROLE, ROLE_WITH_POLICY])
    .resources(named),
];

pub(super) fn named(call: &Call) -> Vec<String> {
    vec![call.resource("role", "RoleName")]
}

/// A role of the account, as a resource.
pub(super) fn arn(call: &Call, name: &str) -> String {
    format!("acs:ram::{}:role/{name}", call.who.account)
}

fn refused(error: imprint_identity::Error) -> Problem {
    codes::of(error, "Role").into()
}

async fn create(call: Call) -> Outcome {
    let secs = call.params.within("MaxSessionDuration", SESSION_SECS, BAD_DURATION)?;
    let new = NewRamRole {
        name: role_name(&call)?.to_owned(),
        description: text(&call, "Description", 0..=1_024)?.unwrap_or_default().to_owned(),
        trust_document: call.params.need("AssumeRolePolicyDocument")?.to_owned(),
        max_session_secs: secs.unwrap_or(*SESSION_SECS.start()),
    };
    let role = call.parts.identity.create_ram_role(project(&call), new).await.map_err(refused)?;
    Ok(json!({ "Role": view(&call, &role) }))
}

async fn get(call: Call) -> Outcome {
    let role = call.parts.identity.ram_role(project(&call), role_name(&call)?).await.map_err(refused)?;
    Ok(json!({ "Role": view(&call, &role) }))
}

async fn list(call: Call) -> Outcome {
    let (after, limit) = page(&call)?;
    let roles = call.parts.identity.list_ram_roles(project(&call), after, limit + 1).await.map_err(refused)?;
    let (roles, mut answer) = paged(roles, limit, |role| role.name.clone());
    let roles: Vec<Value> = roles.iter().map(|role| view(&call, role)).collect();
    answer.insert("Roles".to_owned(), json!({ "Role": roles }));
    Ok(answer.into())
}

async fn update(call: Call) -> Outcome {
    let patch = RamRolePatch {
        description: text(&call, "NewDescription", 0..=1_024)?.map(str::to_owned),
        trust_document: call.params.text("NewAssumeRolePolicyDocument").map(str::to_owned),
        max_session_secs: call.params.within("NewMaxSessionDuration", SESSION_SECS, BAD_DURATION)?,
    };
    let role = call.parts.identity.update_ram_role(project(&call), role_name(&call)?, patch).await.map_err(refused)?;
    Ok(json!({ "Role": view(&call, &role) }))
}

async fn delete(call: Call) -> Outcome {
    call.parts.identity.delete_ram_role(project(&call), role_name(&call)?).await.map_err(refused)?;
    Ok(json!({}))
}

fn view(call: &Call, role: &RamRole) -> Value {
    let RamRole { id, project_id: _, name, description, trust_document, max_session_secs, created_at } = role;
    json!({
        "RoleId": id,
        "RoleName": name,
        "Arn": arn(call, name),
        "Description": description,
        "AssumeRolePolicyDocument": trust_document,
        "MaxSessionDuration": max_session_secs,
        "CreateDate": date(*created_at),
        "UpdateDate": date(*created_at),
    })
}
