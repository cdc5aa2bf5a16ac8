//! The index of chunks keeps the content store's own contract.

use std::cell::RefCell;
use std::sync::Barrier;

use imprint_catalogue::{Catalogue, Settings};
use imprint_model::{ChunkId, Timestamp};
use imprint_store::contract::run_index_contract;
use imprint_store::{Codec, PackEntry, PackId, PackInfo, PackState, RecordKind};

use crate::support::{on_each_address, read};

#[test]
fn the_index_of_chunks_is_one() {
    // One database for each part of the suite; the folders live until the end.
    let kept: RefCell<Vec<Catalogue>> = RefCell::new(Vec::new());
    on_each_address(|settings| {
        let counter = RefCell::new(0);
        run_index_contract(|| {
            *counter.borrow_mut() += 1;
            let catalogue = fresh(settings, *counter.borrow());
            let index = catalogue.index();
            index.clear().expect("empty");
            for lease in index.leases(Timestamp(i64::MIN)).expect("leases") {
                index.lease_release(lease.id).expect("no lease is left");
            }
            kept.borrow_mut().push(catalogue);
            index
        });
        kept.borrow_mut().clear();
    });
}

/// On SQLite a file of its own; on PostgreSQL the one database, emptied.
fn fresh(settings: &Settings, number: u32) -> Catalogue {
    let mut settings = settings.clone();
    if settings.url.starts_with("sqlite:") {
        settings.url = settings.url.replace("/imprint.db", &format!("/{number}/imprint.db"));
    }
    Catalogue::open(&settings).expect("opens")
}

fn pack(number: i64) -> PackInfo {
    PackInfo {
        id: PackId::new(Timestamp(number)),
        sealed_at: Timestamp(number),
        bytes: 4096,
        records: 1,
        content_bytes: 4096,
        cold: false,
        state: PackState::Sealed,
    }
}

fn chunk(number: u32) -> ChunkId {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ChunkId(bytes)
}

fn entries(chunks: impl Iterator<Item = u32>) -> Vec<PackEntry> {
    let entry = |(ordinal, number): (u32, u32)| PackEntry {
        id: chunk(number),
        ordinal,
        offset: u64::from(ordinal) * 100,
        stored_len: 100,
        len: 100,
        kind: RecordKind::Data,
        codec: Codec::Plain,
        crc32: 0,
    };
    (0..).zip(chunks).map(entry).collect()
}

/// Each pack has chunks of its own and chunks that all others have too, in an order of its own.
#[test]
fn packs_are_sealed_at_the_same_moment() {
    const SEALERS: u32 = 24;
    const PACKS_EACH: u32 = 4;
    const SHARED: u32 = 150;
    on_each_address(|settings| {
        let settings = Settings { postgres_index_connections: SEALERS, ..settings.clone() };
        let catalogue = Catalogue::open(&settings).expect("opens");
        let index = catalogue.index();
        let start = Barrier::new(SEALERS as usize);
        std::thread::scope(|scope| {
            for sealer in 0..SEALERS {
                let (index, start) = (&index, &start);
                scope.spawn(move || {
                    start.wait();
                    for turn in 0..PACKS_EACH {
                        let number = sealer * PACKS_EACH + turn;
                        let shared = (0..SHARED).map(|place| (place * 7 + number * 13) % SHARED);
                        let entries = entries(shared.chain([SHARED + number]));
                        index.seal_pack(&pack(i64::from(number)), &entries).expect("sealed");
                    }
                });
            }
        });
        let packs = SEALERS * PACKS_EACH;
        assert_eq!(index.packs().expect("listed").len(), packs as usize);
        let all: Vec<ChunkId> = (0..SHARED + packs).map(chunk).collect();
        assert!(index.find_live(&all).expect("looked up").iter().all(Option::is_some), "each chunk is in a pack");
        let numbers = "SELECT COUNT(DISTINCT number) FROM pack";
        if catalogue.engine_name() == "postgres" {
            let row = read(&catalogue, |tx| tx.query_opt(numbers, &[])).expect("counted").expect("a row");
            assert_eq!(row.int(0).expect("a number"), i64::from(packs), "each has a number of its own");
        }
    });
}

/// All connections for the index wait for a lock that somebody else holds; metadata is served.
#[test]
fn a_stuck_index_does_not_hold_metadata_up() {
    on_each_address(|settings| {
        if settings.url.starts_with("sqlite:") {
            return; // a file of its own
        }
        let catalogue = Catalogue::open(settings).expect("opens");
        let mut other = postgres::Client::connect(&settings.url, postgres::NoTls).expect("the server answers");
        let mut held = other.transaction().expect("begins");
        held.batch_execute("LOCK TABLE pack IN ACCESS EXCLUSIVE MODE").expect("locked");
        let index = catalogue.index();
        std::thread::scope(|scope| {
            let sealers = settings.postgres_index_connections + 8;
            for number in 0..sealers {
                let index = &index;
                scope.spawn(move || index.seal_pack(&pack(i64::from(number)), &entries(0..1)).expect("sealed at last"));
            }
            let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'pack'::regclass";
            while held.query_one(waiting, &[]).expect("counted").get::<_, i64>(0)
                < i64::from(settings.postgres_index_connections)
            {
                std::thread::yield_now();
            }
            read(&catalogue, |tx| tx.query_opt("SELECT version FROM schema_version", &[])).expect("answered");
            held.commit().expect("let go");
        });
        assert_eq!(index.packs().expect("listed").len(), settings.postgres_index_connections as usize + 8);
    });
}
