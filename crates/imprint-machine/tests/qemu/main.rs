//! Machines that really run: QEMU with the translator, a guest of one sector, and a base served over NBD.

mod guest;
mod world;

use std::time::Duration;

use imprint_machine::{Accelerator, Error, Firmware, Hypervisor, MachineDisk, MachineState, OverlaySpec};

use world::{
    Directory, World, can_run, changed, disk, machine, more_rounds, numbers, start, type_and_hear, until, wanted,
};

/// A guest is heard and spoken to; what it said stays when it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_runs_until_it_is_ended() {
    if !can_run() {
        return;
    }
    let world = World::new().await;
    let qemu = &world.qemu;
    start(qemu, &machine("a")).await;
    qemu.start(&machine("a")).await.expect("it runs already");
    until(qemu, |console| console.windows(guest::GREETING.len()).any(|said| said == guest::GREETING)).await;
    type_and_hear(qemu, "hello").await;
    assert_eq!(qemu.running().await.expect("a list"), ["m-1"]);
    qemu.shut_down("m-1").await.expect("asked");
    assert!(matches!(qemu.forget("m-1").await, Err(Error::Refused(_))));

    qemu.kill("m-1").await.expect("ended");
    qemu.machine_ended().await;
    assert_eq!(qemu.state("m-1").await, MachineState::Gone);
    assert!(qemu.running().await.expect("a list").is_empty());
    until_said(qemu).await;
    qemu.kill("m-1").await.expect("it has ended already");
    qemu.shut_down("m-1").await.expect("it has ended already");
    assert!(matches!(qemu.type_in("m-1", "x".into()).await, Err(Error::Missing(_))));
    assert_eq!(qemu.overlays().await.expect("a list"), ["disk-a-1"]);
    qemu.forget("m-1").await.expect("forgotten");
    assert!(matches!(qemu.console("m-1").await, Err(Error::Missing(_))));
    qemu.remove("disk-a-1").await.expect("removed");
    qemu.remove("disk-a-1").await.expect("none is fine");
    assert!(qemu.overlays().await.expect("a list").is_empty());
}

async fn until_said(qemu: &imprint_machine::Qemu) {
    let console = qemu.console("m-1").await.expect("a console");
    assert!(console.windows(5).any(|heard| heard == b"hello"), "{console:?}");
}

/// Two disks that are written in turn are captured at one instant, however slowly they are read; the next capture tells
/// only what came after.
#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_one_instant_of_all_disks() {
    if !can_run() {
        return;
    }
    let world = World::new().await;
    let qemu = &world.qemu;
    start(qemu, &machine("ab")).await;
    more_rounds(qemu, 3).await;

    let first = qemu.capture(Some("m-1"), &wanted("ab", "s-1", None)).await.expect("captured");
    assert!(matches!(qemu.capture(Some("m-1"), &wanted("a", "s-2", None)).await, Err(Error::Refused(_))));
    assert!(matches!(qemu.grow("m-1", "disk-a-1", 32 << 20).await, Err(Error::Refused(_))));
    let half = guest::PLACES / 2;
    let [mut one, mut two] = [Vec::new(), Vec::new()];
    for half in [0..half, half..guest::PLACES] {
        one.extend(numbers(first.disks()[0].as_ref(), half.clone()).await);
        two.extend(numbers(first.disks()[1].as_ref(), half).await);
        more_rounds(qemu, 2).await;
    }
    let (one, two) = (guest::last_number(&one), guest::last_number(&two));
    assert!(one == two || one == two + 1, "the second disk follows the first: {one}, {two}");
    for disk in first.disks() {
        assert_eq!((disk.size_bytes(), disk.since_mark()), (16 << 20, false));
        let changed = changed(disk.as_ref()).await;
        // a cluster each, and not the sector that booted
        assert_eq!(
            (changed[0].offset, total(&changed)),
            (guest::STEP_BYTES, u64::from(guest::PLACES) * guest::STEP_BYTES)
        );
    }
    first.end(true).await.expect("ended");

    type_and_hear(qemu, "s").await;
    let second = qemu.capture(Some("m-1"), &wanted("ab", "s-2", Some("s-1"))).await.expect("captured");
    assert!(second.disks().iter().all(|disk| disk.since_mark()));
    let still = guest::last_number(&numbers(second.disks()[0].as_ref(), 0..guest::PLACES).await);
    assert!(still > one);
    assert_eq!(total(&changed(second.disks()[1].as_ref()).await), u64::from(guest::PLACES) * guest::STEP_BYTES);
    second.end(true).await.expect("ended");

    // nothing was written since; a capture that is not kept leaves the earlier mark as it was
    for (mark, keep) in [("s-3", false), ("s-4", true)] {
        let quiet = qemu.capture(Some("m-1"), &wanted("ab", mark, Some("s-2"))).await.expect("captured");
        for disk in quiet.disks() {
            assert!(disk.since_mark());
            assert_eq!(changed(disk.as_ref()).await, []);
        }
        quiet.end(keep).await.expect("ended");
    }
    let forgotten = qemu.capture(Some("m-1"), &wanted("a", "s-5", Some("s-2"))).await.expect("captured");
    assert!(!forgotten.disks()[0].since_mark());
    drop(forgotten);
    assert_eq!(std::fs::read_dir(world.file("scratch")).expect("a directory").count(), 0);
    qemu.kill("m-1").await.expect("ended");
}

fn total(changed: &[imprint_machine::Changed]) -> u64 {
    changed.iter().map(|changed| changed.len).sum()
}

/// Marks outlive the machine when it ends as it should, and the disks of none are captured as those of one.
#[tokio::test(flavor = "multi_thread")]
async fn disks_of_no_machine_are_captured_too() {
    if !can_run() {
        return;
    }
    let world = World::new().await;
    let qemu = &world.qemu;
    start(qemu, &machine("ab")).await;
    more_rounds(qemu, 3).await;
    qemu.capture(Some("m-1"), &wanted("a", "s-1", None)).await.expect("captured").end(true).await.expect("ended");
    more_rounds(qemu, 2).await;
    qemu.kill("m-1").await.expect("ended");

    let still = qemu.capture(None, &wanted("a", "s-2", Some("s-1"))).await.expect("captured");
    assert!(matches!(qemu.start(&machine("ab")).await, Err(Error::Refused(_))), "its disk is held");
    assert!(still.disks()[0].since_mark());
    guest::last_number(&numbers(still.disks()[0].as_ref(), 0..guest::PLACES).await);
    assert_eq!(total(&changed(still.disks()[0].as_ref()).await), u64::from(guest::PLACES) * guest::STEP_BYTES);
    still.end(true).await.expect("ended");
    let again = qemu.capture(None, &wanted("a", "s-3", Some("s-2"))).await.expect("captured");
    assert!(again.disks()[0].since_mark());
    assert_eq!(changed(again.disks()[0].as_ref()).await, []);
    again.end(false).await.expect("ended");

    let whole = qemu.capture(None, &wanted("b", "s-1", Some("never"))).await.expect("captured");
    assert!(!whole.disks()[0].since_mark());
    assert_eq!(total(&changed(whole.disks()[0].as_ref()).await), u64::from(guest::PLACES) * guest::STEP_BYTES);
    assert_eq!(whole.disks()[0].read(0, 512).await.expect("read"), guest::disk(512, 0));
    whole.end(true).await.expect("ended");
    assert!(matches!(qemu.capture(None, &wanted("c", "s-1", None)).await, Err(Error::Missing(_))));
    assert_eq!(std::fs::read_dir(world.file("tools")).expect("a directory").count(), 0);
    qemu.start(&machine("ab")).await.expect("nothing holds its disks");
    qemu.kill("m-1").await.expect("ended");
}

/// A machine that is killed in the middle of a capture leaves nothing behind, and what cannot be believed any more is
/// not.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_killed_while_it_is_captured() {
    if !can_run() {
        return;
    }
    let world = World::new().await;
    let qemu = &world.qemu;
    start(qemu, &machine("ab")).await;
    more_rounds(qemu, 3).await;
    qemu.capture(Some("m-1"), &wanted("ab", "s-1", None)).await.expect("captured").end(true).await.expect("ended");
    let broken = qemu.capture(Some("m-1"), &wanted("ab", "s-2", Some("s-1"))).await.expect("captured");
    let pid = std::fs::read_to_string(world.file("machines/m-1/pid")).expect("a number");
    let killed = std::process::Command::new("kill").args(["-9", pid.trim()]).status().expect("killed");
    assert!(killed.success());
    while qemu.state("m-1").await == MachineState::Running {
        qemu.machine_ended().await;
    }
    assert!(matches!(broken.disks()[0].read(0, 512).await, Err(Error::Refused(_))));
    assert!(broken.end(false).await.is_err());
    assert_eq!(std::fs::read_dir(world.file("scratch")).expect("a directory").count(), 0);

    qemu.start(&machine("ab")).await.expect("started again");
    more_rounds(qemu, 3).await;
    let whole = qemu.capture(Some("m-1"), &wanted("ab", "s-2", Some("s-1"))).await.expect("captured");
    assert!(!whole.disks()[0].since_mark());
    guest::last_number(&numbers(whole.disks()[0].as_ref(), 0..guest::PLACES).await);
    whole.end(true).await.expect("ended");
    qemu.kill("m-1").await.expect("ended");
}

/// The process that started a machine goes away in the middle of a capture; the next one finds the machine, and ends
/// what the other began.
#[test]
fn the_next_process_finds_what_runs() {
    if !can_run() {
        return;
    }
    let directory = Directory::new();
    let first = tokio::runtime::Runtime::new().expect("a runtime");
    let left = first.block_on(async {
        world::serve_base(directory.path());
        let qemu = world::open(directory.path()).await;
        start(&qemu, &machine("ab")).await;
        more_rounds(&qemu, 3).await;
        let kept = qemu.capture(Some("m-1"), &wanted("ab", "s-1", None)).await.expect("captured");
        kept.end(true).await.expect("ended");
        let capture = qemu.capture(Some("m-1"), &wanted("ab", "s-2", Some("s-1"))).await.expect("captured");
        (qemu, capture)
    });
    first.shutdown_timeout(Duration::from_secs(30));
    drop(left);

    let second = tokio::runtime::Runtime::new().expect("a runtime");
    second.block_on(async {
        world::serve_base(directory.path());
        let qemu = world::open(directory.path()).await;
        assert_eq!(qemu.running().await.expect("a list"), ["m-1"]);
        type_and_hear(&qemu, "hello").await;
        more_rounds(&qemu, 2).await;
        let again = qemu.capture(Some("m-1"), &wanted("ab", "s-2", Some("s-1"))).await.expect("captured");
        assert!(again.disks()[0].since_mark());
        guest::last_number(&numbers(again.disks()[1].as_ref(), 0..guest::PLACES).await);
        again.end(true).await.expect("ended");
        qemu.kill("m-1").await.expect("ended");
    });
}

/// Disks come and grow while the machine runs.
#[tokio::test(flavor = "multi_thread")]
async fn disks_come_and_grow() {
    if !can_run() {
        return;
    }
    let world = World::new().await;
    let qemu = &world.qemu;
    start(qemu, &machine("a")).await;
    more_rounds(qemu, 3).await;
    let late = disk('c');
    assert!(qemu.attach("m-1", &late).await.is_err(), "there is no such file yet");
    qemu.prepare(&late.overlay).await.expect("prepared");
    qemu.attach("m-1", &late).await.expect("attached");
    qemu.attach("m-1", &late).await.expect("attached already");
    let there_already = MachineDisk { letter: 'c', ..disk('d') };
    qemu.prepare(&there_already.overlay).await.expect("prepared");
    let Err(Error::Refused(_)) = qemu.attach("m-1", &there_already).await else { panic!("the place is taken") };
    qemu.attach("m-1", &disk('d')).await.expect("another place");
    assert!(matches!(qemu.detach("m-1", "disk-e-1").await, Err(Error::Missing(_))));

    qemu.grow("m-1", "disk-a-1", 24 << 20).await.expect("grown");
    qemu.grow("m-1", "disk-a-1", 24 << 20).await.expect("grown already");
    assert!(matches!(qemu.grow("m-1", "disk-e-1", 24 << 20).await, Err(Error::Missing(_))));
    let capture = qemu.capture(Some("m-1"), &wanted("ac", "s-1", None)).await.expect("captured");
    assert_eq!(capture.disks()[0].size_bytes(), 24 << 20);
    assert_eq!(changed(capture.disks()[1].as_ref()).await, []);
    let filler = capture.disks()[1].read(512, 512).await.expect("read");
    assert!(filler.iter().all(|&byte| byte == world::FILLER));
    let past = capture.disks()[0].read((24 << 20) - 4096, 4096).await.expect("read");
    assert!(past.iter().all(|&byte| byte == 0));
    capture.end(true).await.expect("ended");
    qemu.kill("m-1").await.expect("ended");

    // and of a disk that no machine has
    let longer = OverlaySpec { size_bytes: 32 << 20, ..disk('a').overlay };
    qemu.prepare(&longer).await.expect("grown");
    let capture = qemu.capture(None, &wanted("a", "s-2", Some("s-1"))).await.expect("captured");
    assert_eq!((capture.disks()[0].size_bytes(), capture.disks()[0].since_mark()), (32 << 20, true));
    capture.end(false).await.expect("ended");
}

/// Where nothing is said about it, machines run whether or not the processor helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_runs_on_whatever_there_is() {
    if !can_run() {
        return;
    }
    let directory = Directory::new();
    world::serve_base(directory.path());
    let qemu = world::open_on(directory.path(), Accelerator::Auto).await;
    start(&qemu, &machine("a")).await;
    until(&qemu, |console| console.windows(guest::GREETING.len()).any(|said| said == guest::GREETING)).await;
    qemu.kill("m-1").await.expect("ended");
}

/// What QEMU says when it refuses is told, and nothing stays behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_start_says_why() {
    if !can_run() {
        return;
    }
    let world = World::new().await;
    let qemu = &world.qemu;
    let Err(Error::Refused(why)) = qemu.start(&machine("a")).await else { panic!("there is no file") };
    assert!(why.contains("disk-a-1.qcow2"), "{why}");
    assert!(qemu.running().await.expect("a list").is_empty());
    let short = OverlaySpec { size_bytes: 1 << 20, ..disk('a').overlay };
    assert!(matches!(qemu.prepare(&short).await, Err(Error::Refused(_))));
}

/// UEFI machines have variables of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_uefi_keeps_its_variables() {
    if !can_run() {
        return;
    }
    let world = World::new().await;
    let qemu = &world.qemu;
    let machine =
        imprint_machine::MachineSpec { firmware: Firmware::Uefi, nvme: true, memory_mib: 128, ..machine("ab") };
    if let Err(error) = qemu.require(machine.architecture, machine.firmware) {
        println!("not tested: {error}");
        return;
    }
    start(qemu, &machine).await;
    assert_eq!(qemu.state("m-1").await, MachineState::Running);
    assert!(world.file("machines/m-1/vars.fd").is_file());
    qemu.prepare(&disk('c').overlay).await.expect("prepared");
    qemu.attach("m-1", &disk('c')).await.expect("attached");
    qemu.kill("m-1").await.expect("ended");
}
