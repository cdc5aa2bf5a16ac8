//! An image as a file in a bucket.

use http::Method;
use imprint_model::{DiskFormat, Image, Visibility};
use imprint_service::{Ask, Conflict, Error, ExportFormat, ExportImage, ExportTo, Field, JobMark};

use super::jobs::{label, started};
use super::making::body::{Members, bad};
use super::making::place::{BAD_BUCKET, BAD_FORMAT, BAD_URL, BLANKS, BUCKET_ABSENT, KEY_BYTES_MAX, NO_BUCKET, split};
use crate::call::Call;
use crate::fault::{Code, Fault, code, img};
use crate::op::{Family, IMAGE_ID, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] = &[
    row("export_image", "/v1/cloudimages/{image_id}/file"),
    row("export_image_safely", "/v2.1/cloudimages/{image_id}/file"),
];

const fn row(name: &'static str, path: &'static str) -> Op {
    let about = "Writes an image of one's own to a file in a bucket; a job.";
    Op::new(Family::Creation, name, Method::POST, path, about, run!(export))
        .parameters(PARAMETERS)
        .codes(CODES)
        .faults(faults)
}

const PARAMETERS: &[Parameter] = &[
    IMAGE_ID,
    Parameter::body("bucket_url", "The file: `bucket:object`; nothing may have its name.").required(),
    Parameter::body("file_format", "`qcow2`, `vhd`, `zvhd` or `vmdk`."),
    Parameter::body(
        "is_quick_export",
        "Writes `zvhd2`; `file_format` is left out then. Both are experimental, as is `zvhd`.",
    ),
];

/// Largest image that is exported the usual way, bytes.
const EXPORTED_BYTES_MAX: u64 = 128 << 30;
/// Largest image that is exported the quick way, bytes.
const QUICK_BYTES_MAX: u64 = 1 << 40;

const TAKEN: Code = img("IMG.0070");
const NO_KEY: Code = img("IMG.0073");
const KEY_TOO_LONG: Code = img("IMG.0074");
const BAD_KEY: Code = img("IMG.0075");
const PUBLIC: Code = img("IMG.0077");
const WHOLE: Code = img("IMG.0128");
const DISC: Code = img("IMG.0167");
const EXPORTING: Code = img("IMG.0148");
const TOO_LARGE: Code = img("IMG.0160");
const NOT_EXPORTED: Code = img("IMG.0071");

const CODES: &[Code] = &[
    code::EMPTY_BODY,
    BAD_URL,
    NO_BUCKET,
    BAD_BUCKET,
    BUCKET_ABSENT,
    BLANKS,
    NO_KEY,
    KEY_TOO_LONG,
    BAD_KEY,
    TAKEN,
    BAD_FORMAT,
    code::IMAGE_NOT_FOUND,
    code::NOT_OWNER,
    code::IMAGE_UNAVAILABLE,
    PUBLIC,
    WHOLE,
    DISC,
    EXPORTING,
    TOO_LARGE,
    NOT_EXPORTED,
];

async fn export(call: Call) -> Outcome {
    let id = call.image_id()?;
    let body = call.object()?;
    let members = Members(&body);
    let (bucket, key) = target(members)?;
    let format = format(members)?;
    let image = call.parts.service.show_image(&call.caller, id).await?;
    require_exportable(&call, &image, format)?;
    let wanted = ExportImage { image: id, region: image.region, bucket, prefix: None, format };
    let to = ExportTo { key: Some(key), job: JobMark::new(label::EXPORT) };
    let job = call.parts.service.export_image_as(&call.caller, wanted, to, Ask::default()).await?;
    Ok(started(job))
}

/// Bucket and key of the file to write.
fn target(members: Members<'_>) -> Result<(String, String), Fault> {
    let (bucket, key) = split(members.need("bucket_url", NO_BUCKET)?)?;
    if key.is_empty() || key.ends_with('/') {
        return Err(NO_KEY.fault());
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(KEY_TOO_LONG.fault());
    }
    if key.contains(' ') {
        return Err(BLANKS.fault());
    }
    let parts = key.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if !parts || key.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) {
        return Err(BAD_KEY.fault());
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

/// The quick way has a format of its own.
fn format(members: Members<'_>) -> Result<ExportFormat, Fault> {
    let quick = members.truth("is_quick_export")?;
    match members.text("file_format")? {
        Some(_) if quick => Err(bad("file_format together with is_quick_export")),
        None if quick => Ok(ExportFormat::Zvhd2),
        Some("qcow2") => Ok(ExportFormat::Qcow2),
        Some("vhd") => Ok(ExportFormat::Vhd),
        Some("vmdk") => Ok(ExportFormat::Vmdk),
        Some("zvhd") => Ok(ExportFormat::Zvhd),
        _ => Err(BAD_FORMAT.fault()),
    }
}

fn require_exportable(call: &Call, image: &Image, format: ExportFormat) -> Result<(), Fault> {
    if matches!(image.visibility, Visibility::Public | Visibility::Community) {
        return Err(PUBLIC.fault());
    }
    if !call.caller.acts_for(&image.owner) {
        return Err(code::NOT_OWNER.fault());
    }
    if is_whole(image) {
        return Err(WHOLE.fault());
    }
    if is_disc(image) {
        return Err(DISC.fault());
    }
    let most = if format == ExportFormat::Zvhd2 { QUICK_BYTES_MAX } else { EXPORTED_BYTES_MAX };
    if image.size_bytes().is_some_and(|size| size > most) {
        return Err(TOO_LARGE.fault());
    }
    Ok(())
}

/// Whether an image was made of a whole server.
pub(super) fn is_whole(image: &Image) -> bool {
    image.properties.get("__whole_image").is_some_and(|whole| whole.as_deref() == Some("true"))
}

/// Whether an image is an optical disc.
pub(super) fn is_disc(image: &Image) -> bool {
    let named = image.properties.get("virtual_env_type").is_some_and(|kind| kind.as_deref() == Some("IsoImage"));
    named || image.disk_format == Some(DiskFormat::Iso)
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::Unsupported(_) => BAD_FORMAT,
        Error::Duplicate(Field::Object) => TAKEN,
        Error::Invalid { field: Field::Object, .. } => BAD_KEY,
        Error::Conflict(Conflict::ImageExporting) => EXPORTING,
        Error::Conflict(Conflict::ImagePublic) => PUBLIC,
        Error::Conflict(Conflict::ImageHasDataDisks | Conflict::ExportTooLarge) => NOT_EXPORTED,
        _ => return None,
    };
    Some(code.fault())
}
