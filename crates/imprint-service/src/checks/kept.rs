//! What was found out, as it is kept with the content: whole for whoever asks for one image, and short for lists.

use std::collections::BTreeMap;

use imprint_catalogue::{Tx, content_facts};
use imprint_inspect::Report;
use imprint_model::{MapId, Timestamp};

use crate::error::Error;

/// Name of the whole report.
const WHOLE: &str = "check";
/// Name of the report without what lists do not show.
const SHORT: &str = "check items";
/// Longest report, in bytes of JSON: some hundred thousand packages.
const REPORT_BYTES_MAX: usize = 64 << 20;
/// How hard it is compressed.
const LEVEL: i32 = 3;

/// Keeps what was found out.
pub(super) fn keep(tx: &mut Tx<'_>, map: MapId, (whole, short): (&[u8], &[u8]), now: Timestamp) -> Result<(), Error> {
    content_facts::put(tx, map, WHOLE, whole, now)?;
    Ok(content_facts::put(tx, map, SHORT, short, now)?)
}

/// A report as it is kept: whole, and short.
pub(super) fn encode(report: &Report) -> Result<(Vec<u8>, Vec<u8>), Error> {
    Ok((packed(report)?, packed(&short(report))?))
}

/// The report that was kept.
pub(super) fn decode(bytes: &[u8]) -> Result<Report, Error> {
    let json = zstd::bulk::decompress(bytes, REPORT_BYTES_MAX).map_err(Error::internal)?;
    serde_json::from_slice(&json).map_err(Error::internal)
}

/// The whole report of these bytes, not decoded yet.
pub(super) fn whole(tx: &mut Tx<'_>, map: MapId) -> Result<Option<Vec<u8>>, Error> {
    Ok(content_facts::get(tx, map, WHOLE)?)
}

/// The short report of these bytes, when the check came to its end.
pub(super) fn complete(tx: &mut Tx<'_>, map: MapId) -> Result<Option<Report>, Error> {
    let report = content_facts::get(tx, map, SHORT)?.map(|bytes| decode(&bytes)).transpose()?;
    Ok(report.filter(|report| report.incomplete.is_none()))
}

/// The short reports of these maps.
pub(super) fn short_of(tx: &mut Tx<'_>, maps: &[MapId]) -> Result<BTreeMap<MapId, Report>, Error> {
    let found = content_facts::of_maps(tx, maps, SHORT)?;
    found.into_iter().map(|(map, bytes)| Ok((map, decode(&bytes)?))).collect()
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
