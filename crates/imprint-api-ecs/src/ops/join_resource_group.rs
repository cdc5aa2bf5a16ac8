//! `JoinResourceGroup`: puts a thing into another resource group.

use imprint_service::{Error, Resource};
use serde_json::json;

use crate::call::Call;
use crate::fault::code;
use crate::inventory::codes::RESOURCE_NOT_FOUND;
use crate::inventory::tagged::{TYPE_NOT_FOUND, Type};
use crate::op::{Effect, Op, Outcome, Parameter};
use crate::ops::tags::resources;
use crate::params::missing;

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Changes, "JoinResourceGroup", "Puts a thing into another resource group.", |call| {
        Box::pin(join(call))
    })
    .parameters(&[
        Parameter::text("ResourceGroupId", "The group; given but empty, it is the account's default group."),
        Parameter::text("ResourceId", "The thing.").required(),
        Parameter::text("ResourceType", "`image`, `instance`, `disk` or `snapshot`.").required(),
    ])
    .codes(&[TYPE_NOT_FOUND, RESOURCE_NOT_FOUND, code::RESOURCE_GROUP_NOT_FOUND])
    .resources(resources)
    .faults(|error| match error {
        Error::NotFound(Resource::Region(_) | Resource::ResourceGroup(_)) => None,
        Error::NotFound(_) => Some(RESOURCE_NOT_FOUND.fault()),
        _ => None,
    })];

async fn join(call: Call) -> Outcome {
    let params = &call.params;
    let kind = Type::named(params.need("ResourceType")?).ok_or_else(|| TYPE_NOT_FOUND.fault())?;
    let thing = kind.thing(params.need("ResourceId")?).ok_or_else(|| RESOURCE_NOT_FOUND.fault())?;
    let group = params.given("ResourceGroupId").ok_or_else(|| missing("ResourceGroupId"))?;
    let group = Some(group.to_owned()).filter(|group| !group.is_empty());
    call.parts.service.move_to_group(&call.caller, &call.region, thing, group, call.ask.clone()).await?;
    Ok(json!({}))
}
