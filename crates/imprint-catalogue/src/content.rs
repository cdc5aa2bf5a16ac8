//! Stored bytes as columns of a row: the map, and what was found out about the bytes.

use imprint_model::{Content, ContentHash};

use crate::{Error, Row, Value};

/// Columns that one [`Content`] takes: map, bytes, virtual bytes, MD5, the stronger digest's algorithm and value.
pub(crate) const CONTENT_COLUMNS: usize = 6;

/// The content as the values of its columns.
pub(crate) fn values(content: Option<&Content>) -> [Value; CONTENT_COLUMNS] {
    let Some(Content { map, size_bytes, virtual_size_bytes, md5, hash }) = content else { return Default::default() };
    [
        map.into(),
        (*size_bytes).into(),
        (*virtual_size_bytes).into(),
        md5.as_ref().into(),
        hash.as_ref().map(|hash| &hash.algorithm).into(),
        hash.as_ref().map(|hash| &hash.value).into(),
    ]
}

/// The content whose columns begin with `first`.
pub(crate) fn read(row: &Row, first: usize) -> Result<Option<Content>, Error> {
    let Some(map) = row.parse_opt(first)? else { return Ok(None) };
    let hash = match (row.get(first + 4)?, row.get(first + 5)?) {
        (Some(algorithm), Some(value)) => Some(ContentHash { algorithm, value }),
        _ => None,
    };
    Ok(Some(Content {
        map,
        size_bytes: row.get(first + 1)?,
        virtual_size_bytes: row.get(first + 2)?,
        md5: row.get(first + 3)?,
        hash,
    }))
}
