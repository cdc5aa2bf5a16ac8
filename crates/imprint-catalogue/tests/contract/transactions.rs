//! Whole or not at all, one after another, and what a failure is called.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use imprint_catalogue::{Catalogue, Error, ErrorKind, Tx, kv, params};
use imprint_model::Timestamp;

use crate::support::{on_each_address, on_each_engine, read, write};

const NOW: Timestamp = Timestamp(1);

fn put(tx: &mut Tx<'_>, key: &str, text: &str) -> Result<(), Error> {
    kv::put(tx, key, text.as_bytes(), NOW)
}

fn kept(catalogue: &Catalogue, key: &'static str) -> Option<Vec<u8>> {
    read(catalogue, |tx| kv::get(tx, key)).expect("a read")
}

#[test]
fn what_a_refused_transaction_did_is_undone() {
    on_each_engine(|catalogue| {
        let refused = write(catalogue, |tx| {
            put(tx, "a", "1")?;
            Err::<(), _>(Error::new(ErrorKind::Other, "no"))
        });
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Other);
        assert_eq!(kept(catalogue, "a"), None);
        write(catalogue, |tx| put(tx, "a", "2")).expect("the next one works");
        assert_eq!(kept(catalogue, "a"), Some(b"2".to_vec()));
    });
}

#[test]
fn a_transaction_that_ignores_a_failed_statement_is_undone() {
    on_each_engine(|catalogue| {
        let outcome = write(catalogue, |tx| {
            put(tx, "a", "1")?;
            let again = "INSERT INTO kv (key, value, updated_at) VALUES (?1, ?2, ?3)";
            let ignored = tx.execute(again, params!["a", b"2".as_slice(), NOW]);
            assert!(ignored.is_err());
            Ok(())
        });
        assert!(outcome.is_err());
        assert_eq!(kept(catalogue, "a"), None);
    });
}

#[test]
fn a_taken_key_is_named_alike() {
    on_each_engine(|catalogue| {
        let outcome = write(catalogue, |tx| {
            for _ in 0..2 {
                tx.execute("INSERT INTO quota (project, name, most) VALUES (?1, ?2, ?3)", params!["p", "n", 1_i64])?;
            }
            Ok(())
        });
        let error = outcome.expect_err("the second is refused");
        assert_eq!(error.kind(), ErrorKind::Duplicate);
        assert_eq!(error.constraint(), Some("quota(project, name)"));
    });
}

#[test]
fn a_panic_undoes_its_transaction_and_nothing_else() {
    on_each_engine(|catalogue| {
        let panicked = write(catalogue, |tx| {
            put(tx, "a", "1")?;
            panic!("a defect in a verb");
            #[expect(unreachable_code, reason = "gives the closure its type")]
            Ok(())
        });
        assert_eq!(panicked.expect_err("an error").kind(), ErrorKind::Other);
        assert!(read(catalogue, |_| -> Result<(), Error> { panic!("a defect in a read") }).is_err());
        assert_eq!(kept(catalogue, "a"), None);
        write(catalogue, |tx| put(tx, "b", "1")).expect("the engine still works");
        assert_eq!(kept(catalogue, "b"), Some(b"1".to_vec()));
    });
}

#[test]
fn a_read_cannot_write() {
    on_each_engine(|catalogue| {
        assert!(read(catalogue, |tx| put(tx, "a", "1")).is_err());
        assert_eq!(kept(catalogue, "a"), None);
    });
}

/// Everybody reads the same counter, adds one and writes it: no addition may get lost.
#[test]
fn writers_at_the_same_moment_do_not_lose_each_others_changes() {
    const WRITERS: usize = 6;
    const ROUNDS: usize = 10;
    on_each_engine(|catalogue| {
        let start = Arc::new(Barrier::new(WRITERS));
        let attempts = Arc::new(AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..ROUNDS {
                        let attempts = Arc::clone(&attempts);
                        let added = write(catalogue, move |tx| {
                            attempts.fetch_add(1, Ordering::Relaxed);
                            let count = kv::get(tx, "count")?.map_or(0, |bytes| bytes[0]);
                            kv::put(tx, "count", &[count + 1], NOW)
                        });
                        // Given up after many attempts is an honest answer: it counts as not added.
                        if let Err(error) = added {
                            assert_eq!(error.kind(), ErrorKind::Busy);
                            attempts_lost(catalogue);
                        }
                    }
                });
            }
        });
        let lost = kept(catalogue, "lost").map_or(0, |bytes| usize::from(bytes[0]));
        assert_eq!(usize::from(kept(catalogue, "count").expect("counted")[0]) + lost, WRITERS * ROUNDS);
        let attempts = attempts.load(Ordering::Relaxed) as usize;
        if catalogue.engine_name() == "sqlite" {
            assert_eq!(attempts, WRITERS * ROUNDS, "one writes after another, and none has to start over");
        } else {
            assert!(attempts >= WRITERS * ROUNDS, "each ran at least once: {attempts}");
        }
    });
}

/// Two that have read the same before either wrote: one of them must look again.
#[test]
fn a_writer_whose_reading_is_out_of_date_starts_over() {
    on_each_engine(|catalogue| {
        if catalogue.engine_name() == "sqlite" {
            return; // one writes after another: they never meet
        }
        let met = Arc::new(Barrier::new(2));
        let attempts = Arc::new(AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let (met, attempts) = (Arc::clone(&met), Arc::clone(&attempts));
                    let added = write(catalogue, move |tx| {
                        let count = kv::get(tx, "count")?.map_or(0, |bytes| bytes[0]);
                        if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                            met.wait();
                        }
                        kv::put(tx, "count", &[count + 1], NOW)
                    });
                    added.expect("written in the end");
                });
            }
        });
        assert_eq!(kept(catalogue, "count"), Some(vec![2]));
        assert!(attempts.load(Ordering::Relaxed) > 2, "one was run again");
    });
}

fn attempts_lost(catalogue: &Catalogue) {
    let noted = write(catalogue, |tx| {
        let lost = kv::get(tx, "lost")?.map_or(0, |bytes| bytes[0]);
        kv::put(tx, "lost", &[lost + 1], NOW)
    });
    noted.expect("rare enough not to be in the way");
}

#[test]
fn the_asynchronous_door_leads_to_the_same_place() {
    on_each_engine(|catalogue| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        runtime.block_on(async {
            catalogue.check().await.expect("it answers");
            let many = (0..50).map(|number| {
                let catalogue = catalogue.clone();
                tokio::spawn(async move { catalogue.write(move |tx| put(tx, &format!("k{number}"), "v")).await })
            });
            for one in many.collect::<Vec<_>>() {
                one.await.expect("no panic").expect("written");
            }
            let row = catalogue.read(|tx| tx.query_opt("SELECT COUNT(*) FROM kv", &[])).await.expect("read");
            assert_eq!(row.expect("a row").int(0).expect("a number"), 50);
        });
    });
}

/// More scans than may run at once are under way, and wait for each other's end; a read of one row is answered.
#[test]
fn scans_leave_room_for_reads() {
    on_each_engine(|catalogue| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let here = std::thread::current().id();
            let (open, gate) = tokio::sync::watch::channel(false);
            let (begun, mut first) = tokio::sync::mpsc::unbounded_channel();
            let scans = (0..10).map(|_| {
                let (catalogue, gate, begun) = (catalogue.clone(), gate.clone(), begun.clone());
                let scan = move |tx: &mut Tx<'_>| {
                    begun.send(std::thread::current().id()).expect("somebody listens");
                    let mut gate = gate.clone();
                    tokio::runtime::Handle::current().block_on(gate.wait_for(|open| *open)).expect("it opens");
                    tx.query("SELECT key FROM kv ORDER BY key", &[])
                };
                tokio::spawn(async move { catalogue.scan(scan).await })
            });
            let scans: Vec<_> = scans.collect();
            assert_ne!(first.recv().await.expect("one has begun"), here, "a scan keeps off the threads of tasks");
            catalogue.check().await.expect("a read is answered meanwhile");
            open.send(true).expect("scans wait");
            for scan in scans {
                assert_eq!(scan.await.expect("no panic").expect("scanned").len(), 0);
            }
        });
    });
}

#[test]
fn a_catalogue_is_found_again_and_a_newer_one_is_refused() {
    on_each_address(|settings| {
        let first = Catalogue::open(settings).expect("made");
        write(&first, |tx| put(tx, "a", "1")).expect("written");
        drop(first);
        let second = Catalogue::open(settings).expect("opened again");
        assert_eq!(kept(&second, "a"), Some(b"1".to_vec()));
        write(&second, |tx| tx.execute("UPDATE schema_version SET version = 1000", &[])).expect("a newer program");
        drop(second);
        let error = Catalogue::open(settings).expect_err("refused");
        assert!(matches!(error.kind(), ErrorKind::NewerSchema { found: 1000, .. }), "{error}");
        assert!(error.to_string().contains("1000"), "{error}");
    });
}

#[test]
fn nodes_that_start_together_make_one_schema() {
    on_each_address(|settings| {
        std::thread::scope(|scope| {
            let nodes: Vec<_> = (0..4).map(|_| scope.spawn(|| Catalogue::open(settings))).collect();
            for node in nodes {
                node.join().expect("no panic").expect("opened");
            }
        });
    });
}

#[test]
fn addresses_of_nothing_are_refused() {
    let addresses = [
        ("", ErrorKind::Other),
        ("mysql://x", ErrorKind::Other),
        ("postgres://nobody@127.0.0.1:port/x", ErrorKind::Other),
        ("postgres://nobody@127.0.0.1:1/x", ErrorKind::Unavailable),
        ("sqlite:/proc/nowhere/imprint.db", ErrorKind::Unavailable),
    ];
    for (url, kind) in addresses {
        let settings = imprint_catalogue::Settings { url: url.to_owned(), ..Default::default() };
        assert_eq!(Catalogue::open(&settings).expect_err(url).kind(), kind, "{url}");
    }
}
