//! Users of an account.

use imprint_identity::{NewRamUser, RamUser, RamUserPatch};
use serde_json::{Value, json};

use super::codes::{
    COMMENTS_LENGTH, DISPLAY_NAME_LENGTH, MANY_USERS, NEW_COMMENTS_LENGTH, NEW_DISPLAY_NAME_LENGTH,
    NEW_USER_NAME_LENGTH, NEW_USER_NAME_LETTERS, NO_USER, USER_EXISTS, USER_NAME_LENGTH, USER_NAME_LETTERS,
    USER_WITH_KEY, USER_WITH_POLICY,
};
use super::{MARKER, MAX_ITEMS, USER_NAME, date, page, paged, project, refused, text, user_name};
use crate::call::Call;
use crate::op::{Api, Effect, Op, Outcome, Parameter};

const DISPLAY_NAME: Parameter = Parameter::text("DisplayName", "What it is shown as, at most 128 characters.");
const COMMENTS: Parameter = Parameter::text("Comments", "Free text, at most 128 characters.");

pub(super) const OPS: &[Op] = &[
    Op::new(Api::Ram, Effect::Changes, "CreateUser", "Makes a user of the account.", |call| Box::pin(create(call)))
        .parameters(&[USER_NAME.required(), DISPLAY_NAME, COMMENTS])
        .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, DISPLAY_NAME_LENGTH, COMMENTS_LENGTH, USER_EXISTS, MANY_USERS])
        .resources(|_| vec!["user/*".to_owned()]),
    Op::new(Api::Ram, Effect::Reads, "GetUser", "Shows a user of the account.", |call| Box::pin(get(call)))
        .parameters(&[USER_NAME.required()])
        .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, NO_USER])
        .resources(named),
    Op::new(Api::Ram, Effect::Reads, "ListUsers", "Lists the users of the account.", |call| Box::pin(list(call)))
        .parameters(&[MARKER, MAX_ITEMS])
        .resources(|_| vec!["user/*".to_owned()]),
    Op::new(Api::Ram, Effect::Changes, "UpdateUser", "Renames or describes a user anew.", |call| {
        Box::pin(update(call))
    })
    .parameters(&[
        USER_NAME.required(),
        Parameter::text("NewUserName", "Its new name."),
        Parameter::text("NewDisplayName", "What it is shown as from now on."),
        Parameter::text("NewComments", "New free text."),
    ])
    .codes(&[
        USER_NAME_LENGTH,
        USER_NAME_LETTERS,
        NEW_USER_NAME_LENGTH,
        NEW_USER_NAME_LETTERS,
        NEW_DISPLAY_NAME_LENGTH,
        NEW_COMMENTS_LENGTH,
        NO_USER,
        USER_EXISTS,
    ])
    .resources(named),
    Op::new(Api::Ram, Effect::Changes, "DeleteUser", "Removes a user that has neither keys nor policies.", |call| {
        Box::pin(delete(call))
    })
    .parameters(&[USER_NAME.required()])
    .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, NO_USER, USER_WITH_KEY, USER_WITH_POLICY])
    .resources(named),
];

pub(super) fn named(call: &Call) -> Vec<String> {
    vec![call.resource("user", "UserName")]
}

async fn create(call: Call) -> Outcome {
    let new = NewRamUser {
        name: user_name(&call, "UserName")?.to_owned(),
        display_name: text(&call, "DisplayName", 0..=128)?.unwrap_or_default().to_owned(),
        comments: text(&call, "Comments", 0..=128)?.unwrap_or_default().to_owned(),
        password: None,
    };
    let user = call.parts.identity.create_ram_user(project(&call), new).await.map_err(refused)?;
    Ok(json!({ "User": view(&user) }))
}

async fn get(call: Call) -> Outcome {
    let name = user_name(&call, "UserName")?;
    let user = call.parts.identity.ram_user(project(&call), name).await.map_err(refused)?;
    Ok(json!({ "User": view(&user) }))
}

async fn list(call: Call) -> Outcome {
    let (after, limit) = page(&call)?;
    let users = call.parts.identity.list_ram_users(project(&call), after, limit + 1).await.map_err(refused)?;
    let (users, mut answer) = paged(users, limit, |user| user.name.clone());
    let users: Vec<Value> = users.iter().map(view).collect();
    answer.insert("Users".to_owned(), json!({ "User": users }));
    Ok(answer.into())
}

async fn update(call: Call) -> Outcome {
    let name = user_name(&call, "UserName")?;
    let new_name = match call.params.text("NewUserName") {
        Some(_) => Some(user_name(&call, "NewUserName")?.to_owned()),
        None => None,
    };
    let patch = RamUserPatch {
        name: new_name,
        display_name: text(&call, "NewDisplayName", 0..=128)?.map(str::to_owned),
        comments: text(&call, "NewComments", 0..=128)?.map(str::to_owned),
    };
    let user = call.parts.identity.update_ram_user(project(&call), name, patch).await.map_err(refused)?;
    Ok(json!({ "User": view(&user) }))
}

async fn delete(call: Call) -> Outcome {
    let name = user_name(&call, "UserName")?;
    call.parts.identity.delete_ram_user(project(&call), name).await.map_err(refused)?;
    Ok(json!({}))
}

fn view(user: &RamUser) -> Value {
    let RamUser { id, project_id: _, name, display_name, comments, created_at } = user;
    json!({
        "UserId": id,
        "UserName": name,
        "DisplayName": display_name,
        "MobilePhone": "",
        "Email": "",
        "Comments": comments,
        "CreateDate": date(*created_at),
        "UpdateDate": date(*created_at),
        "LastLoginDate": "",
    })
}
