//! An image of a whole server: of all its disks, or of a backup. Backups are snapshots of system disks here.

use http::Method;
use imprint_model::{Facts, ImageId, InstanceId, SnapshotId};
use imprint_service::{Conflict, Error, ImageSource, MakeImage};

use super::jobs::{label, started};
use super::making::body::{Members, Told, bad, require_maker};
use super::making::{count, joined};
use crate::call::Call;
use crate::fault::{Code, Fault, code, img};
use crate::op::{Family, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] = &[Op::new(
    Family::Creation,
    "create_whole_image",
    Method::POST,
    "/v1/cloudimages/wholeimages/action",
    "Makes an image of all disks of a server that is stopped or runs here, or of a backup, which is a snapshot of a \
     system disk here; a job.",
    run!(create),
)
.parameters(&[
    Parameter::body("name", "1 to 128 letters, digits, blanks, `-`, `.` and `_`.").required(),
    Parameter::body("instance_id", "The server: stopped, or running here."),
    Parameter::body("backup_id", "The backup, instead of a server."),
    Parameter::body("vault_id", "Has no effect: backups have no places of their own here."),
    Parameter::body("whole_image_type", "`CBR` or `CSBS`: both are alike here."),
    Parameter::body("description", "At most 1024 characters."),
    Parameter::body("max_ram", "Most memory, MiB."),
    Parameter::body("min_ram", "Least memory, MiB."),
    Parameter::body("tags", "Texts `key.value`; not together with `image_tags`."),
    Parameter::body("image_tags", "Objects of `key` and `value`."),
    Parameter::body("enterprise_project_id", "The enterprise project to put it in."),
])
.codes(CODES)
.faults(faults)];

const NO_SERVER: Code = img("IMG.0012");
const SERVER_NOT_FOUND: Code = img("IMG.0005");
const SERVER_STAGE: Code = img("IMG.0126");
const SERVER_BUSY: Code = img("IMG.0010");
const NO_SYSTEM_DISK: Code = img("IMG.0119");
const DISK_STATUS: Code = img("IMG.0022");
const BACKUP_NOT_FOUND: Code = img("IMG.0020");
const BACKUP_NOT_READY: Code = img("IMG.0032");
const BACKUP_OF_DATA: Code = img("IMG.0033");

const LISTS: &[&[Code]] = &[
    Told::CODES,
    &[
        NO_SERVER,
        SERVER_NOT_FOUND,
        SERVER_STAGE,
        SERVER_BUSY,
        NO_SYSTEM_DISK,
        DISK_STATUS,
        BACKUP_NOT_FOUND,
        BACKUP_NOT_READY,
        BACKUP_OF_DATA,
        code::FLOW_CONTROL,
    ],
];
const CODES: &[Code] = &joined::<{ count(LISTS) }>(LISTS);

async fn create(call: Call) -> Outcome {
    let body = call.object()?;
    let members = Members(&body);
    let mut told = Told::read(members)?;
    require_maker(&call)?;
    told.note("__whole_image", "true");
    if !matches!(members.text("whole_image_type")?, None | Some("CBR" | "CSBS")) {
        return Err(bad("whole_image_type").into());
    }
    let (source, label) = match (members.text("instance_id")?, members.text("backup_id")?) {
        (Some(_), Some(_)) => return Err(bad("instance_id together with backup_id").into()),
        (Some(id), None) => {
            let id: InstanceId = id.parse().map_err(|_| SERVER_NOT_FOUND.fault())?;
            told.note("__data_origin", format!("instance,{id}"));
            (ImageSource::Instance(id), label::WHOLE_OF_SERVER)
        }
        (None, Some(id)) => {
            let id: SnapshotId = id.parse().map_err(|_| BACKUP_NOT_FOUND.fault())?;
            told.note("__backup_id", id.to_string());
            (ImageSource::Snapshot(id), label::WHOLE_OF_BACKUP)
        }
        (None, None) => return Err(NO_SERVER.fault().into()),
    };
    let new = told.new_image(0, label);
    let job = new.job.id;
    let wanted = MakeImage {
        region: call.region.clone(),
        source,
        name: Some(told.name),
        id: ImageId::random(),
        facts: told.facts,
        otherwise: Facts::default(),
        tags: told.tags,
    };
    call.parts.service.make_images(&call.caller, vec![(wanted, new)], None).await?;
    Ok(started(job))
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::Unsupported(_) | Error::Conflict(Conflict::InstanceStatus | Conflict::InstanceNeedsRestart) => {
            SERVER_STAGE
        }
        Error::Conflict(Conflict::InstanceLocked) => SERVER_BUSY,
        Error::Conflict(Conflict::SnapshotNotSystem) => BACKUP_OF_DATA,
        _ => return None,
    };
    Some(code.fault())
}
