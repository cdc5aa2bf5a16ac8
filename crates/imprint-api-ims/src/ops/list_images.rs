//! Listing the images that the caller sees, a page at a time.

use http::{Method, StatusCode};

use crate::answer;
use crate::call::Call;
use crate::op::{Family, Op, Outcome, Parameter, run};
use crate::query::{self, Asker, BAD_ARCHITECTURE, BAD_FLAVOR, BAD_TYPE, LIMIT_DEFAULT};

pub(super) const OPS: &[Op] = &[Op::new(
    Family::Images,
    "list_images",
    Method::GET,
    "/v2/cloudimages",
    "Lists images, newest first: one's own, public ones, and those shared with oneself and accepted. Images meet all \
     conditions; text is compared as it is shown. The list ends with an empty page.",
    run!(list),
)
.parameters(CONDITIONS)
.codes(&[BAD_TYPE, BAD_ARCHITECTURE, BAD_FLAVOR])];

/// What lists can be asked for by.
pub(super) const CONDITIONS: &[Parameter] = &[
    Parameter::query("__imagetype", "`gold`, `private`, `shared` or `market` (there are none)."),
    Parameter::query("visibility", "`public`, `private` or `shared`."),
    Parameter::query(
        "member_status",
        "Of images shared with oneself: `accepted` (default), `pending`, `rejected`, `all`.",
    ),
    Parameter::query("owner", "A project."),
    Parameter::query("id", "One image; it is shown whatever its region. An unknown one gives an empty list."),
    Parameter::query("name", "Exactly this name."),
    Parameter::query("status", "`queued`, `saving`, `active`, `killed`, `deleted` (there are none)."),
    Parameter::query("protected", "`true` or `false`."),
    Parameter::query("__isregistered", "`true`; with `false` the list is empty."),
    Parameter::query("__whole_image", "`true` or `false`."),
    Parameter::query("__system__cmkid", "The id of a key."),
    Parameter::query("container_format", "`bare`, …"),
    Parameter::query("disk_format", "`vhd`, `raw`, `qcow2`, …"),
    Parameter::query("min_ram", "Exactly so many MiB."),
    Parameter::query("min_disk", "Exactly so many GiB."),
    Parameter::query("__os_bit", "`32` or `64`."),
    Parameter::query("__os_type", "`Linux`, `Windows` or `Other`."),
    Parameter::query("__platform", "`Ubuntu`, `RedHat` (also `Red Hat`), …"),
    Parameter::query("virtual_env_type", "`FusionCompute`, `DataImage`, `Ironic` or `IsoImage`."),
    Parameter::query("architecture", "`x86` or `arm`."),
    Parameter::query("flavor_id", "Public images that servers of this flavor boot."),
    Parameter::query("enterprise_project_id", "`0` for the default one, an id, or `all_granted_eps`."),
    Parameter::query("tag", "`key=value`, or the key alone for a tag without a value. May be repeated."),
    Parameter::query(
        "created_at",
        "`gt:`, `gte:`, `lt:`, `lte:`, `eq:` or `neq:`, and a time: `2018-10-28T10:00:00Z`.",
    ),
    Parameter::query("updated_at", "As `created_at`."),
    Parameter::query("__support_…", "Any attribute of this kind: `true`, or a GPU's name. Other attributes likewise."),
    Parameter::query("limit", "Most images of the page, up to 1,000; 500 by default."),
    Parameter::query("marker", "The image after which the page begins."),
    Parameter::query(
        "sort_key",
        "`created_at` (default), `updated_at`, `name`, `status`, `size`, `id`, `disk_format`, `container_format`.",
    ),
    Parameter::query("sort_dir", "`desc` (default) or `asc`."),
];

async fn list(call: Call) -> Outcome {
    let asker = Asker { project: call.project()?, region: &call.region };
    let images = query::read(&call.query, asker, LIMIT_DEFAULT, &[])?.images(&call).await?;
    let mut out = b"{\"images\":".to_vec();
    query::write_images(&call, &images, &mut out).await?;
    out.push(b'}');
    Ok(answer::written(StatusCode::OK, out))
}
