//! Access keys of an account's users. Without `UserName` they are the asking user's own.

use imprint_identity::Principal;
use serde_json::{Value, json};

use super::codes::{BAD_STATUS, MANY_KEYS, NO_KEY, NO_USER, USER_NAME_LENGTH, USER_NAME_LETTERS};
use super::{USER_NAME, date, project, refused, user_name};
use crate::call::Call;
use crate::fault::Fault;
use crate::op::{Api, Effect, Op, Outcome, Parameter};
use crate::params::missing;

const KEY_ID: Parameter = Parameter::text("UserAccessKeyId", "The key's id.");

pub(super) const OPS: &[Op] = &[
    Op::new(
        Api::Ram,
        Effect::Changes,
        "CreateAccessKey",
        "Makes an access key and shows its secret, this once.",
        |call| Box::pin(create(call)),
    )
    .parameters(&[USER_NAME])
    .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, NO_USER, MANY_KEYS])
    .resources(of_user),
    Op::new(Api::Ram, Effect::Reads, "ListAccessKeys", "Lists a user's access keys.", |call| Box::pin(list(call)))
        .parameters(&[USER_NAME])
        .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, NO_USER])
        .resources(of_user),
    Op::new(Api::Ram, Effect::Changes, "UpdateAccessKey", "Switches an access key on or off.", |call| {
        Box::pin(update(call))
    })
    .parameters(&[USER_NAME, KEY_ID.required(), Parameter::text("Status", "`Active` or `Inactive`.").required()])
    .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, NO_USER, NO_KEY, BAD_STATUS])
    .resources(of_user),
    Op::new(Api::Ram, Effect::Changes, "DeleteAccessKey", "Removes an access key.", |call| Box::pin(delete(call)))
        .parameters(&[USER_NAME, KEY_ID.required()])
        .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, NO_USER, NO_KEY])
        .resources(of_user),
];

/// The user that is named, or the one who asks.
fn owner(call: &Call) -> Result<&str, Fault> {
    match (&call.who.signer.principal, call.params.text("UserName")) {
        (Principal::User { name, .. }, None) => Ok(name),
        (_, None) => Err(missing("UserName")),
        (_, Some(_)) => user_name(call, "UserName"),
    }
}

fn of_user(call: &Call) -> Vec<String> {
    vec![format!("user/{}", owner(call).unwrap_or("*"))]
}

async fn create(call: Call) -> Outcome {
    let key = call.parts.identity.create_ram_key(project(&call), owner(&call)?).await.map_err(refused)?;
    Ok(json!({ "AccessKey": {
        "AccessKeyId": key.id,
        "AccessKeySecret": key.secret,
        "Status": "Active",
        "CreateDate": date(call.now),
    } }))
}

async fn list(call: Call) -> Outcome {
    let keys = call.parts.identity.list_ram_keys(project(&call), owner(&call)?).await.map_err(refused)?;
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| {
            let status = if key.enabled { "Active" } else { "Inactive" };
            json!({ "AccessKeyId": key.id, "Status": status, "CreateDate": date(key.created_at) })
        })
        .collect();
    Ok(json!({ "AccessKeys": { "AccessKey": keys } }))
}

async fn update(call: Call) -> Outcome {
    let (owner, key) = (owner(&call)?, call.params.need("UserAccessKeyId")?);
    let enabled = match call.params.need("Status")? {
        "Active" => true,
        "Inactive" => false,
        _ => return Err(BAD_STATUS.fault().into()),
    };
    call.parts.identity.set_ram_key_enabled(project(&call), owner, key, enabled).await.map_err(refused)?;
    Ok(json!({}))
}

async fn delete(call: Call) -> Outcome {
    let (owner, key) = (owner(&call)?, call.params.need("UserAccessKeyId")?);
    call.parts.identity.delete_ram_key(project(&call), owner, key).await.map_err(refused)?;
    Ok(json!({}))
}
