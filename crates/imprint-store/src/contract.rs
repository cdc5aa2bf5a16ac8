//! The suite every implementation of [`Index`] must pass. Never part of a running service.

use std::sync::Arc;

use imprint_model::{ChunkId, LeaseId, Timestamp};

use crate::index::{Index, Lease, Location, PackInfo, PackState, Totals};
use crate::pack::{Codec, PackEntry, PackId, RecordKind};

/// Runs the suite; `make` gives a fresh, empty index each time.
///
/// # Panics
/// When the index breaks the contract.
pub fn run_index_contract(make: impl Fn() -> Arc<dyn Index>) {
    chunks_are_found_where_their_first_pack_holds_them(&*make());
    a_condemned_pack_is_read_but_not_referred_to(&*make());
    a_new_copy_replaces_one_in_a_condemned_pack(&*make());
    a_pack_is_forgotten_only_while_condemned_since_the_same_moment(&*make());
    rows_of_a_pack_that_is_not_listed_do_not_exist(&*make());
    chunks_move_only_from_where_they_are_said_to_be(&*make());
    totals_add_up(&*make());
    leases_live_until_released_or_expired(&*make());
    clearing_leaves_leases(&*make());
    look_ups_answer_in_order_at_full_size(&*make());
}

fn id(number: u32) -> ChunkId {
    let mut bytes = [0x5a; 32];
    // differ in the last bytes too: an index must compare whole names
    bytes[..4].copy_from_slice(&(number / 2).to_be_bytes());
    bytes[28..].copy_from_slice(&number.to_be_bytes());
    ChunkId(bytes)
}

fn pack(number: i64) -> PackInfo {
    PackInfo {
        id: PackId::new(Timestamp(1_700_000_000_000_000 + number * 1_000_000)),
        sealed_at: Timestamp(1_700_000_000_000_000 + number * 1_000_000),
        bytes: 5_000_000_000,
        records: 2,
        content_bytes: 6_000_000_000,
        cold: number % 2 == 1,
        state: PackState::Sealed,
    }
}

fn entry(ordinal: u32, chunk: ChunkId) -> PackEntry {
    PackEntry {
        id: chunk,
        ordinal,
        offset: 32 + u64::from(ordinal) * 33_000,
        stored_len: 30_000 + ordinal,
        len: 32_768,
        kind: RecordKind::Data,
        codec: if ordinal.is_multiple_of(2) { Codec::Zstd } else { Codec::Plain },
        crc32: 0xdead_beef,
    }
}

fn seal(index: &dyn Index, number: i64, chunks: &[u32]) -> (PackInfo, Vec<PackEntry>) {
    let info = pack(number);
    let entries: Vec<_> = (0..).zip(chunks).map(|(ordinal, &chunk)| entry(ordinal, id(chunk))).collect();
    index.seal_pack(&info, &entries).expect("a pack enters the index");
    (info, entries)
}

fn locate(index: &dyn Index, chunk: u32) -> Option<Location> {
    index.locate(&[id(chunk)]).expect("look-up")[0]
}

fn find_live(index: &dyn Index, chunk: u32) -> Option<Location> {
    index.find_live(&[id(chunk)]).expect("look-up")[0]
}

fn chunks_are_found_where_their_first_pack_holds_them(index: &dyn Index) {
    let (first, entries) = seal(index, 1, &[1, 2]);
    let (second, later) = seal(index, 2, &[2, 3]);
    assert_eq!(locate(index, 1), Some(Location::of(first.id, &entries[0])));
    assert_eq!(locate(index, 2), Some(Location::of(first.id, &entries[1])), "the first pack keeps its chunk");
    assert_eq!(find_live(index, 3), Some(Location::of(second.id, &later[1])));
    assert_eq!((locate(index, 4), find_live(index, 4)), (None, None));
    index.seal_pack(&first, &[entry(7, id(1))]).expect("a listed pack again");
    assert_eq!(locate(index, 1), Some(Location::of(first.id, &entries[0])), "adding it again changes nothing");
    let mut packs = index.packs().expect("list");
    packs.sort_by_key(|pack| pack.id);
    assert_eq!(packs, [first, second]);
}

fn a_condemned_pack_is_read_but_not_referred_to(index: &dyn Index) {
    let (info, entries) = seal(index, 1, &[1, 2]);
    assert!(index.condemn(info.id, Timestamp(500)).expect("condemn"));
    assert!(index.condemn(info.id, Timestamp(900)).expect("condemn again"));
    assert_eq!(index.packs().expect("list")[0].state, PackState::Condemned { at: Timestamp(500) }, "the time stays");
    assert_eq!(locate(index, 1), Some(Location::of(info.id, &entries[0])));
    assert_eq!(find_live(index, 1), None);
    assert!(index.revive(info.id).expect("revive"));
    assert_eq!(find_live(index, 1), Some(Location::of(info.id, &entries[0])));
    let absent = pack(9).id;
    assert!(!index.condemn(absent, Timestamp(1)).expect("condemn") && !index.revive(absent).expect("revive"));
}

fn a_new_copy_replaces_one_in_a_condemned_pack(index: &dyn Index) {
    let (old, old_entries) = seal(index, 1, &[1, 2]);
    index.condemn(old.id, Timestamp(500)).expect("condemn");
    let (new, entries) = seal(index, 2, &[2]);
    assert_eq!(find_live(index, 2), Some(Location::of(new.id, &entries[0])));
    assert_eq!(locate(index, 1), Some(Location::of(old.id, &old_entries[0])));
    assert!(index.forget(old.id, Timestamp(500), &[id(1), id(2)]).expect("forget"));
    assert_eq!(locate(index, 2), Some(Location::of(new.id, &entries[0])), "only rows of the forgotten pack go");
    assert_eq!(locate(index, 1), None);
}

fn a_pack_is_forgotten_only_while_condemned_since_the_same_moment(index: &dyn Index) {
    let (info, entries) = seal(index, 1, &[1]);
    let there = Some(Location::of(info.id, &entries[0]));
    assert!(!index.forget(info.id, Timestamp(500), &[id(1)]).expect("forget"), "it is not condemned");
    index.condemn(info.id, Timestamp(500)).expect("condemn");
    index.revive(info.id).expect("revive");
    index.condemn(info.id, Timestamp(600)).expect("condemn");
    assert!(!index.forget(info.id, Timestamp(500), &[id(1)]).expect("forget"), "it was found alive in between");
    assert_eq!(locate(index, 1), there);
    assert!(index.forget(info.id, Timestamp(600), &[id(1)]).expect("forget"));
    assert_eq!((locate(index, 1), index.packs().expect("list").len()), (None, 0));
    assert!(!index.forget(info.id, Timestamp(600), &[]).expect("forget"), "it is gone");
}

fn rows_of_a_pack_that_is_not_listed_do_not_exist(index: &dyn Index) {
    let (old, _) = seal(index, 1, &[1]);
    index.condemn(old.id, Timestamp(500)).expect("condemn");
    assert!(index.forget(old.id, Timestamp(500), &[]).expect("forget without names"));
    assert_eq!((locate(index, 1), find_live(index, 1)), (None, None));
    let (new, entries) = seal(index, 2, &[1]);
    assert_eq!(find_live(index, 1), Some(Location::of(new.id, &entries[0])));
}

fn chunks_move_only_from_where_they_are_said_to_be(index: &dyn Index) {
    let (first, old) = seal(index, 1, &[1, 2]);
    let (second, other) = seal(index, 2, &[3]);
    let to = pack(3);
    let moved = [entry(0, id(1)), entry(1, id(3)), entry(2, id(4))];
    index.move_chunks(&[first.id], &to, &moved).expect("move");
    assert_eq!(locate(index, 1), Some(Location::of(to.id, &moved[0])));
    assert_eq!(locate(index, 2), Some(Location::of(first.id, &old[1])));
    assert_eq!(locate(index, 3), Some(Location::of(second.id, &other[0])));
    assert_eq!(locate(index, 4), None, "moving adds nothing");
    assert_eq!(index.packs().expect("list").len(), 3);
}

fn totals_add_up(index: &dyn Index) {
    assert_eq!(index.totals().expect("totals"), Totals::default());
    let (first, _) = seal(index, 1, &[1, 2]);
    seal(index, 2, &[3]);
    index.condemn(first.id, Timestamp(500)).expect("condemn");
    let expected = Totals {
        packs: 2,
        condemned_packs: 1,
        stored_bytes: 10_000_000_000,
        condemned_bytes: 5_000_000_000,
        records: 4,
        content_bytes: 12_000_000_000,
    };
    assert_eq!(index.totals().expect("totals"), expected);
}

fn leases_live_until_released_or_expired(index: &dyn Index) {
    let lease = |began: i64, expires: i64| Lease {
        id: LeaseId::random(),
        began: Timestamp(began),
        expires: Timestamp(expires),
    };
    let (short, long) = (lease(10, 100), lease(20, 200));
    index.lease_acquire(&short).expect("acquire");
    index.lease_acquire(&long).expect("acquire");
    let ids = |now| {
        let mut ids: Vec<_> = index.leases(Timestamp(now)).expect("leases").iter().map(|lease| lease.id).collect();
        ids.sort_unstable();
        ids
    };
    let mut both = [short.id, long.id];
    both.sort_unstable();
    assert_eq!(ids(50), both);
    assert!(index.lease_renew(short.id, Timestamp(60), Timestamp(160)).expect("renew"));
    assert_eq!(index.leases(Timestamp(150)).expect("leases").len(), 2);
    assert!(!index.lease_renew(short.id, Timestamp(160), Timestamp(300)).expect("renew"), "it ends at 160 exactly");
    assert_eq!(ids(160), [long.id]);
    let kept = index.leases(Timestamp(160)).expect("leases");
    assert_eq!(kept, [long], "a lease keeps when it began");
    index.lease_release(long.id).expect("release");
    index.lease_release(long.id).expect("release again");
    assert_eq!(ids(160), []);
    assert!(!index.lease_renew(long.id, Timestamp(160), Timestamp(300)).expect("renew"), "released is released");
}

fn clearing_leaves_leases(index: &dyn Index) {
    seal(index, 1, &[1, 2]);
    let lease = Lease { id: LeaseId::random(), began: Timestamp(10), expires: Timestamp(100) };
    index.lease_acquire(&lease).expect("acquire");
    index.clear().expect("clear");
    assert_eq!((locate(index, 1), index.packs().expect("list").len()), (None, 0));
    assert_eq!(index.leases(Timestamp(50)).expect("leases"), [lease]);
    seal(index, 1, &[1]);
    assert!(find_live(index, 1).is_some(), "it can be filled again");
}

fn look_ups_answer_in_order_at_full_size(index: &dyn Index) {
    let count = u32::try_from(crate::LOOKUP_MAX).expect("a small number");
    let even: Vec<u32> = (0..count).filter(|number| number % 2 == 0).collect();
    let (info, entries) = seal(index, 1, &even);
    let ids: Vec<_> = (0..count).rev().map(id).collect();
    for (at, place) in index.locate(&ids).expect("look-up").into_iter().enumerate() {
        let number = ids.len() - 1 - at;
        let expected = number.is_multiple_of(2).then(|| Location::of(info.id, &entries[number / 2]));
        assert_eq!(place, expected, "chunk {number}");
    }
    assert_eq!(index.find_live(&[id(2), id(1), id(2)]).expect("look-up").iter().flatten().count(), 2, "asked twice");
    assert_eq!(index.locate(&[]).expect("look-up"), []);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_in_memory_keeps_the_contract() {
        run_index_contract(|| Arc::new(crate::MemoryIndex::default()));
    }
}
