//! An image of a file, and of its data disks' files.

use imprint_model::DiskFormat;

use crate::call::Call;
use crate::fault::{Code, Fault, img};
use crate::op::Outcome;
use crate::ops::jobs::label;
use crate::ops::making::body::{
    BAD_TYPE, DATA_ENVIRONMENT, DATA_GIB, Members, SYSTEM_GIB, SYSTEM_NEEDED, Told, read_machine, read_system,
};
use crate::ops::making::place::{self, Speed};
use crate::ops::making::start::{OfFile, files};
use crate::values;
use crate::words::ENVIRONMENT;

/// The system on a disc must be told.
pub(super) const SYSTEM_NEEDED_OF_DISC: Code = img("IMG.0166");
/// Most data disks beside a file.
const DATA_IMAGES_MAX: usize = 3;
/// Longest name, characters.
const NAME_CHARS_MAX: usize = 128;

pub(super) async fn create(call: &Call, members: Members<'_>) -> Outcome {
    let system = system_disk(members)?;
    let name = system.told.name.clone();
    let mut wanted = vec![system];
    for (number, data) in members.objects("data_images", DATA_IMAGES_MAX)?.into_iter().enumerate() {
        wanted.push(data_disk(data, &name, number + 1)?);
    }
    files(call, wanted).await
}

fn system_disk(members: Members<'_>) -> Result<OfFile, Fault> {
    let mut told = Told::read(members)?;
    let speed = speed(members)?;
    let mut format = None;
    match read_machine(members, &mut told)? {
        None => {}
        Some("IsoImage") => {
            members.need("os_version", SYSTEM_NEEDED_OF_DISC)?;
            told.note(ENVIRONMENT, "IsoImage");
            format = Some(DiskFormat::Iso);
        }
        Some(_) => return Err(BAD_TYPE.fault()),
    }
    if speed == Speed::Quick {
        members.need("os_version", SYSTEM_NEEDED)?;
    }
    if members.truth("is_config")? {
        told.note("__is_config_init", "true");
    }
    read_system(members, &mut told.facts)?;
    let (place, min_disk_gib) = (place::source(members)?, members.gib("min_disk", SYSTEM_GIB)?);
    Ok(OfFile { told, place, format, min_disk_gib, speed, label: label::OF_FILE })
}

/// A data disk's name follows from the system disk's when it has none.
fn data_disk(members: Members<'_>, beside: &str, number: usize) -> Result<OfFile, Fault> {
    let name = match members.get("name") {
        Some(name) => values::name(name)?,
        None => {
            let end = format!("-data{number}");
            let kept: String = beside.chars().take(NAME_CHARS_MAX - end.len()).collect();
            format!("{kept}{end}")
        }
    };
    let mut told = Told::read_named(members, name)?;
    let (name, value) = DATA_ENVIRONMENT;
    told.note(name, value);
    let (place, min_disk_gib) = (place::source(members)?, members.gib("min_disk", DATA_GIB)?);
    Ok(OfFile { told, place, format: None, min_disk_gib, speed: speed(members)?, label: label::DATA_OF_FILE })
}

fn speed(members: Members<'_>) -> Result<Speed, Fault> {
    Ok(if members.truth("is_quick_import")? { Speed::Quick } else { Speed::Usual })
}
