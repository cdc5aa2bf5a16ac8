//! Resource groups: `CreateResourceGroup`, `GetResourceGroup`, `ListResourceGroups`, `DeleteResourceGroup`. Every account
//! has a default group besides, which has no id and is not listed. What puts things into them is
//! `join_resource_group.rs`.

use imprint_service::{CreateGroup, Error, Field, ResourceGroup};
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, code};
use crate::op::{Api, Effect, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter};

const GROUP: Parameter = Parameter::text("ResourceGroupId", "The group.").required();

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    Op::new(Api::Groups, Effect::Changes, "CreateResourceGroup", "Makes a resource group.", |call| {
        Box::pin(create(call))
    })
    .parameters(&[
        Parameter::text("Name", "Its identifier: 3 to 50 letters, digits and hyphens; unique within the account.")
            .required(),
        Parameter::text("DisplayName", "For people, up to 50 characters.").required(),
    ])
    .codes(&[BAD_NAME, BAD_DISPLAY_NAME, TAKEN])
    .resources(|_| vec!["resourcegroup/*".to_owned()])
    .faults(|error| match error {
        Error::Duplicate(_) => Some(TAKEN.fault()),
        Error::Invalid { field: Field::Name, .. } => Some(BAD_NAME.fault()),
        _ => None,
    }),
    Op::new(Api::Groups, Effect::Reads, "GetResourceGroup", "Shows a resource group.", |call| Box::pin(get(call)))
        .parameters(&[GROUP])
        .codes(&[NOT_FOUND])
        .resources(|call| vec![call.resource("resourcegroup", "ResourceGroupId")]),
    Op::new(Api::Groups, Effect::Reads, "ListResourceGroups", "Lists resource groups, oldest first.", |call| {
        Box::pin(list(call))
    })
    .parameters(&[
        Parameter::text("Name", "Only the one of this identifier."),
        Parameter::text("ResourceGroupId", "Only the one of this id."),
        PAGE_NUMBER,
        PAGE_SIZE,
    ])
    .resources(|_| vec!["resourcegroup/*".to_owned()]),
    Op::new(
        Api::Groups,
        Effect::Changes,
        "DeleteResourceGroup",
        "Deletes a resource group that nothing is in.",
        |call| Box::pin(delete(call)),
    )
    .parameters(&[GROUP])
    .codes(&[NOT_FOUND, IN_USE])
    .resources(|call| vec![call.resource("resourcegroup", "ResourceGroupId")])
    .faults(|error| match error {
        Error::NotFound(_) => Some(NOT_FOUND.fault()),
        Error::InUse(_) => Some(IN_USE.fault()),
        _ => None,
    }),
];

const BAD_NAME: Code = Code::new(400, "InvalidParameter.Name", "The specified parameter Name is not valid.");
const BAD_DISPLAY_NAME: Code =
    Code::new(400, "InvalidParameter.DisplayName", "The specified parameter DisplayName is not valid.");
const TAKEN: Code = Code::new(409, "EntityAlreadyExists.ResourceGroup", "The resource group already exists.");
const NOT_FOUND: Code = Code::new(404, "EntityNotExists.ResourceGroup", "The resource group does not exist.");
const IN_USE: Code = Code::new(409, "DeleteConflict.ResourceGroup.Resource", "The resource group is not empty.");
/// Longest identifier.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=50;
/// Longest name for people.
const DISPLAY_NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=50;

async fn create(call: Call) -> Outcome {
    let (name, display_name) = (call.params.need("Name")?, call.params.need("DisplayName")?);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !NAME_CHARS.contains(&name.len()) || !name.bytes().all(fits) {
        return Err(BAD_NAME.fault().into());
    }
    if !DISPLAY_NAME_CHARS.contains(&display_name.chars().count()) || display_name.contains('\0') {
        return Err(BAD_DISPLAY_NAME.fault().into());
    }
    let id = format!("rg-{}", imprint_model::ImageId::random().short());
    let wanted = CreateGroup { id: id.clone(), name: name.to_owned(), display_name: display_name.to_owned() };
    call.parts.service.create_group(&call.caller, wanted, call.ask.clone()).await?;
    let group = find(&call, &id).await?;
    Ok(json!({ "ResourceGroup": shown(&call, &group) }))
}

async fn get(call: Call) -> Outcome {
    let group = find(&call, call.params.need("ResourceGroupId")?).await?;
    Ok(json!({ "ResourceGroup": shown(&call, &group) }))
}

async fn list(call: Call) -> Outcome {
    let params = &call.params;
    let paging = params.paging(10, 100, code::INVALID_PARAMETER)?;
    let groups = call.parts.service.groups(&call.caller).await?;
    let wanted: Vec<&ResourceGroup> = groups
        .iter()
        .filter(|group| params.text("Name").is_none_or(|name| name == group.name))
        .filter(|group| params.text("ResourceGroupId").is_none_or(|id| id == group.id))
        .collect();
    let skipped = usize::try_from(u64::from(paging.number - 1) * u64::from(paging.size)).unwrap_or(usize::MAX);
    let page = wanted.iter().skip(skipped).take(paging.size as usize);
    Ok(json!({
        "TotalCount": wanted.len(),
        "PageNumber": paging.number,
        "PageSize": paging.size,
        "ResourceGroups": { "ResourceGroup": page.map(|group| shown(&call, group)).collect::<Vec<_>>() },
    }))
}

async fn delete(call: Call) -> Outcome {
    let group = find(&call, call.params.need("ResourceGroupId")?).await?;
    call.parts.service.delete_group(&call.caller, &group.id, call.ask.clone()).await?;
    Ok(json!({ "ResourceGroup": shown(&call, &group) }))
}

/// A group of the account; accounts have few.
async fn find(call: &Call, id: &str) -> Result<ResourceGroup, Problem> {
    let groups = call.parts.service.groups(&call.caller).await?;
    groups.into_iter().find(|group| group.id == id).ok_or_else(|| NOT_FOUND.fault().into())
}

fn shown(call: &Call, group: &ResourceGroup) -> Value {
    let regions: Vec<Value> =
        call.parts.regions().iter().map(|region| json!({ "RegionId": region, "Status": "OK" })).collect();
    json!({
        "Id": group.id,
        "Name": group.name,
        "DisplayName": group.display_name,
        "AccountId": call.who.account,
        "Status": "OK",
        "CreateDate": group.created_at.to_rfc3339_seconds(),
        "RegionStatuses": { "RegionStatus": regions },
    })
}
