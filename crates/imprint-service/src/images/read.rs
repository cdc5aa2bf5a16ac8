//! Showing one image and listing many.

use imprint_catalogue::{ErrorKind, Tx, images};
use imprint_model::{
    Action, Caller, Decision, Direction, Filter, Image, ImageId, ImageQuery, MemberStatus, Page, Reach, SharedWith,
    SortKey, Timestamp, Visibility,
};

use super::rules::require_in;
use crate::Service;
use crate::access::load;
use crate::error::{Error, Field};

/// Images of a page that is looked up on the thread that asks.
pub(super) const SHORT_PAGE: u32 = 20;

/// Which images a list is about, before any filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// What concerns the caller: all it can see but the community images of others.
    Default,
    /// All it can see.
    All,
    /// Those of one visibility.
    Only(Visibility),
}

/// A list that is wanted.
#[derive(Debug, Clone)]
pub struct ListImages {
    /// Which images.
    pub seen: Seen,
    /// Of images shared with the caller, those it has answered so.
    pub member_statuses: Vec<MemberStatus>,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// In which order.
    pub sort: Vec<(SortKey, Direction)>,
    /// Which page.
    pub page: Page,
}

/// A page of images.
#[derive(Debug, Clone)]
pub struct Listing {
    /// In the order asked for.
    pub images: Vec<Image>,
    /// How many there are on all pages; for numbered pages only.
    pub total: Option<u64>,
}

impl Service {
    /// One image.
    ///
    /// # Errors
    /// [`Error::NotFound`] also when the caller may not see it.
    pub async fn show_image(&self, caller: &Caller, id: ImageId) -> Result<Image, Error> {
        let caller = caller.clone();
        self.catalogue.read(move |tx| load(tx, &caller, Action::Read, id)).await
    }

    /// One image of a region.
    ///
    /// # Errors
    /// [`Error::NotFound`] also when the caller may not see it, or when it is in another region.
    pub async fn show_image_in(&self, caller: &Caller, region: &str, id: ImageId) -> Result<Image, Error> {
        self.require_region(region)?;
        let image = self.show_image(caller, id).await?;
        require_in(&image, region)?;
        Ok(image)
    }

    /// A page of the images that the caller can see.
    ///
    /// # Errors
    /// [`Error::Invalid`] of [`Field::Marker`] when the page is to start after an image the caller cannot see.
    pub async fn list_images(&self, caller: &Caller, wanted: ListImages) -> Result<Listing, Error> {
        let mut filters = wanted.filters;
        if let Seen::Only(visibility) = wanted.seen {
            filters.push(Filter::Visibility(visibility));
        }
        let reach = reach(caller, &self.settings.regions, wanted.seen, wanted.member_statuses);
        let short = images_of(&wanted.page) <= SHORT_PAGE;
        let query = ImageQuery { reach, filters, sort: wanted.sort, page: wanted.page };
        let list = move |tx: &mut Tx<'_>| {
            images::list(tx, &query).map_err(|error| match error.kind() {
                ErrorKind::UnknownMarker => Error::invalid(Field::Marker, "no such image"),
                _ => error.into(),
            })
        };
        let page = if short { self.catalogue.scan_short(list).await } else { self.catalogue.scan(list).await };
        let mut page = page?;
        page.images.retain(|image| is_granted(caller, image));
        Ok(Listing { images: page.images, total: page.total })
    }
}

/// Images that a page has at most.
fn images_of(page: &Page) -> u32 {
    match page {
        Page::After { limit, .. } => *limit,
        Page::Numbered { size, .. } => *size,
    }
}

/// What `caller` can see at all, for a list of `seen`.
fn reach(caller: &Caller, regions: &[String], seen: Seen, statuses: Vec<MemberStatus>) -> Reach {
    let community = matches!(seen, Seen::All | Seen::Only(Visibility::Community));
    let shared = caller.project.clone().map(|project| SharedWith { project, statuses });
    let own = caller.project.clone().filter(|_| may_look(caller, regions));
    Reach { everything: caller.is_admin(), own, public: true, community, shared }
}

/// Whether the account's own images of `regions` are in the lists of a caller whom its owner bound to grants: whoever
/// may look at some of them only has to name them.
pub(super) fn may_look(caller: &Caller, regions: &[String]) -> bool {
    let (Some(grants), Some(project)) = (caller.grants.as_deref(), &caller.project) else { return true };
    let any = |region: &String| Image::blank(ImageId::random(), project.clone(), region.clone(), Timestamp(0));
    regions.iter().all(|region| grants.permits(Action::Read, &any(region)) == Decision::Allowed)
}

/// Whether grants let the caller look at this image, too, if it is its account's.
fn is_granted(caller: &Caller, image: &Image) -> bool {
    let grants = caller.grants.as_deref().filter(|_| caller.acts_for(&image.owner));
    grants.is_none_or(|grants| grants.permits(Action::Read, image) == Decision::Allowed)
}
