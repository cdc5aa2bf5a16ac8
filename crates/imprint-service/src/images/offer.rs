//! Offering images to accounts that are asked: several of both at once, all or nothing. The rows are the same that
//! `members.rs` writes one by one, but an image that is nobody else's comes to be shared by the first offer.

use imprint_catalogue::{Tx, images, members};
use imprint_model::{Action, Caller, Image, ImageId, Member, MemberStatus, ProjectId, Timestamp, Visibility};
use serde_json::Value;

use super::members::may_answer;
use super::share::forget_members;
use crate::Service;
use crate::access::{load, note};
use crate::error::{Conflict, Error, Field, Quota, Resource};
use crate::jobs::{JobMark, note_ended};
use crate::limits::{most, within};

/// What is to become of the offers of each of these images to each of these accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOffers {
    /// The images.
    pub images: Vec<ImageId>,
    /// The accounts.
    pub projects: Vec<ProjectId>,
    /// What is to be done.
    pub step: OfferStep,
}

/// What is to be done with offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferStep {
    /// The owner makes them. With `again`, those that are there already stay as they are.
    Offer {
        /// Whether they may be there already.
        again: bool,
    },
    /// The owner takes them back. With `gone`, those that are not there do not matter.
    Withdraw {
        /// Whether they may be gone already.
        gone: bool,
    },
    /// The account that an image is offered to answers.
    Answer(MemberStatus),
}

impl Service {
    /// Makes, takes back or answers offers, and notes it as a job that has ended where one is asked for, with its result.
    /// The offers are those that there are afterwards, image by image.
    ///
    /// # Errors
    /// [`Error::NotFound`] of an image or of a member, [`Error::Denied`] to anybody but the owner, or but the account that
    /// answers, [`Error::Duplicate`] of the member, [`Conflict::SharedWithSelf`], [`Conflict::ImagePublic`],
    /// [`Error::OverQuota`] of members, [`Error::Missing`] and [`Error::Invalid`] of [`Field::Member`].
    pub async fn change_offers(
        &self,
        caller: &Caller,
        wanted: ChangeOffers,
        job: Option<(JobMark, Value)>,
    ) -> Result<Vec<Member>, Error> {
        for project in &wanted.projects {
            if project.0.is_empty() {
                return Err(Error::Missing(Field::Member));
            }
            self.settings.limits.text(Field::Member, project.0.clone())?;
        }
        let (service, caller) = (self.clone(), caller.clone());
        let work = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            let mut left = Vec::new();
            for &id in &wanted.images {
                left.extend(service.change_offers_of(tx, &caller, id, &wanted, now)?);
            }
            if let Some((mark, result)) = &job {
                note_ended(tx, &caller, mark, &Ok(result.clone()), now)?;
            }
            Ok::<_, Error>(left)
        };
        self.catalogue.write(work).await
    }

    fn change_offers_of(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        id: ImageId,
        wanted: &ChangeOffers,
        now: Timestamp,
    ) -> Result<Vec<Member>, Error> {
        let projects = &wanted.projects;
        match wanted.step {
            OfferStep::Offer { again } => {
                let mut image = load(tx, caller, Action::Share, id)?;
                require_offerable(&image, projects)?;
                share(tx, &mut image, now)?;
                let offers = projects.iter().map(|project| offer(tx, id, project, again, now));
                let offers = offers.collect::<Result<Vec<_>, _>>()?;
                let limit = most(tx, &image.owner, "image_members", self.settings.limits.image_members)?;
                within(limit, members::count(tx, id)?, Quota::Members)?;
                note(tx, caller, now, "share", id)?;
                Ok(offers)
            }
            OfferStep::Withdraw { gone } => {
                let image = load(tx, caller, Action::Share, id)?;
                let shared = image.visibility == Visibility::Shared;
                for project in projects {
                    let there = shared && members::delete(tx, id, project)?;
                    if !there && !gone {
                        return Err(absent(project));
                    }
                }
                note(tx, caller, now, "unshare", id)?;
                Ok(Vec::new())
            }
            OfferStep::Answer(status) => {
                let image = load(tx, caller, Action::Read, id)?;
                let answers = projects.iter().map(|project| answer(tx, caller, &image, project, status, now));
                let answers = answers.collect::<Result<Vec<_>, _>>()?;
                note(tx, caller, now, "answer share", id)?;
                Ok(answers)
            }
        }
    }
}

/// Nobody offers to itself, and what everybody sees is not offered.
fn require_offerable(image: &Image, projects: &[ProjectId]) -> Result<(), Error> {
    if projects.contains(&image.owner) {
        return Err(Error::Conflict(Conflict::SharedWithSelf));
    }
    match image.visibility {
        Visibility::Public | Visibility::Community => Err(Error::Conflict(Conflict::ImagePublic)),
        Visibility::Private | Visibility::Shared => Ok(()),
    }
}

/// Makes an image one that can have members.
fn share(tx: &mut Tx<'_>, image: &mut Image, now: Timestamp) -> Result<(), Error> {
    if image.visibility != Visibility::Private {
        return Ok(());
    }
    forget_members(tx, image)?;
    image.visibility = Visibility::Shared;
    image.updated_at = now;
    Ok(images::update(tx, image)?)
}

fn offer(tx: &mut Tx<'_>, image: ImageId, project: &ProjectId, again: bool, now: Timestamp) -> Result<Member, Error> {
    match members::get(tx, image, project)? {
        Some(known) if again => return Ok(known),
        Some(_) => return Err(Error::Duplicate(Field::Member)),
        None => {}
    }
    let (project, status) = (project.clone(), MemberStatus::Pending);
    let member = Member { image, project, status, created_at: now, updated_at: now };
    members::insert(tx, &member)?;
    Ok(member)
}

fn answer(
    tx: &mut Tx<'_>,
    caller: &Caller,
    image: &Image,
    project: &ProjectId,
    status: MemberStatus,
    now: Timestamp,
) -> Result<Member, Error> {
    if !may_answer(caller, project) {
        return Err(Error::Denied("answering for another account".to_owned()));
    }
    let shared = image.visibility == Visibility::Shared;
    let known = if shared { members::get(tx, image.id, project)? } else { None };
    let mut member = known.ok_or_else(|| absent(project))?;
    member.status = status;
    member.updated_at = now;
    members::update(tx, &member)?;
    Ok(member)
}

fn absent(project: &ProjectId) -> Error {
    Error::NotFound(Resource::Member(project.to_string()))
}
