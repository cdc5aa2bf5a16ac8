//! New machines: `CreateInstance` and `RunInstances`, and `ReplaceSystemDisk`, which gives one that is there another
//! image. Where nothing runs machines the second is refused, once everything else was found right.

use imprint_model::{DiskCategory, DiskId, Image, ImageId, InstanceId, MetadataAccess, SnapshotId};
use imprint_service::{
    Conflict, DataDisk, Error, Field, MakeInstances, NewMachine, Quota, ReplaceSystemDisk, SystemDisk,
};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::error::{self, Problem};
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::image_query as query;
use crate::instance_types::{self, InstanceType};
use crate::inventory::codes::{
    BAD_DESCRIPTION, BAD_DEVICE, BAD_TAG_KEY, BAD_TAG_VALUE, DEVICE_IN_USE, DISK_LIMIT, DUPLICATE_TAG_KEY,
    ZONE_NOT_FOUND, check_zone, description, group, name, new_tags,
};
use crate::inventory::sizes;
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region, TAG_KEY, TAG_VALUE};
use crate::ops::disks_create::{BAD_NAME as BAD_DISK_NAME, NOT_READY};
use crate::ops::instances::{
    BAD_HOST_NAME, BAD_NAME, BAD_USER_DATA, CANNOT_RUN, LARGE_USER_DATA, host_name, user_data,
};
use crate::params::{Object, Params, invalid, missing};
use crate::{view, words};

/// What both ways of making machines take.
const PARAMETERS: &[Parameter] = &[
    Parameter::text("ImageId", "The image; it, or `ImageFamily`, must be given."),
    Parameter::text("ImageFamily", "The newest image of this family, when `ImageId` is absent."),
    Parameter::text("InstanceType", "The size of the machine.").required(),
    Parameter::text("ZoneId", "The zone; the region has one."),
    Parameter::text("InstanceName", "2 to 128 characters, beginning with a letter."),
    Parameter::text("HostName", "The name it calls itself."),
    Parameter::text("Description", "2 to 256 characters."),
    Parameter::text("SystemDisk.Category", "As `DiskCategory` of CreateDisk; `cloud_efficiency` by default."),
    Parameter::of("SystemDisk.Size", Kind::Number, "GiB, 20 to 500 or 2048; not below the image's."),
    Parameter::text("SystemDisk.DiskName", "Its name."),
    Parameter::text("SystemDisk.Description", "For people."),
    Parameter::text("DataDisk.N.Category", "As `DiskCategory` of CreateDisk."),
    Parameter::text("DataDisk.N.PerformanceLevel", "Of `cloud_essd`."),
    Parameter::of("DataDisk.N.Size", Kind::Number, "GiB; not below the snapshot's, whose size is the default."),
    Parameter::text("DataDisk.N.SnapshotId", "The snapshot it begins as."),
    Parameter::text("DataDisk.N.Device", "`/dev/xvdb` to `/dev/xvdz`; else the next that is free."),
    Parameter::text("DataDisk.N.DiskName", "Its name."),
    Parameter::text("DataDisk.N.Description", "For people."),
    Parameter::of("DataDisk.N.DeleteWithInstance", Kind::Truth, "Whether it goes with the machine; true by default."),
    Parameter::text("UserData", "What the first boot is told, in Base64."),
    Parameter::text("HttpTokens", "`optional` or `required`, which needs an image with ImdsSupport `v2`."),
    Parameter::of("DeletionProtection", Kind::Truth, "Whether it refuses to be deleted."),
    Parameter::text("InstanceChargeType", "`PostPaid` or `PrePaid`; nothing is sold."),
    Parameter::of("Amount", Kind::Number, "Of RunInstances: how many machines, 1 to 100."),
    Parameter::text("ResourceGroupId", "The resource group; else the default one."),
    TAG_KEY,
    TAG_VALUE,
];

/// What both ways of making machines may answer.
const CODES: &[Code] = &[
    code::IMAGE_NOT_FOUND,
    error::IMAGE_NOT_AVAILABLE,
    IMAGE_TYPE,
    query::BAD_INSTANCE_TYPE,
    ZONE_NOT_FOUND,
    BAD_NAME,
    BAD_HOST_NAME,
    BAD_DESCRIPTION,
    BAD_SYSTEM_CATEGORY,
    BAD_SYSTEM_SIZE,
    BELOW_IMAGE,
    BAD_DATA_CATEGORY,
    BAD_DATA_SIZE,
    BAD_DISK_NAME,
    BAD_DEVICE,
    DEVICE_IN_USE,
    DISK_LIMIT,
    code::SNAPSHOT_NOT_FOUND,
    NOT_READY,
    BAD_USER_DATA,
    LARGE_USER_DATA,
    BAD_CHARGE_TYPE,
    code::RESOURCE_GROUP_NOT_FOUND,
    BAD_TAG_KEY,
    BAD_TAG_VALUE,
    DUPLICATE_TAG_KEY,
    code::QUOTA_TAGS,
    CANNOT_RUN,
];

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    Op::ecs(Effect::Changes, "CreateInstance", "Makes a machine with its disks; it is stopped.", |call| {
        Box::pin(create(call))
    })
    .parameters(PARAMETERS)
    .codes(CODES)
    .token(code::IDEMPOTENT_MISMATCH)
    .resources(resources)
    .faults(faults),
    Op::ecs(Effect::Changes, "RunInstances", "Makes machines and starts them.", |call| Box::pin(run(call)))
        .parameters(PARAMETERS)
        .codes(CODES)
        .token(code::IDEMPOTENT_MISMATCH)
        .resources(resources)
        .faults(faults),
    Op::ecs(
        Effect::Changes,
        "ReplaceSystemDisk",
        "Puts a disk made from another image in the place of a stopped machine's system disk.",
        |call| Box::pin(replace(call)),
    )
    .region(Region::Ignored)
    .parameters(&[
        Parameter::text("InstanceId", "The machine.").required(),
        Parameter::text("ImageId", "The image; it must have no data disks.").required(),
        Parameter::of("SystemDisk.Size", Kind::Number, "GiB; the old disk's by default, or the image's."),
    ])
    .codes(&[
        code::INSTANCE_NOT_FOUND,
        code::IMAGE_NOT_FOUND,
        conflict::INSTANCE_STATUS,
        error::IMAGE_NOT_AVAILABLE,
        IMAGE_TYPE,
        conflict::IMAGE_WITH_DATA_DISKS,
        BELOW_IMAGE,
        BAD_SYSTEM_SIZE,
    ])
    .token(code::IDEMPOTENT_MISMATCH)
    .resources(|call| vec![call.resource("instance", "InstanceId"), call.resource("image", "ImageId")])
    .faults(|error| match error {
        Error::Conflict(Conflict::ImageHasDataDisks) => Some(conflict::IMAGE_WITH_DATA_DISKS.fault()),
        Error::Conflict(Conflict::ImageNotAvailable) => Some(error::IMAGE_NOT_AVAILABLE.fault()),
        Error::Conflict(Conflict::DiskTooSmall) => Some(BELOW_IMAGE.fault()),
        Error::Invalid { field: Field::DiskSize, .. } => Some(BAD_SYSTEM_SIZE.fault()),
        _ => None,
    }),
];

const IMAGE_TYPE: Code =
    Code::new(403, "ImageNotSupportInstanceType", "The specified image don't support the InstanceType instance.");
const BAD_SYSTEM_CATEGORY: Code = Code::new(
    400,
    "InvalidSystemDiskCategory.ValueNotSupported",
    "The specified parameter \"SystemDisk.Category\" is not valid.",
);
const BAD_SYSTEM_SIZE: Code = Code::new(
    400,
    "InvalidSystemDiskSize.ValueNotSupported",
    "The specified parameter \"SystemDisk.Size\" is not valid.",
);
const BELOW_IMAGE: Code = Code::new(
    404,
    "InvalidSystemDiskSize.LessThanImageSize",
    "The specified parameter \"SystemDisk.Size\" is less than the image size.",
);
const BAD_DATA_CATEGORY: Code = Code::new(
    400,
    "InvalidDataDiskCategory.ValueNotSupported",
    "The specified parameter \"DataDisk.n.Category\" is not valid.",
);
const BAD_DATA_SIZE: Code = Code::new(
    400,
    "InvalidDataDiskSize.ValueNotSupported",
    "The specified DataDisk.n.Size beyond the permitted range, or the capacity of snapshot exceeds the size limit of \
     the specified disk category.",
);
const BAD_CHARGE_TYPE: Code =
    Code::new(400, "InvalidInstanceChargeType.ValueNotSupported", "The specified InstanceChargeType is not valid.");
/// Most machines of one request.
const AMOUNT_MAX: u32 = 100;

async fn create(call: Call) -> Outcome {
    let wanted = wanted(&call, 1).await?;
    let made = call.parts.service.create_instances(&call.caller, wanted, call.ask).await?;
    let id = made.first().copied().ok_or_else(|| Error::internal("no machine was made"))?;
    Ok(json!({ "InstanceId": id.wire() }))
}

async fn run(call: Call) -> Outcome {
    let amount = call.params.within("Amount", 1..=AMOUNT_MAX, BAD_AMOUNT)?.unwrap_or(1);
    let wanted = MakeInstances { start: true, ..wanted(&call, amount).await? };
    let made = call.parts.service.create_instances(&call.caller, wanted, call.ask).await?;
    let ids: Vec<String> = made.into_iter().map(WireId::wire).collect();
    Ok(json!({ "InstanceIdSets": { "InstanceIdSet": ids } }))
}

const BAD_AMOUNT: Code = Code::new(400, "InvalidParameter", "The specified parameter \"Amount\" is not valid.");

async fn replace(call: Call) -> Outcome {
    let instance: InstanceId = call.id("InstanceId", code::INSTANCE_NOT_FOUND)?;
    let image: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    let size_gib = call.params.within("SystemDisk.Size", 1..=u32::MAX, BAD_SYSTEM_SIZE)?;
    let service = &call.parts.service;
    let machine = service.show_instance(&call.caller, instance).await?;
    let found = service.show_image(&call.caller, image).await?;
    if instance_types::named(&machine.class).is_some_and(|class| !class.runs(&found.facts)) {
        return Err(IMAGE_TYPE.fault().into());
    }
    let disk = DiskId::random();
    let wanted = ReplaceSystemDisk { instance, image, disk, size_gib, sizes: sizes::system_disk };
    let disk = service.replace_system_disk(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({ "DiskId": disk.wire() }))
}

/// Machines as a request describes them.
async fn wanted(call: &Call, amount: u32) -> Result<MakeInstances, Problem> {
    let params = &call.params;
    check_zone(call, "ZoneId")?;
    let class = instance_types::named(params.need("InstanceType")?).ok_or_else(|| query::BAD_INSTANCE_TYPE.fault())?;
    if !matches!(params.text("InstanceChargeType"), None | Some("PostPaid" | "PrePaid")) {
        return Err(BAD_CHARGE_TYPE.fault().into());
    }
    let machine = NewMachine {
        id: InstanceId::random(),
        name: name(params.text("InstanceName"), BAD_NAME)?,
        host_name: host_name(params.text("HostName"))?,
    };
    let machines = (0..amount).map(|_| NewMachine { id: InstanceId::random(), ..machine.clone() }).collect();
    let description = description(params.text("Description"))?;
    let user_data = user_data(params.text("UserData"))?;
    let protected = params.flag("DeletionProtection")?;
    let tags = new_tags(params)?;
    let system = system_disk(params)?;
    let data = params.objects("DataDisk").iter().map(data_disk).collect::<Result<Vec<_>, Fault>>()?;
    let image = image(call).await?;
    check_image(params, class, &image, system.size_gib)?;
    Ok(MakeInstances {
        machines,
        region: call.region.clone(),
        image: image.id,
        description,
        class: class.id.to_owned(),
        cpus: class.cpus,
        memory_mib: class.memory_mib,
        start: false,
        user_data,
        protected,
        resource_group: group(params),
        tags,
        system,
        data,
    })
}

/// The image by its id, or the newest of a family.
async fn image(call: &Call) -> Result<Image, Problem> {
    let (service, params) = (&call.parts.service, &call.params);
    if let Some(id) = params.text("ImageId") {
        let id = ImageId::read(id).ok_or_else(|| code::IMAGE_NOT_FOUND.fault())?;
        return Ok(service.show_image(&call.caller, id).await?);
    }
    let family = params.text("ImageFamily").ok_or_else(|| missing("ImageId"))?;
    let found = service.image_of_family(&call.caller, &call.region, family).await?;
    found.ok_or_else(|| code::IMAGE_NOT_FOUND.fault().into())
}

/// Whether the image fits the size of the machine, its disk and its access to metadata.
fn check_image(params: &Params, class: &InstanceType, image: &Image, system_gib: Option<u32>) -> Result<(), Fault> {
    if !class.runs(&image.facts) {
        return Err(IMAGE_TYPE.fault());
    }
    if system_gib.is_some_and(|size| u64::from(size) < view::size_gib(image)) {
        return Err(BELOW_IMAGE.fault());
    }
    match params.text("HttpTokens") {
        None | Some("optional") => Ok(()),
        Some("required") if image.facts.metadata_access == Some(MetadataAccess::TokenRequired) => Ok(()),
        Some(_) => Err(invalid("HttpTokens")),
    }
}

fn system_disk(params: &Params) -> Result<SystemDisk, Fault> {
    let category = match params.text("SystemDisk.Category") {
        None => DiskCategory::Efficiency,
        Some(word) => words::disk_category_named(word).ok_or_else(|| BAD_SYSTEM_CATEGORY.fault())?,
    };
    let sizes = sizes::system_disk(category);
    Ok(SystemDisk {
        category,
        size_gib: params.within("SystemDisk.Size", sizes.clone(), BAD_SYSTEM_SIZE)?,
        sizes,
        name: name(params.text("SystemDisk.DiskName"), BAD_DISK_NAME)?,
        description: description(params.text("SystemDisk.Description"))?,
        delete_with_instance: true,
    })
}

fn data_disk(object: &Object<'_>) -> Result<DataDisk, Fault> {
    let category = match object.text("Category") {
        None => DiskCategory::Efficiency,
        Some(word) => words::disk_category_named(word).ok_or_else(|| BAD_DATA_CATEGORY.fault())?,
    };
    let sizes = sizes::data_disk(category, object.text("PerformanceLevel"));
    let sizes = sizes.ok_or_else(|| invalid("DataDisk.n.PerformanceLevel"))?;
    let device = object.text("Device");
    let snapshot = object.text("SnapshotId");
    Ok(DataDisk {
        category,
        size_gib: object.within("Size", sizes.clone(), BAD_DATA_SIZE)?,
        sizes,
        snapshot: snapshot
            .map(|text| SnapshotId::read(text).ok_or_else(|| code::SNAPSHOT_NOT_FOUND.fault()))
            .transpose()?,
        letter: device.map(|name| words::device_letter(name).ok_or_else(|| BAD_DEVICE.fault())).transpose()?,
        name: name(object.text("DiskName"), BAD_DISK_NAME)?,
        description: description(object.text("Description"))?,
        delete_with_instance: object.truth("DeleteWithInstance")?.unwrap_or(true),
    })
}

/// New machines are about their image, and about any machine and disk.
fn resources(call: &Call) -> Vec<String> {
    let mut resources = vec!["instance/*".to_owned(), call.resource("image", "ImageId")];
    let snapshots = call.params.objects("DataDisk").into_iter().filter_map(|disk| disk.text("SnapshotId"));
    resources.extend(snapshots.map(|id| format!("snapshot/{id}")));
    resources
}

/// The size of the system disk was held against the image's before, so what is too small is a data disk.
fn faults(error: &Error) -> Option<Fault> {
    match error {
        Error::Conflict(Conflict::ImageNotAvailable) => Some(error::IMAGE_NOT_AVAILABLE.fault()),
        Error::Conflict(Conflict::DiskTooSmall) | Error::Missing(Field::DiskSize) => Some(BAD_DATA_SIZE.fault()),
        Error::Invalid { field: Field::DiskSize, .. } => Some(BAD_DATA_SIZE.fault()),
        Error::Invalid { field: Field::Device, .. } => Some(BAD_DEVICE.fault()),
        Error::Conflict(Conflict::SnapshotNotReady) => Some(NOT_READY.fault()),
        Error::Conflict(Conflict::DeviceTaken) => Some(DEVICE_IN_USE.fault()),
        Error::OverQuota(Quota::DataDisks, _) => Some(DISK_LIMIT.fault()),
        Error::Unsupported(_) => Some(CANNOT_RUN.fault()),
        _ => None,
    }
}
