//! Images of a server's system disk and of single disks.

use imprint_model::{DATA_DISKS_MAX, Disk, DiskId, DiskKind, Facts, ImageId, InstanceId};
use imprint_service::{Conflict, Error, ImageSource, JobMark, MakeImage, NewImage, Resource};

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code, img};
use crate::op::Outcome;
use crate::ops::jobs::{label, started};
use crate::ops::making::body::{
    BAD_SYSTEM, BAD_TYPE, DATA_ENVIRONMENT, Members, SYSTEM_GIB, Told, read_machine, read_system,
};

const SERVER_NOT_FOUND: Code = img("IMG.0005");
const SERVER_RUNS: Code = img("IMG.0008");
const SERVER_BUSY: Code = img("IMG.0010");
const NO_SYSTEM_DISK: Code = img("IMG.0119");
const DISK_NOT_FOUND: Code = img("IMG.0120");
const DISK_STATUS: Code = img("IMG.0022");
const OTHER_SERVERS: Code = img("IMG.0140");
const SYSTEM_DISK_TOO_LARGE: Code = img("IMG.0111");

/// Codes of images that are made of disks.
pub(super) const CODES: &[Code] = &[
    SERVER_NOT_FOUND,
    SERVER_RUNS,
    SERVER_BUSY,
    NO_SYSTEM_DISK,
    DISK_NOT_FOUND,
    DISK_STATUS,
    OTHER_SERVERS,
    SYSTEM_DISK_TOO_LARGE,
    code::FLOW_CONTROL,
];

/// A server's system disk, and those of its data disks that are named.
pub(super) async fn of_server(call: &Call, members: Members<'_>) -> Outcome {
    let id = members.need("instance_id", SERVER_NOT_FOUND)?;
    let id: InstanceId = id.parse().map_err(|_| SERVER_NOT_FOUND.fault())?;
    let mut told = Told::read(members)?;
    told.note("__data_origin", format!("instance,{id}"));
    let data = data_disks(call, members, Some(id)).await?;
    require_system_size(call, id).await?;
    let mut new = told.new_image(0, label::OF_SERVER);
    new.job.with = data.iter().map(|(_, new)| new.job.id).collect();
    let job = new.job.id;
    let system = (make(call, ImageSource::SystemDisk(id), told), new);
    let wanted = std::iter::once(system).chain(data).collect();
    begin(call, wanted, None, SERVER_RUNS).await?;
    Ok(started(job))
}

/// One disk as a system image.
pub(super) async fn of_volume(call: &Call, members: Members<'_>) -> Outcome {
    let mut told = Told::read(members)?;
    members.need("os_version", BAD_SYSTEM)?;
    read_system(members, &mut told.facts)?;
    if read_machine(members, &mut told)?.is_some() {
        return Err(BAD_TYPE.fault().into());
    }
    let disk = disk(call, members).await?;
    if disk.size_gib > *SYSTEM_GIB.end() {
        return Err(SYSTEM_DISK_TOO_LARGE.fault().into());
    }
    told.note("__data_origin", format!("volume,{}", disk.id));
    let new = told.new_image(0, label::OF_VOLUME);
    let job = new.job.id;
    begin(call, vec![(make(call, ImageSource::Disk(disk.id), told), new)], None, DISK_STATUS).await?;
    Ok(started(job))
}

/// Disks of one server as data images.
pub(super) async fn of_volumes(call: &Call, members: Members<'_>) -> Outcome {
    let wanted = data_disks(call, members, None).await?;
    if wanted.is_empty() {
        return Err(super::NO_SOURCE.fault().into());
    }
    let ids = wanted.iter().map(|(_, new)| new.job.id).collect();
    let group = JobMark { with: ids, ..JobMark::new(label::OF_VOLUMES) };
    let job = group.id;
    begin(call, wanted, Some(group), DISK_STATUS).await?;
    Ok(started(job))
}

/// What `data_images` asks for: disks that are all of one server, of this one if it is told.
async fn data_disks(
    call: &Call,
    members: Members<'_>,
    mut server: Option<InstanceId>,
) -> Result<Vec<(MakeImage, NewImage)>, Problem> {
    let mut wanted = Vec::new();
    for (place, data) in members.objects("data_images", DATA_DISKS_MAX)?.into_iter().enumerate() {
        let mut told = Told::read(data)?;
        let disk = disk(call, data).await?;
        if place > 0 || server.is_some() {
            if disk.instance != server {
                return Err(OTHER_SERVERS.fault().into());
            }
        } else {
            server = disk.instance;
        }
        let (name, value) = DATA_ENVIRONMENT;
        told.note(name, value);
        told.note("__data_origin", format!("volume,{}", disk.id));
        let new = told.new_image(0, label::OF_VOLUMES_ONE);
        wanted.push((make(call, ImageSource::Disk(disk.id), told), new));
    }
    Ok(wanted)
}

/// The disk that `volume_id` names.
async fn disk(call: &Call, members: Members<'_>) -> Result<Disk, Problem> {
    let id = members.need("volume_id", DISK_NOT_FOUND)?;
    let id: DiskId = id.parse().map_err(|_| DISK_NOT_FOUND.fault())?;
    Ok(call.parts.service.show_disk(&call.caller, id).await?)
}

/// A server's system disk may have so much, if it has one.
async fn require_system_size(call: &Call, id: InstanceId) -> Result<(), Problem> {
    let page = imprint_service::ItemPage::Numbered { number: 1, size: 100 };
    let project = call.project()?.clone();
    let query = imprint_service::DiskQuery {
        instance: Some(id),
        ..imprint_service::DiskQuery::of(project, &*call.region, page)
    };
    let disks = call.parts.service.list_disks(&call.caller, query).await?;
    let large = |disk: &Disk| disk.kind == DiskKind::System && disk.size_gib > *SYSTEM_GIB.end();
    if disks.items.iter().any(large) { Err(SYSTEM_DISK_TOO_LARGE.fault().into()) } else { Ok(()) }
}

fn make(call: &Call, source: ImageSource, told: Told) -> MakeImage {
    MakeImage {
        region: call.region.clone(),
        source,
        name: Some(told.name),
        id: ImageId::random(),
        facts: told.facts,
        otherwise: Facts::default(),
        tags: told.tags,
    }
}

/// Begins them, all or none; `runs` is what is said of a machine that does not hold still.
async fn begin(
    call: &Call,
    wanted: Vec<(MakeImage, NewImage)>,
    group: Option<JobMark>,
    runs: Code,
) -> Result<(), Problem> {
    let begun = call.parts.service.make_images(&call.caller, wanted, group).await;
    begun.map_err(|error| match refusal(&error, runs) {
        Some(fault) => fault.into(),
        None => error.into(),
    })
}

fn refusal(error: &Error, runs: Code) -> Option<Fault> {
    let code = match error {
        Error::Unsupported(_) => runs,
        Error::Conflict(Conflict::InstanceStatus | Conflict::InstanceLocked) => SERVER_BUSY,
        Error::NotFound(Resource::Instance(_)) => SERVER_NOT_FOUND,
        _ => return None,
    };
    Some(code.fault())
}
