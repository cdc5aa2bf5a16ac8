//! Many requests at the same moment for one disk, one place, one token, on every engine that is to be had.

use futures_util::future::join_all;
use imprint_model::SnapshotId;

use super::inventory::{REGION, attach, conflict, disks_of, empty_disk, image, machines, one_machine, snapshot};
use super::races::worlds;
use super::stock::allow;
use crate::testing::caller;
use crate::{Ask, Conflict, Error, InstanceQuery, ItemPage, Once, Quota};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_one_disk_one_gets_it() {
    for world in worlds().await {
        let me = caller("p", "member");
        let image = image(&world, &me, 1).await;
        let made = world.service.create_instances(&me, machines(&image, 8), Ask::default()).await.expect("machines");
        let disk = world.service.create_disk(&me, empty_disk(20), Ask::default()).await.expect("a disk");
        let attach = |instance| world.service.attach_disk(&me, attach(disk, instance), Ask::default());
        let outcomes = join_all(made.iter().map(|&instance| attach(instance))).await;
        let won: Vec<_> = made.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        assert_eq!(world.service.show_disk(&me, disk).await.expect("shown").instance, Some(*won[0].0));
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            conflict(outcome, Conflict::DiskStatus);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_requests_do_not_get_past_a_limit() {
    for world in worlds().await {
        let me = caller("p", "member");
        allow(&world.catalogue, "p", "disk_snapshots", 5).await;
        let instance = one_machine(&world, &me).await;
        let disk = disks_of(&world, &me, instance).await[0].id;
        let take = || world.service.create_snapshot(&me, snapshot(disk), Ask::default());
        let outcomes = join_all((0..12).map(|_| take())).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5, "{outcomes:?}");
        let over =
            |outcome: &&Result<SnapshotId, Error>| matches!(outcome, Err(Error::OverQuota(Quota::DiskSnapshots, 5)));
        assert_eq!(outcomes.iter().filter(over).count(), 7, "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_a_machines_disks_gets_a_device_of_its_own_and_there_are_sixteen() {
    for world in worlds().await {
        let me = caller("p", "member");
        let instance = one_machine(&world, &me).await;
        let mut disks = Vec::new();
        for _ in 0..20 {
            disks.push(world.service.create_disk(&me, empty_disk(20), Ask::default()).await.expect("a disk"));
        }
        let attach = |disk| world.service.attach_disk(&me, attach(disk, instance), Ask::default());
        let outcomes = join_all(disks.iter().map(|&disk| attach(disk))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 16, "{outcomes:?}");
        let letters: Vec<_> = disks_of(&world, &me, instance).await.iter().filter_map(|disk| disk.letter).collect();
        assert_eq!(letters, ('a'..='q').collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_makes_racing_requests_one_and_a_dry_run_changes_nothing() {
    for world in worlds().await {
        let me = caller("p", "member");
        let image = image(&world, &me, 1).await;
        let once = Once { scope: "r/make".into(), token: "t".into(), fingerprint: "f".into() };
        let ask = Ask { once: Some(once), dry_run: false };
        let dry = Ask { dry_run: true, ..ask.clone() };
        let tried = world.service.create_instances(&me, machines(&image, 2), dry).await;
        assert!(matches!(tried, Err(Error::DryRun)), "{tried:?}");
        let make = || world.service.create_instances(&me, machines(&image, 2), ask.clone());
        let answers = join_all((0..6).map(|_| make())).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("answered")).collect();
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
        let query = InstanceQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 10 });
        assert_eq!(world.service.list_instances(&me, query).await.expect("listed").total, 2);
    }
}
