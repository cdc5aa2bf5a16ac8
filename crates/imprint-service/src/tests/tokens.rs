//! Requests with a token: done once, answered as often as they are sent, by this process or the next.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Catalogue;
use imprint_model::ImageId;

use super::stock::{amounts, dry, named, once, run, some_snapshot};
use crate::testing::{World, caller};
use crate::{Ask, Error, ImageSource, Once, Service, Settings};

#[tokio::test]
async fn the_second_request_gets_the_first_ones_answer_even_of_the_next_process() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let wanted = || named(ImageSource::Snapshot(id), "n");
    let first = world.service.make_image(&me, wanted(), once("t", "n")).await.expect("made");
    let after = amounts(&world, &me, first).await;
    let second = world.service.make_image(&me, wanted(), once("t", "n")).await.expect("answered");
    assert_eq!(second, first, "though each request had an id of its own");
    // another process opens the same database
    let url = format!("sqlite:{}/imprint.db", world.dir.path().display());
    let facts = imprint_catalogue::Settings { url, ..imprint_catalogue::Settings::default() };
    let catalogue = Catalogue::open(&facts).expect("opened again");
    let clock: Arc<dyn imprint_model::Clock> = Arc::new(world.clock.clone());
    let next = Service::new(catalogue, world.store.clone(), clock, Settings::default());
    let third = next.make_image(&me, wanted(), once("t", "n")).await.expect("answered");
    assert_eq!(third, first);
    let other = next.make_image(&me, wanted(), once("t", "another name")).await;
    assert!(matches!(other, Err(Error::TokenReused)), "{other:?}");
    assert_eq!(amounts(&world, &me, first).await, after);
    assert_eq!(run(&world).await, 1);
}

#[tokio::test]
async fn tokens_of_others_and_of_other_operations_are_others() {
    let (world, me, other) = (World::new(), caller("p", "member"), caller("q", "member"));
    let (mine, theirs) = (some_snapshot(&world, &me).await, some_snapshot(&world, &other).await);
    let first = world.service.make_image(&me, named(ImageSource::Snapshot(mine), "n"), once("t", "n")).await;
    let second = world.service.make_image(&other, named(ImageSource::Snapshot(theirs), "n"), once("t", "x")).await;
    assert_ne!(first.expect("made"), second.expect("made"));
    let scope = Once { scope: "here/else".to_owned(), token: "t".to_owned(), fingerprint: "y".to_owned() };
    let ask = Ask { once: Some(scope), dry_run: false };
    world.service.make_image(&me, named(ImageSource::Snapshot(mine), "m"), ask).await.expect("made");
}

#[tokio::test]
async fn neither_failure_nor_dry_run_uses_a_token_up() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let wanted = |name| named(ImageSource::Snapshot(id), name);
    world.service.make_image(&me, wanted("taken"), Ask::default()).await.expect("made");
    let before = amounts(&world, &me, ImageId::random()).await;
    let failed = world.service.make_image(&me, wanted("taken"), once("t", "taken")).await;
    assert!(matches!(failed, Err(Error::Duplicate(_))), "{failed:?}");
    let dry_run = world.service.make_image(&me, wanted("dry"), Ask { dry_run: true, ..once("t", "dry") }).await;
    assert!(matches!(dry_run, Err(Error::DryRun)), "{dry_run:?}");
    let plain = world.service.make_image(&me, wanted("dry"), dry()).await;
    assert!(matches!(plain, Err(Error::DryRun)), "{plain:?}");
    assert_eq!(amounts(&world, &me, ImageId::random()).await, before);
    let made = world.service.make_image(&me, wanted("free"), once("t", "free")).await.expect("the token is new");
    // a dry run of what was done already says that it could be done, and of something else that it could not
    let again = world.service.make_image(&me, wanted("free"), Ask { dry_run: true, ..once("t", "free") }).await;
    assert!(matches!(again, Err(Error::DryRun)), "{again:?}");
    let other = world.service.make_image(&me, wanted("x"), Ask { dry_run: true, ..once("t", "x") }).await;
    assert!(matches!(other, Err(Error::TokenReused)), "{other:?}");
    assert_eq!(world.service.make_image(&me, wanted("free"), once("t", "free")).await.expect("answered"), made);
}

#[tokio::test]
async fn a_token_is_forgotten_after_its_time_and_not_before() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let wanted = |name| named(ImageSource::Snapshot(id), name);
    let first = world.service.make_image(&me, wanted("a"), once("t", "a")).await.expect("made");
    world.pass(Duration::from_secs(25 * 3600));
    assert_eq!(world.service.make_image(&me, wanted("a"), once("t", "a")).await.expect("answered"), first);
    world.pass(Duration::from_secs(30 * 24 * 3600));
    let later = world.service.make_image(&me, wanted("b"), once("t", "b")).await.expect("made");
    assert_ne!(later, first);
}
