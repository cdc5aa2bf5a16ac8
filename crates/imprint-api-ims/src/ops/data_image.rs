//! A data disk image of a file.

use http::Method;
use imprint_model::OsType;

use super::jobs::label;
use super::making::body::{BAD_SYSTEM_KIND, DATA_ENVIRONMENT, DATA_GIB, Members, Told, read_system, require_maker};
use super::making::place::{self, Speed};
use super::making::start::{OfFile, files};
use super::making::{count, joined};
use crate::call::Call;
use crate::fault::{Code, Fault};
use crate::op::{Family, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] = &[
    row("create_data_image", "/v1/cloudimages/dataimages/action"),
    row("create_data_image_safely", "/v2.1/cloudimages/dataimages/action"),
];

const fn row(name: &'static str, path: &'static str) -> Op {
    Op::new(
        Family::Creation,
        name,
        Method::POST,
        path,
        "Makes a data disk image of a file in a bucket; a job.",
        run!(create),
    )
    .parameters(PARAMETERS)
    .codes(CODES)
}

const LISTS: &[&[Code]] = &[Told::CODES, place::SOURCE_CODES, &[BAD_SYSTEM_KIND]];
const CODES: &[Code] = &joined::<{ count(LISTS) }>(LISTS);

const PARAMETERS: &[Parameter] = &[
    Parameter::body("name", "1 to 128 letters, digits, blanks, `-`, `.` and `_`.").required(),
    Parameter::body("image_url", "The file: `bucket:object`.").required(),
    Parameter::body("min_disk", "GiB of the disk, 1 to 2048.").required(),
    Parameter::body("description", "At most 1024 characters."),
    Parameter::body("os_type", "`Linux` (when left out) or `Windows`."),
    Parameter::body("max_ram", "Most memory, MiB."),
    Parameter::body("min_ram", "Least memory, MiB."),
    Parameter::body("tags", "Texts `key.value`; not together with `image_tags`."),
    Parameter::body("image_tags", "Objects of `key` and `value`."),
    Parameter::body("enterprise_project_id", "The enterprise project to put it in."),
    Parameter::body("cmk_id", "Not offered here: there are no keys."),
];

async fn create(call: Call) -> Outcome {
    let body = call.object()?;
    let members = Members(&body);
    let wanted = read(members, Told::read(members)?, Speed::Usual)?;
    require_maker(&call)?;
    files(&call, vec![wanted]).await
}

/// A data disk image of which this is told.
pub(super) fn read(members: Members<'_>, mut told: Told, speed: Speed) -> Result<OfFile, Fault> {
    read_system(members, &mut told.facts)?;
    told.facts.os_type.get_or_insert(OsType::Linux);
    let (name, value) = DATA_ENVIRONMENT;
    told.note(name, value);
    Ok(OfFile {
        told,
        place: place::source(members)?,
        format: None,
        min_disk_gib: members.gib("min_disk", DATA_GIB)?,
        speed,
        label: label::DATA_OF_FILE,
    })
}
