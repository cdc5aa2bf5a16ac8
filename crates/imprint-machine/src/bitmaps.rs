//! Dirty bitmaps of overlays: the marks that captures leave, and what is left of those that went wrong.

use serde_json::{Value, json};

use crate::hypervisor::Error;
use crate::nodes::Names;
use crate::qmp::Qmp;

/// Bytes that one bit stands for: a cluster of the overlay.
pub(crate) const GRANULARITY_BYTES: u32 = 64 << 10;
/// What changed since a mark, as it was at a capture's instant; never in the file.
pub(crate) const READING: &str = "reading";

/// A bitmap of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    pub(crate) name: String,
    /// Whether what it says can be believed: it is not, when the process that kept it was killed.
    pub(crate) is_whole: bool,
}

/// A disk that is open.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) size_bytes: u64,
    pub(crate) bitmaps: Vec<Bitmap>,
}

/// A disk with its bitmaps; [`Error::Missing`] when it is not open here.
pub(crate) async fn of(qmp: &Qmp, names: &Names) -> Result<Open, Error> {
    let nodes = qmp.ask("query-named-block-nodes", json!({ "flat": true })).await?;
    let is_it = |node: &&Value| node["node-name"] == names.overlay();
    let node = nodes.as_array().and_then(|nodes| nodes.iter().find(is_it));
    let missing = || Error::Missing("the disk".to_owned());
    let node = node.ok_or_else(missing)?;
    let size_bytes = node["image"]["virtual-size"].as_u64().ok_or_else(missing)?;
    let bitmaps = node["dirty-bitmaps"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Open { size_bytes, bitmaps: bitmaps.iter().filter_map(bitmap).collect() })
}

fn bitmap(value: &Value) -> Option<Bitmap> {
    let name = value["name"].as_str()?.to_owned();
    let is_whole = value["recording"] == true && value["inconsistent"] != true;
    Some(Bitmap { name, is_whole })
}

/// Bitmaps that the end of a process made useless only stand in the way.
pub(crate) async fn drop_broken(qmp: &Qmp, names: &Names) -> Result<(), Error> {
    let broken = of(qmp, names).await?.bitmaps.into_iter().filter(|bitmap| !bitmap.is_whole && bitmap.name != READING);
    remove(qmp, names, broken).await
}

/// Removes bitmaps.
pub(crate) async fn remove(qmp: &Qmp, names: &Names, bitmaps: impl IntoIterator<Item = Bitmap>) -> Result<(), Error> {
    for bitmap in bitmaps {
        let which = json!({ "node": names.overlay(), "name": bitmap.name });
        qmp.ask("block-dirty-bitmap-remove", which).await?;
    }
    Ok(())
}

/// The steps that begin a mark, for a transaction.
pub(crate) fn begin(names: &Names, mark: &str) -> (&'static str, Value) {
    let data = json!({
        "node": names.overlay(), "name": mark, "persistent": true, "granularity": GRANULARITY_BYTES,
    });
    ("block-dirty-bitmap-add", data)
}

/// The steps that copy what a mark says now, for a transaction: the mark itself goes on, untouched.
pub(crate) fn copy(names: &Names, mark: &str) -> [(&'static str, Value); 2] {
    let node = names.overlay();
    let add = json!({ "node": node, "name": READING, "disabled": true, "granularity": GRANULARITY_BYTES });
    let merge = json!({ "node": node, "target": READING, "bitmaps": [mark] });
    [("block-dirty-bitmap-add", add), ("block-dirty-bitmap-merge", merge)]
}
