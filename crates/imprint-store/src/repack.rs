//! Rewriting packs: live records of half-dead and of many small packs move together, and those of cold packs are
//! compressed. The old packs are then condemned, so readers keep what they hold and collection deletes them in its
//! own time. Never decides what is live, and never changes a pack.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Kind, Result};
use crate::fetch::open_payload;
use crate::gc::{GcOptions, GcReport, Moment};
use crate::index::{Location, PackInfo, PackState};
use crate::mark::{self, Marks};
use crate::num::to_u32;
use crate::pack::{Codec, PackEntry, PackId, RecordKind};
use crate::permit::Permit;
use crate::scrub::read_footer;
use crate::sink::{Record, Sink};
use crate::store::Shared;

/// Live bytes that are rewritten before the packs they came from are condemned.
const ROUND_BYTES: u64 = 512 << 20;
/// Records read and written together, in bytes.
const STEP_BYTES: u64 = 4 << 20;
/// A pack below this part of the target is small; so many of them are worth joining.
const SMALL_PART: u64 = 8;
const SMALL_COUNT: usize = 8;
/// Compression stays only when it saves at least six parts in a hundred.
const WORTH_PERCENT: u64 = 94;
const ZSTD_LEVEL: i32 = 1;

pub(crate) fn repack(
    shared: &Arc<Shared>,
    permit: &Permit,
    moment: &Moment,
    marks: &Marks,
    packs: &[PackInfo],
    options: &GcOptions,
    report: &mut GcReport,
) -> Result<()> {
    let cold_before = options.compress_older_than.map(|age| moment.now.before(age));
    let chosen = choose(shared, moment, marks, packs, options);
    let will_be_cold = |pack: &PackInfo| pack.cold || cold_before.is_some_and(|before| pack.sealed_at <= before);
    let (cold, fresh): (Vec<&PackInfo>, Vec<&PackInfo>) = chosen.into_iter().partition(|pack| will_be_cold(pack));
    for (packs, cold) in [(cold, true), (fresh, false)] {
        let mut round = Vec::new();
        let mut round_bytes = 0;
        for pack in packs {
            round.push(pack);
            round_bytes += marks.live_bytes(pack.id);
            if round_bytes >= ROUND_BYTES {
                rewrite(shared, permit, marks, &std::mem::take(&mut round), cold, report)?;
                round_bytes = 0;
            }
        }
        rewrite(shared, permit, marks, &round, cold, report)?;
    }
    Ok(())
}

/// The packs worth rewriting, among those in use that no upload can still be filling its map from.
fn choose<'a>(
    shared: &Shared,
    moment: &Moment,
    marks: &Marks,
    packs: &'a [PackInfo],
    options: &GcOptions,
) -> Vec<&'a PackInfo> {
    let free = |pack: &&PackInfo| {
        pack.state == PackState::Sealed && moment.is_settled(pack.sealed_at) && marks.records(pack.id) > 0
    };
    let small_bytes = shared.settings.pack_target_bytes / SMALL_PART;
    let is_small = |pack: &PackInfo| options.repack_below > 0.0 && pack.bytes < small_bytes;
    let join_small = packs.iter().filter(free).filter(|pack| is_small(pack)).count() >= SMALL_COUNT;
    let cold_before = options.compress_older_than.map(|age| moment.now.before(age));
    let worth = |pack: &&PackInfo| {
        marks.live_part(pack) < options.repack_below
            || (join_small && is_small(pack))
            || (!pack.cold && cold_before.is_some_and(|before| pack.sealed_at <= before))
    };
    packs.iter().filter(free).filter(worth).collect()
}

/// Moves the live records of `packs` into new ones, then condemns those that were moved completely.
fn rewrite(
    shared: &Arc<Shared>,
    permit: &Permit,
    marks: &Marks,
    packs: &[&PackInfo],
    cold: bool,
    report: &mut GcReport,
) -> Result<()> {
    if packs.is_empty() {
        return Ok(());
    }
    let from: Vec<PackId> = packs.iter().map(|pack| pack.id).collect();
    let moving = permit.clone();
    let commit = move |shared: &Shared, info: &PackInfo, entries: &[PackEntry]| {
        // without the lease the new pack may have been removed already, as nobody's
        moving.ensure()?;
        shared.index.move_chunks(&from, info, entries)
    };
    let mut sink = Sink::with(shared, Arc::new(commit), cold);
    let mut moved = Vec::new();
    for pack in packs {
        permit.ensure()?;
        match move_live(shared, marks, pack.id, cold, &mut sink) {
            Ok(()) => moved.push(*pack),
            Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::Missing) => {
                tracing::error!(pack = %pack.id, %error, "a damaged pack cannot be rewritten");
                mark::report(&mut report.broken, &mut report.broken_count, error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    sink.finish()?;
    for pack in &moved {
        permit.ensure()?;
        shared.index.condemn(pack.id, shared.clock.now())?;
        report.rewritten += 1;
    }
    let old_bytes: u64 = moved.iter().map(|pack| pack.bytes).sum();
    report.rewritten_saved_bytes += old_bytes.saturating_sub(sink.stored_bytes());
    Ok(())
}

fn move_live(shared: &Shared, marks: &Marks, pack: PackId, cold: bool, sink: &mut Sink) -> Result<()> {
    let (_, mut entries) = read_footer(shared, pack)?;
    entries.retain(|entry| marks.is_set(pack, entry.ordinal));
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)
        .map_err(|error| Error::new(Kind::Internal, "make a compressor").with_source(error))?;
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0;
        let within = |entry: &PackEntry| {
            bytes += u64::from(entry.len);
            bytes <= STEP_BYTES
        };
        let count = rest.iter().copied().take_while(within).count().max(1);
        let (now, later) = rest.split_at(count);
        let ranges: Vec<_> = now
            .iter()
            .map(|entry| entry.payload_offset()..entry.payload_offset() + u64::from(entry.stored_len))
            .collect();
        let payloads = shared.backend.read(pack, &ranges)?;
        let records: Vec<Record<'_>> = now
            .iter()
            .zip(&payloads)
            .map(|(entry, payload)| successor(pack, entry, payload, cold, &mut compressor))
            .collect::<Result<_>>()?;
        sink.append(&records.iter().collect::<Vec<_>>())?;
        rest = later;
    }
    Ok(())
}

/// The record that takes an old one's place; its bytes are verified on the way.
fn successor<'a>(
    pack: PackId,
    entry: &PackEntry,
    payload: &'a Bytes,
    cold: bool,
    compressor: &mut zstd::bulk::Compressor<'_>,
) -> Result<Record<'a>> {
    let bytes = open_payload(&entry.id, &Location::of(pack, entry), payload.clone())?;
    let as_it_is = Record {
        id: entry.id,
        kind: entry.kind,
        codec: entry.codec,
        len: entry.len,
        payload: payload.as_ref().into(),
        crc32: entry.crc32,
    };
    // pages and roots are few, and read on the way to everything else
    if !cold || entry.codec != Codec::Plain || entry.kind != RecordKind::Data {
        return Ok(as_it_is);
    }
    let packed = compressor
        .compress(&bytes)
        .map_err(|error| Error::new(Kind::Internal, "compress a chunk").with_source(error))?;
    if packed.len() as u64 * 100 > u64::from(to_u32(bytes.len())) * WORTH_PERCENT {
        return Ok(as_it_is);
    }
    let crc32 = crc32fast::hash(&packed);
    Ok(Record { codec: Codec::Zstd, payload: packed.into(), crc32, ..as_it_is })
}
