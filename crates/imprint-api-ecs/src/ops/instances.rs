//! What is done with machines that are there: starting, stopping, deleting, one or many at a time, and changing what
//! they say of themselves. Where nothing runs machines, nothing pretends to: a start that could otherwise be is refused
//! with a code of its own.

use imprint_model::InstanceId;
use imprint_service::{Ask, ChangeInstance, Conflict, DeleteInstances, Error, RebootInstance, StopInstance};
use serde_json::{Value, json};

use crate::call::Call;
use crate::conflict;
use crate::error::Problem;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::inventory::codes::{BAD_DESCRIPTION, IDS_MAX, description, name};
use crate::inventory::{names, words};
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region};
use crate::params::{invalid, missing};

const INSTANCE: Parameter = Parameter::text("InstanceId", "The machine.").required();
const INSTANCES: Parameter = Parameter::text("InstanceId.N", "The machines, up to 100.");
const TOGETHER: Parameter =
    Parameter::text("BatchOptimization", "`AllTogether` (default: all of them or none) or `SuccessFirst`.");
const FORCE_STOP: Parameter = Parameter::of("ForceStop", Kind::Truth, "Whether it is cut off instead of asked.");
const STOPPED_MODE: Parameter =
    Parameter::text("StoppedMode", "`KeepCharging` or `StopCharging`; here they are the same.");
const FORCE: Parameter = Parameter::of("Force", Kind::Truth, "Delete it although it runs.");
const STOP_CODES: &[Code] =
    &[code::INSTANCE_NOT_FOUND, conflict::INSTANCE_STATUS, LOCKED, conflict::NO_SYSTEM_DISK, CANNOT_RUN];
const DELETE_CODES: &[Code] =
    &[code::INSTANCE_NOT_FOUND, conflict::INSTANCE_STATUS, INITIALIZING, conflict::INSTANCE_PROTECTED, LOCKED];

const fn one(op: Op) -> Op {
    op.region(Region::Ignored).resources(|call| vec![call.resource("instance", "InstanceId")])
}

const fn many(op: Op) -> Op {
    op.resources(|call| {
        let named = call.params.list("InstanceId");
        if named.is_empty() {
            return vec!["instance/*".to_owned()];
        }
        named.into_iter().map(|id| format!("instance/{id}")).collect()
    })
}

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    one(Op::ecs(Effect::Changes, "StartInstance", "Starts a machine.", |call| Box::pin(single(call, Power::Start))))
        .parameters(&[INSTANCE])
        .codes(STOP_CODES)
        .faults(faults),
    one(Op::ecs(Effect::Changes, "StopInstance", "Stops a machine.", |call| Box::pin(single(call, Power::Stop))))
        .parameters(&[INSTANCE, FORCE_STOP, STOPPED_MODE])
        .codes(STOP_CODES)
        .faults(faults),
    one(Op::ecs(Effect::Changes, "RebootInstance", "Stops a machine and starts it.", |call| {
        Box::pin(single(call, Power::Reboot))
    }))
    .parameters(&[INSTANCE, FORCE_STOP])
    .codes(STOP_CODES)
    .faults(faults),
    many(Op::ecs(Effect::Changes, "StartInstances", "Starts machines.", |call| Box::pin(plural(call, Power::Start))))
        .parameters(&[INSTANCES, TOGETHER])
        .codes(STOP_CODES)
        .faults(faults),
    many(Op::ecs(Effect::Changes, "StopInstances", "Stops machines.", |call| Box::pin(plural(call, Power::Stop))))
        .parameters(&[INSTANCES, TOGETHER, FORCE_STOP, STOPPED_MODE])
        .codes(STOP_CODES)
        .faults(faults),
    many(Op::ecs(Effect::Changes, "RebootInstances", "Stops machines and starts them.", |call| {
        Box::pin(plural(call, Power::Reboot))
    }))
    .parameters(&[INSTANCES, TOGETHER, FORCE_STOP])
    .codes(STOP_CODES)
    .faults(faults),
    one(Op::ecs(
        Effect::Changes,
        "DeleteInstance",
        "Deletes a machine, and those of its disks that go along.",
        |call| Box::pin(delete(call)),
    ))
    .parameters(&[INSTANCE, FORCE])
    .codes(DELETE_CODES)
    .faults(delete_faults),
    many(Op::ecs(Effect::Changes, "DeleteInstances", "Deletes machines: all of them or none.", |call| {
        Box::pin(delete_many(call))
    }))
    .parameters(&[INSTANCES, FORCE])
    .codes(DELETE_CODES)
    .token(code::IDEMPOTENT_MISMATCH)
    .faults(delete_faults),
    one(Op::ecs(Effect::Changes, "ModifyInstanceAttribute", "Changes what a machine says of itself.", |call| {
        Box::pin(modify(call))
    }))
    .parameters(&[
        INSTANCE,
        Parameter::text("InstanceName", "Its name; absent keeps it."),
        Parameter::text("HostName", "The name it calls itself; absent keeps it."),
        Parameter::text("Description", "For people; absent keeps it."),
        Parameter::text("UserData", "What its first boot is told, in Base64; absent keeps it."),
        Parameter::of("DeletionProtection", Kind::Truth, "Whether it refuses to be deleted."),
    ])
    .codes(&[
        code::INSTANCE_NOT_FOUND,
        BAD_NAME,
        BAD_HOST_NAME,
        BAD_DESCRIPTION,
        BAD_USER_DATA,
        LARGE_USER_DATA,
        conflict::INSTANCE_STATUS,
    ]),
];

/// Machines cannot run here.
pub(crate) const CANNOT_RUN: Code =
    Code::new(403, "OperationDenied", "Instances cannot be started by this installation because it has no hypervisor.");
/// A machine's name that cannot be one.
pub(crate) const BAD_NAME: Code =
    Code::new(400, "InvalidInstanceName.Malformed", "The specified parameter \"InstanceName\" is not valid.");
/// A name that no machine can call itself.
pub(crate) const BAD_HOST_NAME: Code =
    Code::new(400, "InvalidHostName.Malformed", "The specified parameter \"HostName\" is not valid.");
/// What the first boot is told is not Base64.
pub(crate) const BAD_USER_DATA: Code =
    Code::new(400, "InvalidUserData.Base64FormatInvalid", "The specified parameter UserData must be base64 encoded.");
/// What the first boot is told is too long.
pub(crate) const LARGE_USER_DATA: Code =
    Code::new(400, "InvalidUserData.SizeExceeded", "The specified parameter UserData exceeds the size.");
const LOCKED: Code = Code::new(
    403,
    "InstanceLockedForSecurity",
    "The specified operation is denied as your instance is locked for security reasons.",
);
const INITIALIZING: Code = Code::new(
    403,
    "IncorrectInstanceStatus.Initializing",
    "The specified instance status does not support this operation.",
);
/// Longest text for the first boot, in bytes before it is written in Base64.
const USER_DATA_BYTES_MAX: usize = 32 << 10;

/// What is done about a machine's running.
#[derive(Debug, Clone, Copy)]
enum Power {
    Start,
    Stop,
    Reboot,
}

impl Power {
    /// The word for where a machine is once this is done.
    fn after(self) -> &'static str {
        match self {
            Self::Start => "Starting",
            Self::Stop | Self::Reboot => "Stopping",
        }
    }

    async fn apply(self, call: &Call, instance: InstanceId, ask: Ask) -> Result<(), Error> {
        let (service, caller) = (&call.parts.service, &call.caller);
        let force = call.params.text("ForceStop").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        match self {
            Self::Start => service.start_instance(caller, instance, ask).await,
            Self::Reboot => service.reboot_instance(caller, RebootInstance { instance, force }, ask).await,
            Self::Stop => service.stop_instance(caller, StopInstance { instance, force }, ask).await,
        }
    }
}

async fn single(call: Call, power: Power) -> Outcome {
    check_stop(&call)?;
    let instance: InstanceId = call.id("InstanceId", code::INSTANCE_NOT_FOUND)?;
    power.apply(&call, instance, call.ask.clone()).await?;
    Ok(json!({}))
}

/// All together: each is asked first whether it could be done, and one that cannot is the answer for all.
async fn plural(call: Call, power: Power) -> Outcome {
    check_stop(&call)?;
    let one_by_one = match call.params.text("BatchOptimization") {
        None | Some("AllTogether") => false,
        Some("SuccessFirst") => true,
        Some(_) => return Err(invalid("BatchOptimization").into()),
    };
    let instances = several(&call)?;
    if !one_by_one || call.ask.dry_run {
        for &instance in &instances {
            call.require_here(instance).await?;
            match power.apply(&call, instance, Ask { dry_run: true, once: None }).await {
                Ok(()) | Err(Error::DryRun) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if call.ask.dry_run {
        return Err(Error::DryRun.into());
    }
    let mut responses = Vec::with_capacity(instances.len());
    for instance in instances {
        responses.push(response(&call, power, instance).await?);
    }
    Ok(json!({ "InstanceResponses": { "InstanceResponse": responses } }))
}

/// What became of one machine of many. A failure of ours is the answer to the whole request.
async fn response(call: &Call, power: Power, instance: InstanceId) -> Result<Value, Problem> {
    let machine = call.require_here(instance).await;
    let known = machine.as_ref().ok().and_then(Option::as_ref);
    let before = known.map(|machine| words::instance_status(machine.status)).unwrap_or_default();
    let applied = match machine {
        Ok(_) => power.apply(call, instance, Ask::default()).await,
        Err(error) => Err(error),
    };
    let (code, message, after) = match applied {
        Ok(()) => ("200".to_owned(), "success".to_owned(), power.after()),
        Err(error) => {
            let fault = Problem::from(error).settle(call.op);
            if fault.status.is_server_error() {
                return Err(fault.into());
            }
            (fault.code.to_owned(), fault.message.into_owned(), before)
        }
    };
    Ok(json!({
        "InstanceId": instance.wire(),
        "Code": code,
        "Message": message,
        "PreviousStatus": before,
        "CurrentStatus": after,
    }))
}

async fn delete(call: Call) -> Outcome {
    let instances = vec![call.id::<InstanceId>("InstanceId", code::INSTANCE_NOT_FOUND)?];
    let wanted = DeleteInstances { instances, force: call.params.flag("Force")? };
    call.parts.service.delete_instances(&call.caller, wanted, call.ask).await?;
    Ok(json!({}))
}

async fn delete_many(call: Call) -> Outcome {
    let instances = several(&call)?;
    for &instance in &instances {
        call.require_here(instance).await?;
    }
    let wanted = DeleteInstances { instances, force: call.params.flag("Force")? };
    call.parts.service.delete_instances(&call.caller, wanted, call.ask).await?;
    Ok(json!({}))
}

async fn modify(call: Call) -> Outcome {
    let params = &call.params;
    let wanted = ChangeInstance {
        instance: call.id("InstanceId", code::INSTANCE_NOT_FOUND)?,
        name: name(params.text("InstanceName"), BAD_NAME)?,
        host_name: host_name(params.text("HostName"))?,
        description: description(params.text("Description"))?,
        user_data: user_data(params.text("UserData"))?,
        protected: params.truth("DeletionProtection")?,
    };
    call.parts.service.change_instance(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({}))
}

/// The machines of `InstanceId.N`, each once.
fn several(call: &Call) -> Result<Vec<InstanceId>, Fault> {
    let given = call.params.list("InstanceId");
    if given.is_empty() {
        return Err(missing("InstanceId"));
    }
    if given.len() > IDS_MAX {
        return Err(invalid("InstanceId"));
    }
    let mut instances = Vec::with_capacity(given.len());
    for text in given {
        let instance = InstanceId::read(text).ok_or_else(|| code::INSTANCE_NOT_FOUND.fault())?;
        if !instances.contains(&instance) {
            instances.push(instance);
        }
    }
    Ok(instances)
}

fn check_stop(call: &Call) -> Result<(), Fault> {
    call.params.truth("ForceStop")?;
    match call.params.text("StoppedMode") {
        None | Some("KeepCharging" | "StopCharging") => Ok(()),
        Some(_) => Err(invalid("StoppedMode")),
    }
}

/// The name a machine calls itself, by its parameter.
pub(crate) fn host_name(text: Option<&str>) -> Result<Option<String>, Fault> {
    match text {
        Some(name) if !names::is_host_name(name) => Err(BAD_HOST_NAME.fault()),
        name => Ok(name.map(str::to_owned)),
    }
}

/// What the first boot is told, kept as it came.
pub(crate) fn user_data(text: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(text) = text else { return Ok(None) };
    if text.len() / 4 * 3 > USER_DATA_BYTES_MAX + 2 {
        return Err(LARGE_USER_DATA.fault());
    }
    match data_encoding::BASE64.decode(text.as_bytes()) {
        Ok(data) if data.len() > USER_DATA_BYTES_MAX => Err(LARGE_USER_DATA.fault()),
        Ok(_) => Ok(Some(text.to_owned())),
        Err(_) => Err(BAD_USER_DATA.fault()),
    }
}

fn faults(error: &Error) -> Option<Fault> {
    match error {
        Error::Unsupported(_) => Some(CANNOT_RUN.fault()),
        Error::Conflict(Conflict::InstanceLocked) => Some(LOCKED.fault()),
        Error::Conflict(Conflict::InstanceRunning) => Some(conflict::INSTANCE_STATUS.fault()),
        Error::Conflict(Conflict::InstanceProtected) => Some(conflict::INSTANCE_PROTECTED.fault()),
        _ => None,
    }
}

/// A machine that cannot be deleted is one that runs, or one that is still being made.
fn delete_faults(error: &Error) -> Option<Fault> {
    match error {
        Error::Conflict(Conflict::InstanceStatus) => Some(INITIALIZING.fault()),
        other => faults(other),
    }
}
