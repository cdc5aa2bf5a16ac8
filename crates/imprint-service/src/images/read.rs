//! Showing one image and listing many.

use imprint_catalogue::{ErrorKind, images};
use imprint_model::{
    Action, Caller, Direction, Filter, Image, ImageId, ImageQuery, MemberStatus, Page, Reach, SharedWith, SortKey,
    Visibility,
};

use crate::Service;
use crate::access::load;
use crate::error::{Error, Field};

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

    /// A page of the images that the caller can see.
    ///
    /// # Errors
    /// [`Error::Invalid`] of [`Field::Marker`] when the page is to start after an image the caller cannot see.
    pub async fn list_images(&self, caller: &Caller, wanted: ListImages) -> Result<Listing, Error> {
        let mut filters = wanted.filters;
        if let Seen::Only(visibility) = wanted.seen {
            filters.push(Filter::Visibility(visibility));
        }
        let reach = reach(caller, wanted.seen, wanted.member_statuses);
        let query = ImageQuery { reach, filters, sort: wanted.sort, page: wanted.page };
        let page = self.catalogue.scan(move |tx| {
            images::list(tx, &query).map_err(|error| match error.kind() {
                ErrorKind::UnknownMarker => Error::invalid(Field::Marker, "no such image"),
                _ => error.into(),
            })
        });
        let page = page.await?;
        Ok(Listing { images: page.images, total: page.total })
    }
}

/// What `caller` can see at all, for a list of `seen`.
fn reach(caller: &Caller, seen: Seen, statuses: Vec<MemberStatus>) -> Reach {
    let community = matches!(seen, Seen::All | Seen::Only(Visibility::Community));
    let shared = caller.project.clone().map(|project| SharedWith { project, statuses });
    Reach { everything: caller.is_admin(), own: caller.project.clone(), public: true, community, shared }
}
