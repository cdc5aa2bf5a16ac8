//! Images of a server, of its disks, or of files: one path, told apart by what the body names.

mod of_disks;
mod of_files;

use http::Method;

use super::making::body::{
    BAD_ARCHITECTURE, BAD_SYSTEM, BAD_SYSTEM_KIND, BAD_TYPE, Members, SYSTEM_NEEDED, Told, bad, require_maker,
};
use super::making::place::{self, NOT_QUICK};
use super::making::start::SAME_FILE;
use super::making::{count, joined};
use crate::call::Call;
use crate::fault::{Code, code, img};
use crate::op::{Family, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] =
    &[row("create_image", "/v2/cloudimages/action"), row("create_image_safely", "/v2.1/cloudimages/action")];

const fn row(name: &'static str, path: &'static str) -> Op {
    let about = "Makes an image of the system disk of a server that is stopped or runs here \
                 (`instance_id`), of a file in a bucket (`image_url`), or of a data disk (`volume_id`); `data_images` makes data disk images beside it, or \
                 alone. A job, or one that stands for several.";
    Op::new(Family::Creation, name, Method::POST, path, about, run!(create)).parameters(PARAMETERS).codes(CODES)
}

const PARAMETERS: &[Parameter] = &[
    Parameter::body(
        "name",
        "1 to 128 letters, digits, blanks, `-`, `.` and `_`; must be given unless there are only `data_images`.",
    ),
    Parameter::body("instance_id", "The server: stopped, or running here."),
    Parameter::body("image_url", "The file: `bucket:object`."),
    Parameter::body("volume_id", "The disk to make a system image of."),
    Parameter::body(
        "data_images",
        "Objects: of a server's disks `name`, `volume_id`, `description`, `tags`; of files, at most 3, `name`, \
         `image_url`, `min_disk`, `description`, `is_quick_import`, `tags`.",
    ),
    Parameter::body("min_disk", "GiB of a file's disk, 1 to 1024."),
    Parameter::body("description", "At most 1024 characters."),
    Parameter::body(
        "os_version",
        "The system inside; any text. Must be given of a disk, of an ISO file, and for a quick import.",
    ),
    Parameter::body("os_type", "`Linux`, `Windows` or `Other`, where there is no `os_version`."),
    Parameter::body("type", "`ECS` (when left out), `BMS` or `IsoImage`."),
    Parameter::body("architecture", "`x86` (when left out) or `arm`."),
    Parameter::body("hw_firmware_type", "`bios` or `uefi`."),
    Parameter::body("is_config", "Noted as `__is_config_init`."),
    Parameter::body("is_quick_import", "Whether the file is imported the quick way."),
    Parameter::body("max_ram", "Most memory, MiB."),
    Parameter::body("min_ram", "Least memory, MiB."),
    Parameter::body("tags", "Texts `key.value`; not together with `image_tags`."),
    Parameter::body("image_tags", "Objects of `key` and `value`."),
    Parameter::body("enterprise_project_id", "The enterprise project to put it in."),
    Parameter::body("cmk_id", "Not offered here: there are no keys."),
];

const NO_SOURCE: Code = img("IMG.0012");

const LISTS: &[&[Code]] = &[
    Told::CODES,
    place::SOURCE_CODES,
    of_disks::CODES,
    &[
        NO_SOURCE,
        NOT_QUICK,
        BAD_TYPE,
        SYSTEM_NEEDED,
        of_files::SYSTEM_NEEDED_OF_DISC,
        BAD_SYSTEM,
        BAD_SYSTEM_KIND,
        BAD_ARCHITECTURE,
        code::BAD_FIRMWARE,
        code::ATTRIBUTE_CONFLICT,
        SAME_FILE,
    ],
];
const CODES: &[Code] = &joined::<{ count(LISTS) }>(LISTS);

async fn create(call: Call) -> Outcome {
    let body = call.object()?;
    let members = Members(&body);
    require_maker(&call)?;
    let sources = ["instance_id", "image_url", "volume_id"];
    let named: Vec<&str> = sources.into_iter().filter(|name| members.get(name).is_some()).collect();
    match named[..] {
        ["image_url"] => of_files::create(&call, members).await,
        ["instance_id"] => of_disks::of_server(&call, members).await,
        ["volume_id"] => of_disks::of_volume(&call, members).await,
        [] if members.get("data_images").is_some() => of_disks::of_volumes(&call, members).await,
        [] => Err(NO_SOURCE.fault().into()),
        _ => Err(bad("what the image is to be made of").into()),
    }
}
