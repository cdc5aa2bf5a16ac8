//! Metadata contexts: the only one there is tells holes and zeros.

use bytes::BufMut;

use super::handshake::Agreed;
use crate::exports::Exports;
use crate::wire::{self, ALLOCATION, Fields, option, reply};

/// The number under which statuses of [`ALLOCATION`] are told.
pub(super) const ALLOCATION_ID: u32 = 1;
/// All contexts of a namespace, when they are listed.
const NAMESPACE: &str = "base:";

/// The answer to the options that list and choose contexts. Choosing forgets what was chosen before, whatever the answer.
pub(super) async fn contexts(option: u32, payload: &[u8], exports: &dyn Exports, agreed: &mut Agreed) -> Vec<u8> {
    let chooses = option == option::SET_META_CONTEXT;
    if chooses {
        agreed.allocation_of = None;
    }
    let says = |kind, text: &str| wire::option_reply(option, kind, text.as_bytes());
    if chooses && !agreed.structured {
        return says(reply::INVALID, "structured replies first");
    }
    let Some((name, queries)) = parse(payload) else {
        return says(reply::INVALID, "this is no name with a list of contexts");
    };
    if exports.open(name).await.is_none() {
        return says(reply::UNKNOWN, "there is no such export");
    }
    let lists = |query: &&str| *query == ALLOCATION || (!chooses && *query == NAMESPACE);
    let mut answer = Vec::new();
    if queries.iter().any(lists) || (!chooses && queries.is_empty()) {
        let mut told = Vec::new();
        told.put_u32(if chooses { ALLOCATION_ID } else { 0 });
        told.put_slice(ALLOCATION.as_bytes());
        answer = wire::option_reply(option, reply::META_CONTEXT, &told);
        if chooses {
            agreed.allocation_of = Some(name.to_owned());
        }
    }
    answer.extend(wire::option_reply(option, reply::ACK, &[]));
    answer
}

/// An export's name and the queries. There are no more of them than the payload, which is bounded, has room for.
fn parse(payload: &[u8]) -> Option<(&str, Vec<&str>)> {
    let mut fields = Fields(payload);
    let name = fields.text()?;
    let count = fields.u32()?;
    let mut queries = Vec::new();
    for _ in 0..count {
        queries.push(fields.text()?);
    }
    fields.is_empty().then_some((name, queries))
}
