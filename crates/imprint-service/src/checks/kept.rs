//! What was found out, as it is kept with the content: whole for whoever asks for one image, and short for lists. Bytes
//! are what they are read as, so each reading of them has reports of its own.

use std::collections::BTreeMap;

use imprint_catalogue::{Tx, content_facts};
use imprint_inspect::Report;
use imprint_model::{DiskFormat, MapId, Timestamp};

use crate::disks::read_as;
use crate::error::Error;

/// Longest report, in bytes of JSON: some hundred thousand packages.
const REPORT_BYTES_MAX: usize = 64 << 20;
/// How hard it is compressed.
const LEVEL: i32 = 3;

/// Bytes, and what they are read as.
pub(super) type Reading = (MapId, DiskFormat);

/// A report as it is kept.
pub(super) struct Encoded {
    whole: Vec<u8>,
    /// Without what lists do not show.
    short: Vec<u8>,
    is_complete: bool,
}

/// Keeps what was found out; answers the report that is kept instead, if it is the better one: what a check says that
/// could not come to its end is no reason to forget what one said that could.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    (map, format): Reading,
    report: &Encoded,
    now: Timestamp,
) -> Result<Option<Report>, Error> {
    if !report.is_complete
        && let Some(known) = complete(tx, (map, format))?
    {
        return Ok(Some(known));
    }
    content_facts::put(tx, map, &whole_name(format), &report.whole, now)?;
    content_facts::put(tx, map, &short_name(format), &report.short, now)?;
    Ok(None)
}

/// A report as it is kept. For blocking threads.
pub(super) fn encode(report: &Report) -> Result<Encoded, Error> {
    let is_complete = report.incomplete.is_none();
    Ok(Encoded { whole: packed(report)?, short: packed(&short(report))?, is_complete })
}

/// The report that was kept. For blocking threads.
pub(super) fn decode(bytes: &[u8]) -> Result<Report, Error> {
    let len = zstd::zstd_safe::get_frame_content_size(bytes).map_err(Error::internal)?;
    let len = len.and_then(|len| usize::try_from(len).ok()).filter(|&len| len <= REPORT_BYTES_MAX);
    let len = len.ok_or_else(|| Error::internal("a kept report of no possible length"))?;
    let json = zstd::bulk::decompress(bytes, len).map_err(Error::internal)?;
    serde_json::from_slice(&json).map_err(Error::internal)
}

/// The whole report of these bytes, not decoded yet.
pub(super) fn whole(tx: &mut Tx<'_>, (map, format): Reading) -> Result<Option<Vec<u8>>, Error> {
    Ok(content_facts::get(tx, map, &whole_name(format))?)
}

/// The short report of these bytes, when the check came to its end. For blocking threads.
pub(super) fn complete(tx: &mut Tx<'_>, (map, format): Reading) -> Result<Option<Report>, Error> {
    let report = content_facts::get(tx, map, &short_name(format))?.map(|bytes| decode(&bytes)).transpose()?;
    Ok(report.filter(|report| report.incomplete.is_none()))
}

/// The short reports of these bytes, by what [`key`] answers. For blocking threads.
pub(super) fn short_of(tx: &mut Tx<'_>, readings: &[Reading]) -> Result<BTreeMap<Key, Report>, Error> {
    let mut by_name: BTreeMap<&'static str, (DiskFormat, Vec<MapId>)> = BTreeMap::new();
    for &(map, format) in readings {
        by_name.entry(read_as(format)).or_insert_with(|| (format, Vec::new())).1.push(map);
    }
    let mut known = BTreeMap::new();
    for (format, maps) in by_name.into_values() {
        for (map, bytes) in content_facts::of_maps(tx, &maps, &short_name(format))? {
            known.insert(key((map, format)), decode(&bytes)?);
        }
    }
    Ok(known)
}

/// What tells readings apart whose reports may differ.
pub(super) type Key = (MapId, &'static str);

/// What tells this reading from others.
pub(super) fn key((map, format): Reading) -> Key {
    (map, read_as(format))
}

fn whole_name(format: DiskFormat) -> String {
    format!("check {}", read_as(format))
}

fn short_name(format: DiskFormat) -> String {
    format!("check items {}", read_as(format))
}

fn short(report: &Report) -> Report {
    let Report { os, items, incomplete, .. } = report;
    Report { os: os.clone(), items: items.clone(), incomplete: incomplete.clone(), ..Report::default() }
}

fn packed(report: &Report) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(report).map_err(Error::internal)?;
    if json.len() > REPORT_BYTES_MAX {
        return Err(Error::internal(format!("a report of {} bytes", json.len())));
    }
    zstd::bulk::compress(&json, LEVEL).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn half_an_answer_does_not_take_the_place_of_a_whole_one() {
        let (world, reading) = (World::new(), (MapId([1; 32]), DiskFormat::Raw));
        let half = Report { incomplete: Some("no time".to_owned()), ..Report::default() };
        let whole = Report { partition_table: Some("gpt".to_owned()), ..Report::default() };
        let put = async |report: &Report| {
            let encoded = encode(report).expect("encoded");
            world.catalogue.write(move |tx| keep(tx, reading, &encoded, Timestamp(1))).await.expect("kept")
        };
        let kept = async |format| {
            let bytes = world.catalogue.read(move |tx| super::whole(tx, (reading.0, format))).await.expect("asked");
            bytes.map(|bytes| decode(&bytes).expect("decoded"))
        };
        assert_eq!((put(&half).await, kept(DiskFormat::Raw).await), (None, Some(half.clone())));
        assert_eq!((put(&whole).await, kept(DiskFormat::Raw).await), (None, Some(whole.clone())));
        let better = put(&half).await.expect("there is a better one");
        assert_eq!((better, kept(DiskFormat::Iso).await), (short(&whole), Some(whole.clone())));
        assert_eq!((put(&whole).await, kept(DiskFormat::Qcow2).await), (None, None));
    }

    #[test]
    fn a_report_comes_back_and_a_claimed_length_is_not_believed() {
        let report = Report { incomplete: Some("no time".to_owned()), ..Report::default() };
        let encoded = encode(&report).expect("encoded");
        assert!(!encoded.is_complete);
        assert_eq!(decode(&encoded.whole).expect("decoded"), report);
        // a frame that says that it holds 2^40 bytes
        let mut claims = vec![0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x88];
        claims.extend((1_u64 << 40).to_le_bytes());
        assert_eq!(zstd::zstd_safe::get_frame_content_size(&claims).ok().flatten(), Some(1 << 40));
        assert!(decode(&claims).is_err() && decode(b"{}").is_err());
    }
}
