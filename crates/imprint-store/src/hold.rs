//! Whether a map is whole, and new rows may name it. Never looks at the bytes of chunks.

use imprint_model::{ChunkId, MapId};

use crate::error::{Kind, Result};
use crate::index::LOOKUP_MAX;
use crate::map::{Page, Root, root_id};
use crate::store::Shared;

/// Pages looked at together.
const PAGES_AT_ONCE: usize = 16;

/// Whether new content may refer to the map and to everything in it.
pub(crate) fn is_whole(shared: &Shared, map: MapId) -> Result<bool> {
    match check(shared, map) {
        // it went while it was looked at
        Err(error) if error.kind() == Kind::Missing => Ok(false),
        result => result,
    }
}

fn check(shared: &Shared, map: MapId) -> Result<bool> {
    let root = root_id(map);
    if !all_live(shared, &[root])? {
        return Ok(false);
    }
    let root = Root::decode(&shared.fetch(root)?)?;
    let pages: Vec<ChunkId> = root.pages().map(|(_, page)| page).collect();
    for some in pages.chunks(PAGES_AT_ONCE) {
        if !all_live(shared, some)? {
            return Ok(false);
        }
        for bytes in shared.fetch_all(some)? {
            let chunks: Vec<ChunkId> = Page::decode(&bytes)?.entries.iter().map(|entry| entry.chunk).collect();
            if !all_live(shared, &chunks)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn all_live(shared: &Shared, ids: &[ChunkId]) -> Result<bool> {
    for part in ids.chunks(LOOKUP_MAX) {
        if shared.index.find_live(part)?.iter().any(Option::is_none) {
            return Ok(false);
        }
    }
    Ok(true)
}
