//! What a client and a server agree on before the first request.

use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::Error;
use crate::stream::BoxStream;
use crate::wire::{self, FIXED_NEWSTYLE, Fields, NAME_BYTES_MAX, NO_ZEROES, info, option, reply};

/// Longest payload of a reply to an option that is taken.
const PAYLOAD_BYTES_MAX: usize = 64 << 10;
/// Replies to one option that are taken.
const REPLIES_MAX: usize = 1024;
/// Contexts that can be asked for at once.
const CONTEXTS_MAX: usize = 64;

/// What was agreed on.
pub(super) struct Agreed {
    pub(super) size_bytes: u64,
    pub(super) structured: bool,
    pub(super) contexts: Vec<(String, u32)>,
}

/// A reply to an option that is no error.
struct Reply {
    kind: u32,
    payload: Vec<u8>,
}

pub(super) async fn shake(stream: &mut BoxStream, export: &str, wanted: &[&str]) -> Result<Agreed, Error> {
    let fits = |text: &str| text.len() <= NAME_BYTES_MAX;
    if !fits(export) || wanted.len() > CONTEXTS_MAX || !wanted.iter().all(|name| fits(name)) {
        return Err(Error::Invalid("a name is too long, or there are too many".to_owned()));
    }
    greet(stream).await?;
    let structured = ask(stream, option::STRUCTURED_REPLY, &[], "structured replies").await.map(|_| true);
    let structured = unless_refused(structured)?.unwrap_or(false);
    let mut contexts = Vec::new();
    if structured && !wanted.is_empty() {
        contexts = unless_refused(ask_for_contexts(stream, export, wanted).await)?.unwrap_or_default();
    }
    let size_bytes = go(stream, export).await?;
    Ok(Agreed { size_bytes, structured, contexts })
}

async fn greet(stream: &mut BoxStream) -> Result<(), Error> {
    const DOING: &str = "reading the server's greeting";
    let greeting = stream.read_u64().await.map_err(Error::io(DOING))?;
    let style = stream.read_u64().await.map_err(Error::io(DOING))?;
    let flags = stream.read_u16().await.map_err(Error::io(DOING))?;
    if greeting != wire::GREETING || style != wire::OPTION_MAGIC || flags & FIXED_NEWSTYLE == 0 {
        return Err(Error::protocol("no greeting of a fixed newstyle server"));
    }
    let flags = u32::from(FIXED_NEWSTYLE | (flags & NO_ZEROES));
    stream.write_u32(flags).await.map_err(Error::io("answering the server's greeting"))
}

/// An option that the server refuses is done without.
fn unless_refused<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn ask_for_contexts(stream: &mut BoxStream, export: &str, wanted: &[&str]) -> Result<Vec<(String, u32)>, Error> {
    let mut payload = Vec::new();
    wire::put_text(&mut payload, export);
    payload.put_u32(u32::try_from(wanted.len()).expect("bounded"));
    for name in wanted {
        wire::put_text(&mut payload, name);
    }
    let mut given = Vec::new();
    for Reply { kind, payload } in ask(stream, option::SET_META_CONTEXT, &payload, export).await? {
        let mut fields = Fields(&payload);
        let number = fields.u32().filter(|_| kind == reply::META_CONTEXT);
        let number = number.ok_or_else(|| Error::protocol("no metadata context where one was expected"))?;
        let name = fields.0;
        if let Some(name) = wanted.iter().find(|wanted| wanted.as_bytes() == name) {
            given.push(((*name).to_owned(), number));
        }
    }
    let mut contexts: Vec<(String, u32)> = Vec::new();
    for wanted in wanted {
        let Some(found) = given.iter().find(|(name, _)| name == wanted) else { continue };
        if contexts.iter().any(|(name, number)| name == wanted || *number == found.1) {
            return Err(Error::protocol("two metadata contexts are one"));
        }
        contexts.push(found.clone());
    }
    Ok(contexts)
}

/// Chooses the export; its length.
async fn go(stream: &mut BoxStream, export: &str) -> Result<u64, Error> {
    let mut payload = Vec::new();
    wire::put_text(&mut payload, export);
    payload.put_u16(0);
    let mut size = None;
    for Reply { kind, payload } in ask(stream, option::GO, &payload, export).await? {
        let mut fields = Fields(&payload);
        if kind == reply::INFO && fields.u16() == Some(info::EXPORT) {
            size = fields.u64();
        }
    }
    size.ok_or_else(|| Error::protocol("the server did not tell the export's length"))
}

/// Sends an option and takes its replies up to the last.
async fn ask(stream: &mut BoxStream, option: u32, payload: &[u8], what: &str) -> Result<Vec<Reply>, Error> {
    stream.write_all(&wire::option(option, payload)).await.map_err(Error::io("sending an option"))?;
    stream.flush().await.map_err(Error::io("sending an option"))?;
    let mut replies = Vec::new();
    loop {
        let Reply { kind, payload } = take_reply(stream, option).await?;
        if kind == reply::ACK {
            return Ok(replies);
        }
        if kind & reply::ERROR != 0 {
            let text = String::from_utf8_lossy(&payload[..payload.len().min(NAME_BYTES_MAX)]).into_owned();
            let why = if text.is_empty() { format!("error {kind:#x}") } else { text };
            return Err(Error::Refused { what: what.to_owned(), why });
        }
        if replies.len() == REPLIES_MAX {
            return Err(Error::protocol(format!("more than {REPLIES_MAX} replies to one option")));
        }
        replies.push(Reply { kind, payload });
    }
}

async fn take_reply(stream: &mut BoxStream, option: u32) -> Result<Reply, Error> {
    const DOING: &str = "reading the reply to an option";
    let magic = stream.read_u64().await.map_err(Error::io(DOING))?;
    let of = stream.read_u32().await.map_err(Error::io(DOING))?;
    let kind = stream.read_u32().await.map_err(Error::io(DOING))?;
    let len = stream.read_u32().await.map_err(Error::io(DOING))?;
    if magic != wire::OPTION_REPLY_MAGIC || of != option {
        return Err(Error::protocol("no reply to the option that was sent"));
    }
    let len = usize::try_from(len).ok().filter(|&len| len <= PAYLOAD_BYTES_MAX);
    let len = len.ok_or_else(|| Error::protocol("a reply to an option is too long"))?;
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).await.map_err(Error::io(DOING))?;
    Ok(Reply { kind, payload })
}
