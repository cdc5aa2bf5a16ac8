//! Two requests at the same moment, on real threads: one wins, and no limit is passed.

use std::sync::atomic::{AtomicU32, Ordering};

use imprint_model::{Facts, ImageId, Status};

use super::stock::{HERE, allow, amounts, named, once, run, shown, some_snapshot, wish};
use crate::testing::{World, caller};
use crate::{Ask, Change, Error, FactChange, ImageSource, MakeImage, Settings, UpdateRules};

/// Requests that race.
const RACERS: usize = 8;

/// A world on every engine that is to be had.
pub(super) async fn worlds() -> Vec<World> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut worlds = vec![World::new()];
    if let Ok(server) = std::env::var("IMPRINT_TEST_POSTGRES") {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("imprint_service_{}_{number}", std::process::id());
        let (address, _) = server.rsplit_once('/').expect("the address names a database");
        let url = format!("{address}/{name}");
        let make = move || {
            let mut client = postgres::Client::connect(&server, postgres::NoTls).expect("the test server answers");
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).expect("the rest of an earlier run goes");
            client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a fresh database");
            World::on(tempfile::tempdir().expect("a directory"), url, Settings::default())
        };
        worlds.push(tokio::task::spawn_blocking(make).await.expect("no panic"));
    }
    worlds
}

/// Asks for all of them at once, each on a task of its own.
async fn race(world: &World, wanted: Vec<(MakeImage, Ask)>) -> Vec<Result<ImageId, Error>> {
    let tasks: Vec<_> = wanted
        .into_iter()
        .map(|(wanted, ask)| {
            let service = world.service.clone();
            tokio::spawn(async move { service.make_image(&caller("p", "member"), wanted, ask).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_name_is_given_once() {
    for world in worlds().await {
        let me = caller("p", "member");
        let id = some_snapshot(&world, &me).await;
        let wanted = (0..RACERS).map(|_| (named(ImageSource::Snapshot(id), "one"), Ask::default())).collect();
        let answers = race(&world, wanted).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::Duplicate(_)))), "{answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_place_is_given_once() {
    for world in worlds().await {
        let me = caller("p", "member");
        let id = some_snapshot(&world, &me).await;
        allow(&world.catalogue, "p", "region_images", 3).await; // and one is there
        let wanted = (0..RACERS).map(|_| (wish(ImageSource::Snapshot(id)), Ask::default())).collect();
        let answers = race(&world, wanted).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2, "{answers:?}");
        allow(&world.catalogue, "p", "region_images", 100).await;
        allow(&world.catalogue, "p", "family_images", 2).await;
        let family = Facts { family: Some("line".to_owned()), ..Facts::default() };
        let wanted = (0..RACERS)
            .map(|_| (MakeImage { facts: family.clone(), ..wish(ImageSource::Snapshot(id)) }, Ask::default()))
            .collect();
        let answers = race(&world, wanted).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2, "{answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_token_makes_one_image() {
    for world in worlds().await {
        let me = caller("p", "member");
        let id = some_snapshot(&world, &me).await;
        let before = amounts(&world, &me, ImageId::random()).await;
        let wanted = (0..RACERS).map(|_| (wish(ImageSource::Snapshot(id)), once("t", "same"))).collect();
        let answers = race(&world, wanted).await;
        let first = *answers[0].as_ref().expect("answered");
        assert!(answers.iter().all(|answer| matches!(answer, Ok(id) if *id == first)), "{answers:?}");
        assert_eq!(amounts(&world, &me, first).await[0], before[0] + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_images_do_not_take_one_name_by_being_renamed() {
    for world in worlds().await {
        let me = caller("p", "member");
        let id = some_snapshot(&world, &me).await;
        allow(&world.catalogue, "p", "families", 1).await;
        let mut made = Vec::new();
        for _ in 0..2 {
            let asked = world.service.make_image(&me, wish(ImageSource::Snapshot(id)), Ask::default()).await;
            made.push(asked.expect("made"));
        }
        let rename = |id: ImageId, family: &'static str| {
            let (service, me) = (world.service.clone(), me.clone());
            let rules = UpdateRules {
                region: Some(HERE.to_owned()),
                unique_name: true,
                family_limits: true,
                ..UpdateRules::default()
            };
            async move {
                let name = vec![Change::Name(Some("same".to_owned()))];
                let named = service.update_image_as(&me, id, name, rules.clone(), Ask::default()).await;
                let family = vec![Change::Fact(FactChange::Family(Some(family.to_owned())))];
                let joined = service.update_image_as(&me, id, family, rules, Ask::default()).await;
                (named.is_ok(), joined.is_ok())
            }
        };
        let (first, second) = tokio::join!(tokio::spawn(rename(made[0], "one")), tokio::spawn(rename(made[1], "two")));
        let (first, second) = (first.expect("no panic"), second.expect("no panic"));
        assert!(first.0 != second.0, "one of them has the name");
        assert!(first.1 != second.1, "one of them has a family");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_runners_make_each_image_once() {
    for world in worlds().await {
        let me = caller("p", "member");
        let id = some_snapshot(&world, &me).await;
        let wanted = (0..RACERS).map(|_| (wish(ImageSource::Snapshot(id)), Ask::default())).collect();
        let made = race(&world, wanted).await;
        let (first, second) = tokio::join!(run(&world), run(&world));
        assert_eq!(first + second, RACERS);
        for id in made {
            assert_eq!(shown(&world, &me, id.expect("made")).await.status, Status::Available);
        }
    }
}
