//! Names of exports. On the node itself stored bytes are named by what they are: `content/<map>/<format>`.

use imprint_machine::Base;
use imprint_model::{Content, DiskFormat, MapId};

use crate::disks::is_wrapped;

/// What local names begin with.
const CONTENT: &str = "content";

/// Stored bytes as a disk that a machine on this node can stand on.
pub(crate) fn base_of(content: &Content, format: DiskFormat) -> Base {
    let inside = content.virtual_size_bytes.filter(|_| is_wrapped(format));
    let size_bytes = inside.unwrap_or(content.size_bytes);
    Base { export: format!("{CONTENT}/{}/{format}", content.map), size_bytes }
}

/// Which bytes a local name stands for, and what they are read as.
pub(super) fn parse(name: &str) -> Option<(MapId, DiskFormat)> {
    let (map, format) = name.strip_prefix(CONTENT)?.strip_prefix('/')?.split_once('/')?;
    Some((map.parse().ok()?, format.parse().ok()?))
}
