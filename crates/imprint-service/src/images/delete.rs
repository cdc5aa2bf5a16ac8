//! Taking an image away. Its bytes become garbage once nothing else names them; collection finds them.

use imprint_catalogue::{Tx, images, instances, jobs};
use imprint_model::{Action, Caller, Image, ImageId, Job, JobState, Visibility};

use super::copy::require_own;
use super::rules::require_in;
use super::update::is_shared;
use crate::Service;
use crate::access::{load, note, permit};
use crate::ask::{Ask, asked};
use crate::error::{Conflict, Error};
use crate::jobs::Work;

impl Service {
    /// Deletes an image in any status; whoever is writing its bytes finds it gone.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Protected`].
    pub async fn delete_image(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        let (caller, clock) = (caller.clone(), self.clock.clone());
        self.catalogue
            .write(move |tx| {
                let image = load(tx, &caller, Action::Write, id)?;
                if image.protected {
                    return Err(Error::Protected);
                }
                let now = clock.now();
                // one that waits for snapshots is found through its image alone
                for job in jobs::open_of_images(tx, &[id])? {
                    if matches!(Work::of(&job), Ok(Work::MakeImage)) {
                        jobs::finish(tx, job.id, JobState::Cancelled, None, "", now)?;
                    }
                }
                images::delete(tx, id, now)?;
                note(tx, &caller, now, "delete", id)
            })
            .await
    }

    /// Deletes an image of a region unless somebody depends on it; with `force`, machines that were made from it are no
    /// reason against it. Snapshots it was made of stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] to anybody but its owner; [`Error::Protected`], [`Conflict::ImagePublic`],
    /// [`Conflict::ImageShared`], [`Conflict::ImageCopying`], [`Conflict::ImageImporting`],
    /// [`Conflict::ImageExporting`], [`Conflict::ImageUsedByInstance`] unless forced, [`Error::DryRun`].
    pub async fn delete_image_as(
        &self,
        caller: &Caller,
        region: &str,
        id: ImageId,
        force: bool,
        ask: Ask,
    ) -> Result<(), Error> {
        self.require_region(region)?;
        let (clock, caller, region) = (self.clock.clone(), caller.clone(), region.to_owned());
        let delete = move |tx: &mut Tx<'_>| {
            let now = clock.now();
            asked(tx, &caller, &ask, now, |tx| {
                let image = load(tx, &caller, Action::Read, id)?;
                require_own(&caller, &image)?;
                require_in(&image, &region)?;
                permit(&caller, Action::Write, &image, None)?;
                if image.protected {
                    return Err(Error::Protected);
                }
                if let Some(job) = require_unneeded(tx, &image, force)? {
                    jobs::finish(tx, job.id, JobState::Cancelled, None, "", now)?;
                }
                images::delete(tx, image.id, now)?;
                note(tx, &caller, now, "delete", image.id)
            })
        };
        self.catalogue.write(delete).await
    }
}

/// Nobody else depends on the image, and no job that has a way to be stopped works on it. Answers the job that ends
/// with the image.
fn require_unneeded(tx: &mut Tx<'_>, image: &Image, force: bool) -> Result<Option<Job>, Error> {
    let in_the_way = |conflict| Err(Error::Conflict(conflict));
    if matches!(image.visibility, Visibility::Public | Visibility::Community) {
        return in_the_way(Conflict::ImagePublic);
    }
    if is_shared(tx, image)? {
        return in_the_way(Conflict::ImageShared);
    }
    // a check ends with its image
    let open = jobs::open_of_images(tx, &[image.id])?;
    let job = open.into_iter().find(|job| !Work::ASIDE.contains(&job.kind.as_str()));
    match job.as_ref().map(Work::of).transpose()? {
        Some(Work::CopyImage) => return in_the_way(Conflict::ImageCopying),
        Some(Work::ExportImage { .. }) => return in_the_way(Conflict::ImageExporting),
        Some(Work::Import { .. } | Work::ImportObjects { .. }) => return in_the_way(Conflict::ImageImporting),
        Some(
            Work::MakeImage | Work::CheckImage { .. } | Work::CopyElsewhere(_) | Work::TakeBack { .. } | Work::Noted,
        )
        | None => {}
    }
    if !force && instances::of_image(tx, image.id)? {
        return in_the_way(Conflict::ImageUsedByInstance);
    }
    Ok(job)
}
