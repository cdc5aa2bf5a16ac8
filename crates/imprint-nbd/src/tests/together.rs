//! The client reads what the server serves.

use imprint_disk::RunKind;
use proptest::prelude::*;

use super::{NAME, Patchy, run, serving};
use crate::{ALLOCATION, Client, Error, STATE_HOLE, STATE_ZERO};

fn patchy() -> impl Strategy<Value = Patchy> {
    let kind = prop_oneof![Just(RunKind::Data), Just(RunKind::Zero), Just(RunKind::Hole)];
    prop::collection::vec((kind, 1_u32..40_000), 1..24).prop_map(Patchy)
}

async fn client(disk: Patchy, contexts: &[&str]) -> Client {
    let (ours, _) = serving(disk);
    Client::over(ours, NAME, contexts).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_range_reads_as_it_is(disk in patchy(), ranges in prop::collection::vec((0_usize..=1000, 0_usize..=1000), 1..8)) {
        run(async {
            let bytes = disk.bytes();
            let mut client = client(disk, &[]).await;
            prop_assert_eq!(client.size_bytes(), bytes.len() as u64);
            for (from, part) in ranges {
                let place = |share: usize, of: usize| of * share / 1000;
                let from = place(from, bytes.len());
                let len = place(part, bytes.len() - from);
                let read = client.read(from as u64, len as u64).await.unwrap();
                prop_assert!(read == bytes[from..from + len]);
            }
            Ok(())
        })?;
    }

    #[test]
    fn statuses_say_what_the_runs_are(disk in patchy()) {
        run(async {
            let (bytes, size) = (disk.bytes(), disk.bytes().len() as u64);
            let runs = disk.clone();
            let mut client = client(disk, &["x:other", ALLOCATION]).await;
            prop_assert!(client.has_context(ALLOCATION) && !client.has_context("x:other"));
            let mut at = 0;
            while at < size {
                let told = client.block_status(at, size - at).await.unwrap();
                prop_assert_eq!(told.len(), 1);
                prop_assert_eq!(&told[0].context, ALLOCATION);
                for extent in &told[0].extents {
                    let run = imprint_disk::ReadAt::run_at(&runs, at).unwrap();
                    let state = match run.kind {
                        RunKind::Data => 0,
                        RunKind::Zero => STATE_ZERO,
                        RunKind::Hole => STATE_HOLE | STATE_ZERO,
                    };
                    prop_assert_eq!(extent.flags, state);
                    prop_assert!(extent.len >= run.len);
                    let (from, to) = (usize::try_from(at).unwrap(), usize::try_from(at + extent.len).unwrap());
                    prop_assert!(state == 0 || bytes[from..to].iter().all(|&byte| byte == 0));
                    at += extent.len;
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn long_reads_come_in_parts() {
    run(async {
        let disk = Patchy(vec![(RunKind::Data, 5 << 20), (RunKind::Hole, 1 << 20), (RunKind::Data, 777)]);
        let bytes = disk.bytes();
        let mut client = client(disk, &[]).await;
        assert!(client.read(1, bytes.len() as u64 - 1).await.unwrap() == bytes[1..]);
    });
}

#[test]
fn ranges_that_leave_the_disk_are_not_asked_for() {
    run(async {
        let mut client = client(Patchy(vec![(RunKind::Data, 100)]), &[]).await;
        assert!(matches!(client.read(90, 11).await, Err(Error::Invalid(_))));
        assert!(matches!(client.read(u64::MAX, 2).await, Err(Error::Invalid(_))));
        assert!(matches!(client.block_status(0, 10).await, Err(Error::Invalid(_))), "without a context");
        assert_eq!(client.read(90, 10).await.unwrap().len(), 10, "the connection is as good as before");
    });
}

#[test]
fn a_name_that_is_none_is_refused() {
    run(async {
        let (ours, served) = serving(Patchy(vec![(RunKind::Data, 100)]));
        let refused = Client::over(ours, "other", &[ALLOCATION]).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
        served.await.unwrap().unwrap();
    });
}

#[test]
fn a_disk_that_fails_answers_with_an_error_and_serves_on() {
    struct Broken;
    impl imprint_disk::ReadAt for Broken {
        fn size_bytes(&self) -> u64 {
            1 << 20
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
            if offset < 4096 { Err(imprint_disk::corrupt("damaged")) } else { (buf.fill(7), Ok(())).1 }
        }
    }
    run(async {
        let (ours, _) = serving(Broken);
        let mut client = Client::over(ours, NAME, &[]).await.unwrap();
        let failed = client.read(0, 10).await;
        assert!(matches!(failed, Err(Error::Answered { code: 5, .. })), "{failed:?}");
        assert!(client.read(4096, 10).await.unwrap() == [7; 10][..]);
    });
}
