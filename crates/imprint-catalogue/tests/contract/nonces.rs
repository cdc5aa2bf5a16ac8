//! Numbers are used once, over restarts and among all who ask at the same moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use imprint_catalogue::{Catalogue, Settings};
use imprint_model::Timestamp;

use crate::support::on_each_address;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime")
}

fn open(settings: &Settings) -> Catalogue {
    Catalogue::open(settings).expect("opens")
}

fn claim(catalogue: &Catalogue, first: u8, now: i64, expires: i64) -> bool {
    let digest = std::array::from_fn(|place| if place == 0 { first } else { 7 });
    runtime().block_on(catalogue.claim_nonce(digest, Timestamp(now), Timestamp(expires))).expect("an answer")
}

#[test]
fn a_number_is_used_once_until_it_expires() {
    on_each_address(|settings| {
        let first = open(settings);
        assert!(claim(&first, 1, 10, 20));
        assert!(claim(&first, 2, 10, 30));
        assert!(!claim(&first, 1, 11, 21));
        drop(first);
        let second = open(settings);
        assert!(!claim(&second, 1, 19, 29), "a restart forgets nothing");
        assert!(claim(&second, 1, 20, 40), "what has expired is as good as new");
        // This one's turn it is to sweep: what is left must still be known.
        assert!(claim(&second, 0, 35, 50));
        assert!(!claim(&second, 1, 36, 50));
        assert!(claim(&second, 2, 36, 50));
    });
}

#[test]
fn one_of_many_at_the_same_moment_gets_it() {
    const ROUNDS: u8 = 20;
    on_each_address(|settings| {
        let nodes = [open(settings), open(settings)];
        for round in 0..ROUNDS {
            let won = Arc::new(AtomicU32::new(0));
            runtime().block_on(async {
                let asking: Vec<_> = (0..8)
                    .map(|asker| {
                        let (node, won) = (nodes[asker % 2].clone(), Arc::clone(&won));
                        tokio::spawn(async move {
                            let claimed = node.claim_nonce([round; 32], Timestamp(1), Timestamp(100)).await;
                            won.fetch_add(claimed.expect("an answer").into(), Ordering::Relaxed);
                        })
                    })
                    .collect();
                for asker in asking {
                    asker.await.expect("no panic");
                }
            });
            assert_eq!(won.load(Ordering::Relaxed), 1, "round {round}");
        }
    });
}

#[test]
fn a_damaged_file_is_begun_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}/imprint.db", folder.path().display());
    let settings = Settings { url, ..Settings::default() };
    assert!(claim(&open(&settings), 1, 1, 100));
    let file = folder.path().join("nonces.db");
    std::fs::write(&file, b"this is no database, however long one looks at it".repeat(100)).expect("damaged");
    let catalogue = open(&settings);
    assert!(claim(&catalogue, 1, 1, 100));
    assert!(!claim(&catalogue, 1, 1, 100));
}
