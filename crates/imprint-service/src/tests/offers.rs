//! Offers of several images to several accounts, all or nothing.

use imprint_model::{Caller, ImageId, JobState, MemberStatus, ProjectId, Visibility};
use serde_json::json;

use super::{create, raw};
use crate::testing::{World, caller};
use crate::{Change, ChangeOffers, Conflict, Error, JobMark, OfferStep, Quota, job_label};

async fn private(world: &World, me: &Caller) -> ImageId {
    let mut changes = raw();
    changes.push(Change::Visibility(Visibility::Private));
    create(world, me, changes).await.id
}

fn offers(images: &[ImageId], projects: &[&str], step: OfferStep) -> ChangeOffers {
    let projects = projects.iter().map(|&project| ProjectId::from(project)).collect();
    ChangeOffers { images: images.to_vec(), projects, step }
}

const OFFER: OfferStep = OfferStep::Offer { again: true };

#[tokio::test]
async fn the_first_offer_shares_a_private_image_with_those_alone_who_have_it_now() {
    let (world, me, friend) = (World::new(), caller("mine", "member"), caller("friend", "member"));
    let (service, id) = (&world.service, private(&world, &me).await);
    let earlier = offers(&[id], &["earlier"], OFFER);
    service.change_offers(&me, earlier, None).await.expect("offered");
    service.update_image(&me, id, vec![Change::Visibility(Visibility::Private)]).await.expect("withdrawn");
    let made = service.change_offers(&me, offers(&[id], &["friend"], OFFER), None).await.expect("offered");
    assert_eq!(made.iter().map(|member| member.status).collect::<Vec<_>>(), [MemberStatus::Pending]);
    let members = service.members(&me, id).await.expect("listed");
    assert_eq!(members.iter().map(|member| member.project.as_str()).collect::<Vec<_>>(), ["friend"]);
    let answer = offers(&[id], &["friend"], OfferStep::Answer(MemberStatus::Accepted));
    let answered = service.change_offers(&friend, answer.clone(), None).await.expect("answered");
    assert_eq!(answered[0].status, MemberStatus::Accepted);
    assert!(matches!(service.change_offers(&me, answer, None).await, Err(Error::Denied(_))));
    // offering again keeps the answer
    service.change_offers(&me, offers(&[id], &["friend"], OFFER), None).await.expect("again");
    assert_eq!(service.members(&me, id).await.expect("listed")[0].status, MemberStatus::Accepted);
    let once = offers(&[id], &["friend"], OfferStep::Offer { again: false });
    assert!(matches!(service.change_offers(&me, once, None).await, Err(Error::Duplicate(_))));
}

#[tokio::test]
async fn all_offers_are_made_or_none_and_with_them_the_note_of_a_job() {
    let world = World::with(crate::Settings {
        limits: crate::Limits { image_members: 2, ..crate::Limits::default() },
        ..crate::Settings::default()
    });
    let (me, service) = (caller("mine", "member"), &world.service);
    let images = [private(&world, &me).await, private(&world, &me).await];
    service.change_offers(&me, offers(&images[1..], &["a"], OFFER), None).await.expect("offered");
    let mark = JobMark::new("a label");
    let job = |mark: &JobMark| Some((mark.clone(), json!({"done": true})));
    let many = offers(&images, &["b", "c"], OFFER);
    let refused = service.change_offers(&me, many, job(&mark)).await;
    assert!(matches!(refused, Err(Error::OverQuota(Quota::Members, 2))));
    assert!(service.members(&me, images[1]).await.expect("listed").len() == 1);
    assert!(service.job(&me, mark.id).await.is_err(), "nothing was noted");
    let selfish = service.change_offers(&me, offers(&images, &["mine"], OFFER), None).await;
    assert!(matches!(selfish, Err(Error::Conflict(Conflict::SharedWithSelf))));
    service.change_offers(&me, offers(&images, &["b"], OFFER), job(&mark)).await.expect("offered");
    let noted = service.job(&me, mark.id).await.expect("noted");
    assert_eq!(
        (noted.state, job_label(&noted), noted.result.clone()),
        (JobState::Succeeded, Some("a label"), Some(json!({"done": true})))
    );
    let gone = OfferStep::Withdraw { gone: true };
    service.change_offers(&me, offers(&images, &["a", "b", "z"], gone), None).await.expect("withdrawn");
    assert!(service.members(&me, images[0]).await.expect("listed").is_empty());
    let strict = OfferStep::Withdraw { gone: false };
    assert!(matches!(service.change_offers(&me, offers(&images, &["b"], strict), None).await, Err(Error::NotFound(_))));
}
