//! Machines: made of images, started, stopped, deleted.

use std::sync::Arc;

use data_encoding::BASE64;
use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, DiskCategory, InstanceId, InstanceStatus};
use imprint_service::{
    Ask, DataDisk, DeleteInstances, InstanceQuery, MakeInstances, NewMachine, RebootInstance, StopInstance, SystemDisk,
};

use super::disks::SIZES_GIB;
use super::{Act, Outcome, Row, about, account, created, done, item_id, named, ok, page, read, region};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{view, wire};

/// Data disks, processors and memory of one machine at most, beside what the installation allows.
const DATA_DISKS_MAX: usize = 16;
const CPUS_MAX: u32 = 256;
const MEMORY_MIB_MAX: u32 = 4 << 20;
/// Longest text for the first boot, in bytes before it is written in Base64.
const USER_DATA_BYTES_MAX: usize = 32 << 10;
/// Machines of one request at most.
const COUNT_MAX: u32 = 100;

const ALL: &str = "/imprint/v1/instances";
const ONE: &str = "/imprint/v1/instances/{id}";

pub(super) const OPS: &[Row] = &[
    Op::new(
        "run_instances",
        Method::POST,
        ALL,
        Act::Asked(|parts, caller, request| Box::pin(run(parts, caller, request))),
    ),
    Op::new(
        "list_instances",
        Method::GET,
        ALL,
        Act::Asked(|parts, caller, request| Box::pin(list(parts, caller, request))),
    ),
    Op::new(
        "show_instance",
        Method::GET,
        ONE,
        Act::Asked(|parts, caller, request| Box::pin(show(parts, caller, request))),
    ),
    Op::new(
        "delete_instance",
        Method::DELETE,
        ONE,
        Act::Asked(|parts, caller, request| Box::pin(delete(parts, caller, request))),
    ),
    Op::new(
        "start_instance",
        Method::POST,
        "/imprint/v1/instances/{id}/start",
        Act::Asked(|parts, caller, request| Box::pin(start(parts, caller, request))),
    ),
    Op::new(
        "stop_instance",
        Method::POST,
        "/imprint/v1/instances/{id}/stop",
        Act::Asked(|parts, caller, request| Box::pin(stop(parts, caller, request))),
    ),
    Op::new(
        "reboot_instance",
        Method::POST,
        "/imprint/v1/instances/{id}/reboot",
        Act::Asked(|parts, caller, request| Box::pin(reboot(parts, caller, request))),
    ),
];

async fn run(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted: wire::RunInstances = read(&mut request).await?;
    let image = parts.service.show_image(&caller, named(&wanted.image, "image")?).await?;
    check(&wanted)?;
    let machine = NewMachine { id: InstanceId::random(), name: wanted.name, host_name: wanted.host_name };
    let wanted = MakeInstances {
        machines: (0..wanted.count).map(|_| NewMachine { id: InstanceId::random(), ..machine.clone() }).collect(),
        region: image.region,
        image: image.id,
        description: None,
        class: format!("{}x{}", wanted.cpus, wanted.memory_mib),
        cpus: wanted.cpus,
        memory_mib: wanted.memory_mib,
        start: !wanted.stopped,
        user_data: wanted.user_data,
        protected: false,
        resource_group: None,
        tags: Default::default(),
        system: SystemDisk {
            category: DiskCategory::Auto,
            size_gib: wanted.system_disk_gib,
            sizes: SIZES_GIB,
            name: None,
            description: None,
            delete_with_instance: true,
        },
        data: wanted.data_disks_gib.into_iter().map(data_disk).collect(),
    };
    let made = parts.service.create_instances(&caller, wanted, Ask::default()).await?;
    created(&wire::Made { ids: made.iter().map(ToString::to_string).collect() })
}

/// What must be right before anything is made of it.
fn check(wanted: &wire::RunInstances) -> Result<(), Refusal> {
    let within = |what, number: u32, most| match number {
        1.. if number <= most => Ok(()),
        _ => Err(Refusal::invalid(format!("{what} must be from 1 to {most}"))),
    };
    within("count", wanted.count, COUNT_MAX)?;
    within("cpus", wanted.cpus, CPUS_MAX)?;
    within("memory_mib", wanted.memory_mib, MEMORY_MIB_MAX)?;
    if wanted.data_disks_gib.len() > DATA_DISKS_MAX {
        return Err(Refusal::invalid(format!("a machine has at most {DATA_DISKS_MAX} data disks")));
    }
    match wanted.user_data.as_ref().map(|text| BASE64.decode(text.as_bytes())) {
        Some(Err(error)) => Err(Refusal::invalid(format!("user_data is not Base64: {error}"))),
        Some(Ok(data)) if data.len() > USER_DATA_BYTES_MAX => {
            Err(Refusal::invalid(format!("user_data is longer than {USER_DATA_BYTES_MAX} bytes")))
        }
        _ => Ok(()),
    }
}

fn data_disk(size_gib: u32) -> DataDisk {
    DataDisk {
        category: DiskCategory::Auto,
        size_gib: Some(size_gib),
        sizes: SIZES_GIB,
        snapshot: None,
        letter: None,
        name: None,
        description: None,
        delete_with_instance: true,
    }
}

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let place = region(&parts, &request);
    let mut query = InstanceQuery::of(account(&caller)?, place, page(&request, "instance")?);
    query.name = request.query_first("name").map(str::to_owned);
    query.image = about(&request, "image")?;
    if let Some(word) = request.query_first("status") {
        let status: InstanceStatus =
            word.parse().map_err(|_| Refusal::invalid(format!("there is no status {word:?}")))?;
        query.statuses = Some(vec![status]);
    }
    let found = parts.service.list_instances(&caller, query).await?;
    ok(&wire::Items { items: found.items.into_iter().map(view::instance).collect::<Vec<_>>() })
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let id = item_id(&request, "instance")?;
    ok(&view::instance(parts.service.show_instance(&caller, id).await?))
}

/// `?force` for one that runs.
async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let instances = vec![item_id(&request, "instance")?];
    let wanted = DeleteInstances { instances, force: request.query_first("force").is_some() };
    parts.service.delete_instances(&caller, wanted, Ask::default()).await?;
    done()
}

async fn start(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    parts.service.start_instance(&caller, item_id(&request, "instance")?, Ask::default()).await?;
    begun()
}

async fn stop(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let instance = item_id(&request, "instance")?;
    let wire::Stop { force } = read(&mut request).await?;
    parts.service.stop_instance(&caller, StopInstance { instance, force }, Ask::default()).await?;
    begun()
}

async fn reboot(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let instance = item_id(&request, "instance")?;
    let wire::Stop { force } = read(&mut request).await?;
    parts.service.reboot_instance(&caller, RebootInstance { instance, force }, Ask::default()).await?;
    begun()
}

/// It is on its way; the record tells how far it is.
fn begun() -> Outcome {
    Ok(Response::new(StatusCode::ACCEPTED))
}
