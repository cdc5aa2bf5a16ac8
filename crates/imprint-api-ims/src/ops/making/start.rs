//! Images of files: what is begun, by which jobs.

use std::collections::BTreeSet;

use imprint_http::Response;
use imprint_model::{DiskFormat, ImageId, JobId, ObjectPlace};
use imprint_service::{ImportObjects, JobMark, NewImage, ObjectDisk};

use super::body::Told;
use super::place::{self, Speed};
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, img};
use crate::ops::jobs::{label, started};

/// Two images of one file.
pub(crate) const SAME_FILE: Code = img("IMG.0123");

/// One image of a file.
#[derive(Debug)]
pub(crate) struct OfFile {
    /// What is said of it.
    pub(crate) told: Told,
    /// The file.
    pub(crate) place: ObjectPlace,
    /// What it must be; found out otherwise.
    pub(crate) format: Option<DiskFormat>,
    /// Size of the disk, GiB.
    pub(crate) min_disk_gib: u32,
    /// How it is read.
    pub(crate) speed: Speed,
    /// What its job is called.
    pub(crate) label: &'static str,
}

/// Begins images of files, all or none; answers with the job, or with one that stands for all.
pub(crate) async fn files(call: &Call, mut wanted: Vec<OfFile>) -> Result<Response, Problem> {
    let mut places = BTreeSet::new();
    for one in &wanted {
        if !places.insert((one.place.bucket.clone(), one.place.key.clone())) {
            return Err(SAME_FILE.fault().into());
        }
        place::check(call, &one.place, one.speed).await?;
    }
    let images: Vec<(ImportObjects, NewImage)> = wanted.drain(..).map(|one| import(call, one)).collect();
    let (answered, group) = spoken_of(images.iter().map(|(_, new)| &new.job), label::OF_FILES);
    call.parts.service.import_images(&call.caller, images, group).await?;
    Ok(started(answered))
}

/// The job that is answered with: the only one, or one more that stands for all.
pub(crate) fn spoken_of<'a>(jobs: impl Iterator<Item = &'a JobMark>, label: &str) -> (JobId, Option<JobMark>) {
    let jobs: Vec<JobId> = jobs.map(|mark| mark.id).collect();
    match jobs[..] {
        [only] => (only, None),
        _ => {
            let group = JobMark { with: jobs, ..JobMark::new(label) };
            (group.id, Some(group))
        }
    }
}

fn import(call: &Call, one: OfFile) -> (ImportObjects, NewImage) {
    let OfFile { mut told, place, format, min_disk_gib, label, .. } = one;
    told.note("__root_origin", "file");
    told.note("__data_origin", format!("file,{}:{}", place.bucket, place.key));
    let new = told.new_image(min_disk_gib, label);
    let wanted = ImportObjects {
        id: ImageId::random(),
        region: call.region.clone(),
        name: Some(told.name),
        facts: told.facts,
        tags: told.tags,
        disks: vec![ObjectDisk { place, format, size_gib: Some(min_disk_gib), letter: None }],
    };
    (wanted, new)
}
