//! Families: the line of images of which the newest that is offered counts.

use imprint_catalogue::images;
use imprint_model::{Caller, Image, MemberStatus, Reach, SharedWith};

use super::read::may_look;
use crate::Service;
use crate::error::Error;

impl Service {
    /// The newest image of a family that is offered in a region: of the caller's own if it has one, else of those that
    /// others show to it, community images aside.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the region; a family that offers nothing is `None`.
    pub async fn image_of_family(&self, caller: &Caller, region: &str, family: &str) -> Result<Option<Image>, Error> {
        self.require_region(region)?;
        let (region, family) = (region.to_owned(), family.to_owned());
        let (own, others) = reaches(caller, &region);
        self.catalogue
            .scan(move |tx| {
                for reach in own.iter().chain([&others]) {
                    if let Some(image) = images::newest_of_family(tx, reach, &region, &family)? {
                        return Ok(Some(image));
                    }
                }
                Ok(None)
            })
            .await
    }
}

/// The caller's own images, and those that others show to it.
fn reaches(caller: &Caller, region: &String) -> (Option<Reach>, Reach) {
    let nothing = Reach { everything: false, own: None, public: false, community: false, shared: None };
    let own = caller.project.clone().filter(|_| may_look(caller, std::slice::from_ref(region)));
    let own = own.map(|project| Reach { own: Some(project), ..nothing.clone() });
    // what was offered and not declined is there, as in lists of those dialects that know families
    let statuses = vec![MemberStatus::Accepted, MemberStatus::Pending];
    let shared = caller.project.clone().map(|project| SharedWith { project, statuses });
    (own, Reach { public: true, shared, ..nothing })
}
