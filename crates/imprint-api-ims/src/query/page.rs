//! Asking for a page, and writing its images.

use imprint_model::{Image, ImageId, Page, Visibility, role};
use imprint_service::{ListImages, Seen};

use super::{LIMIT_MAX, Question};
use crate::call::Call;
use crate::error::Problem;
use crate::fault::code;
use crate::view::{self, Look};

/// Images looked at in one go at least, once some of those of the page had to be left out.
const CHECKED_MIN: u32 = 100;

impl Question {
    /// The images of the page, in order.
    ///
    /// # Errors
    /// `IMG.0026` for whoever may not look, `IMG.0001` when the page is to begin after an image that the caller does not
    /// see.
    pub(crate) async fn images(&self, call: &Call) -> Result<Vec<Image>, Problem> {
        if !call.caller.has_role(role::READER) {
            return Err(code::FORBIDDEN.fault().into());
        }
        let (limit, mut after) = (self.limit as usize, self.after);
        let mut found: Vec<Image> = Vec::new();
        let mut least = 0;
        while !self.impossible && found.len() < limit {
            let missing = self.limit - u32::try_from(found.len()).unwrap_or(self.limit);
            let asked = missing.max(least);
            least = CHECKED_MIN;
            let page = self.fetch(call, after, asked).await?;
            after = page.last().map(|image| image.id);
            // a user bound to grants may be given fewer than there are
            let ended = page.is_empty() || (page.len() < asked as usize && call.caller.grants.is_none());
            found.extend(page.into_iter().filter(|image| self.checks.iter().all(|check| check.holds(image))));
            if ended {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Every image there is, however many pages.
    ///
    /// # Errors
    /// As [`Self::images`].
    pub(crate) async fn walk(mut self, call: &Call, mut visit: impl FnMut(Image)) -> Result<(), Problem> {
        self.limit = LIMIT_MAX;
        loop {
            let images = self.images(call).await?;
            let ended = images.len() < LIMIT_MAX as usize;
            self.after = images.last().map(|image| image.id);
            images.into_iter().for_each(&mut visit);
            if ended {
                return Ok(());
            }
        }
    }

    async fn fetch(&self, call: &Call, after: Option<ImageId>, limit: u32) -> Result<Vec<Image>, Problem> {
        let list = ListImages {
            seen: Seen::Default,
            member_statuses: self.member_statuses.clone(),
            filters: self.filters.clone(),
            sort: self.sort.clone(),
            page: Page::After { after, limit },
        };
        Ok(call.parts.service.list_images(&call.caller, list).await?.images)
    }
}

/// Writes images as one JSON array.
///
/// # Errors
/// When the catalogue does not answer.
pub(crate) async fn write_images(call: &Call, images: &[Image], out: &mut Vec<u8>) -> Result<(), Problem> {
    let project = call.caller.project.as_ref();
    // only of these it matters whether anybody has them
    let doubtful = |image: &&Image| image.visibility == Visibility::Shared && project == Some(&image.owner);
    let own: Vec<Image> = images.iter().filter(doubtful).cloned().collect();
    let known = if own.is_empty() { Vec::new() } else { call.parts.service.annotate(&call.caller, &own).await? };
    let mut known = known.into_iter();
    out.reserve(images.len() * view::IMAGE_BYTES_TYPICAL);
    out.push(b'[');
    for (place, image) in images.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let shared = doubtful(&image) && known.next().is_some_and(|known| known.shared);
        view::write_image(out, image, Look { project, shared });
    }
    out.push(b']');
    Ok(())
}
