//! What an export is told to be: the options INFO and GO.

use std::sync::Arc;

use bytes::BufMut;
use imprint_disk::ReadAt;

use super::handshake::Agreed;
use crate::exports::Exports;
use crate::wire::{self, Fields, NAME_BYTES_MAX, info, reply};

/// Any place may be read.
const BLOCK_BYTES_MIN: u32 = 1;
/// What is read best: about a chunk.
const BLOCK_BYTES_PREFERRED: u32 = 64 << 10;
/// Longest request whose payload or answer is data.
pub(super) const BLOCK_BYTES_MAX: u32 = 32 << 20;

/// Answer to an option.
pub(super) enum Answer {
    /// Only an answer.
    Says(Vec<u8>),
    /// The answer that there is such an export.
    Opened { bytes: Vec<u8>, name: String, disk: Arc<dyn ReadAt> },
}

/// An export's name.
pub(super) fn name(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|name| name.len() <= NAME_BYTES_MAX)
}

pub(super) async fn info(option: u32, payload: &[u8], exports: &dyn Exports, agreed: &Agreed) -> Answer {
    let says = |kind, text: &str| Answer::Says(wire::option_reply(option, kind, text.as_bytes()));
    let Some((name, wanted)) = parse(payload) else {
        return says(reply::INVALID, "this is no name with a list of what is to be told");
    };
    let Some(disk) = exports.open(name).await else {
        return says(reply::UNKNOWN, "there is no such export");
    };
    let mut told = Vec::new();
    told.put_u16(info::EXPORT);
    told.put_u64(disk.size_bytes());
    told.put_u16(agreed.flags());
    let mut bytes = wire::option_reply(option, reply::INFO, &told);
    if wanted.contains(&info::BLOCK_SIZE) {
        let mut told = Vec::new();
        told.put_u16(info::BLOCK_SIZE);
        told.put_u32(BLOCK_BYTES_MIN);
        told.put_u32(BLOCK_BYTES_PREFERRED);
        told.put_u32(BLOCK_BYTES_MAX);
        bytes.extend(wire::option_reply(option, reply::INFO, &told));
    }
    bytes.extend(wire::option_reply(option, reply::ACK, &[]));
    Answer::Opened { bytes, name: name.to_owned(), disk }
}

/// The name, and what the client wants to be told. Shorter than the payload, which is bounded.
fn parse(payload: &[u8]) -> Option<(&str, Vec<u16>)> {
    let mut fields = Fields(payload);
    let name = fields.text()?;
    let count = fields.u16()?;
    let wanted = (0..count).map(|_| fields.u16()).collect::<Option<Vec<u16>>>()?;
    fields.is_empty().then_some((name, wanted))
}
