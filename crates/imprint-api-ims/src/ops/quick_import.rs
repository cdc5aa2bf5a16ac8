//! An image of a file that is imported the quick way: larger files, of few formats.

use http::Method;

use super::data_image;
use super::jobs::label;
use super::making::body::{
    BAD_ARCHITECTURE, BAD_SYSTEM, BAD_SYSTEM_KIND, BAD_TYPE, Members, SYSTEM_GIB, SYSTEM_NEEDED, Told, read_machine,
    read_system, require_maker,
};
use super::making::place::{self, NOT_QUICK, Speed};
use super::making::start::{OfFile, files};
use super::making::{count, joined};
use crate::call::Call;
use crate::fault::{Code, Fault, code};
use crate::op::{Family, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] = &[
    row("quick_import_image", "/v2/cloudimages/quickimport/action"),
    row("quick_import_image_safely", "/v2.1/cloudimages/quickimport/action"),
];

const fn row(name: &'static str, path: &'static str) -> Op {
    let about = "Makes an image of a file of up to 1 TiB in a bucket; a job. The file is `raw`, with its bitmap `.mf` \
                 beside it.";
    Op::new(Family::Creation, name, Method::POST, path, about, run!(create)).parameters(PARAMETERS).codes(CODES)
}

const PARAMETERS: &[Parameter] = &[
    Parameter::body("name", "1 to 128 letters, digits, blanks, `-`, `.` and `_`.").required(),
    Parameter::body("image_url", "The file: `bucket:object`.").required(),
    Parameter::body("min_disk", "GiB of the disk: 1 to 1024, of a data disk to 2048.").required(),
    Parameter::body("os_version", "The system inside; must be given unless it is a data disk."),
    Parameter::body("type", "`ECS` (when left out), `BMS` or `DataImage`."),
    Parameter::body("os_type", "`Linux` or `Windows`, of a data disk."),
    Parameter::body("architecture", "`x86` (when left out) or `arm`."),
    Parameter::body("hw_firmware_type", "`bios` or `uefi`."),
    Parameter::body("license_type", "Has no effect: nothing is licensed here."),
    Parameter::body("description", "At most 1024 characters."),
    Parameter::body("tags", "Texts `key.value`; not together with `image_tags`."),
    Parameter::body("image_tags", "Objects of `key` and `value`."),
    Parameter::body("enterprise_project_id", "The enterprise project to put it in."),
];

const LISTS: &[&[Code]] = &[
    Told::CODES,
    place::SOURCE_CODES,
    &[
        NOT_QUICK,
        BAD_TYPE,
        SYSTEM_NEEDED,
        BAD_SYSTEM,
        BAD_SYSTEM_KIND,
        BAD_ARCHITECTURE,
        code::BAD_FIRMWARE,
        code::ATTRIBUTE_CONFLICT,
    ],
];
const CODES: &[Code] = &joined::<{ count(LISTS) }>(LISTS);

async fn create(call: Call) -> Outcome {
    let body = call.object()?;
    let wanted = read(Members(&body))?;
    require_maker(&call)?;
    files(&call, vec![wanted]).await
}

fn read(members: Members<'_>) -> Result<OfFile, Fault> {
    let mut told = Told::read(members)?;
    match read_machine(members, &mut told)? {
        None => {}
        Some("DataImage") => return data_image::read(members, told, Speed::Quick),
        Some(_) => return Err(BAD_TYPE.fault()),
    }
    members.need("os_version", SYSTEM_NEEDED)?;
    read_system(members, &mut told.facts)?;
    Ok(OfFile {
        told,
        place: place::source(members)?,
        format: None,
        min_disk_gib: members.gib("min_disk", SYSTEM_GIB)?,
        speed: Speed::Quick,
        label: label::OF_FILE,
    })
}
