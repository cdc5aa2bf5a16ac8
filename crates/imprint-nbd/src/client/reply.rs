//! Answers to requests: simple and structured ones. What a server says is believed only inside what was asked for.

use bytes::Bytes;
use tokio::io::AsyncReadExt;

use super::{ContextStatus, StatusExtent};
use crate::error::Error;
use crate::stream::BoxStream;
use crate::wire::{self, Chunk, Fields, NAME_BYTES_MAX, Request, chunk};

/// Extents that are taken of one answer for one context.
const EXTENTS_MAX: u32 = 1 << 20;
/// Pieces with gaps between them that one answer may come in.
const PIECES_MAX: usize = 1 << 16;
/// Bytes of one extent in an answer.
const EXTENT_BYTES: u32 = 8;

const DOING: &str = "reading an answer";

/// The bytes that a request without structured replies is answered with.
pub(super) async fn read_simple(stream: &mut BoxStream, request: &Request) -> Result<Bytes, Error> {
    let magic = stream.read_u32().await.map_err(Error::io(DOING))?;
    let (code, cookie) = simple_head(stream).await?;
    if magic != wire::SIMPLE_REPLY_MAGIC || cookie != request.cookie {
        return Err(Error::protocol("no answer to the request that was sent"));
    }
    if code != 0 {
        return Err(Error::Answered { code, text: String::new() });
    }
    let mut bytes = vec![0; len_of(request)];
    stream.read_exact(&mut bytes).await.map_err(Error::io(DOING))?;
    Ok(bytes.into())
}

async fn simple_head(stream: &mut BoxStream) -> Result<(u32, u64), Error> {
    let code = stream.read_u32().await.map_err(Error::io(DOING))?;
    let cookie = stream.read_u64().await.map_err(Error::io(DOING))?;
    Ok((code, cookie))
}

fn len_of(request: &Request) -> usize {
    usize::try_from(request.len).expect("reads are far shorter")
}

/// The bytes of a range that come in chunks, in any order.
pub(super) async fn read_structured(stream: &mut BoxStream, request: &Request) -> Result<Bytes, Error> {
    let mut bytes = vec![0; len_of(request)];
    let mut told = Told::default();
    let mut failed = None;
    loop {
        let head = take_head(stream, request).await?;
        match head.kind {
            chunk::NONE if head.len == 0 && head.flags & chunk::DONE != 0 => {}
            chunk::OFFSET_DATA if head.len > 8 => {
                let offset = stream.read_u64().await.map_err(Error::io(DOING))?;
                let place = told.piece(request, offset, head.len - 8)?;
                stream.read_exact(&mut bytes[place]).await.map_err(Error::io(DOING))?;
            }
            chunk::OFFSET_HOLE if head.len == 12 => {
                let offset = stream.read_u64().await.map_err(Error::io(DOING))?;
                let len = stream.read_u32().await.map_err(Error::io(DOING))?;
                told.piece(request, offset, len)?;
            }
            kind if kind & chunk::ERROR_BIT != 0 => failed = Some(take_error(stream, head).await?),
            kind => return Err(Error::protocol(format!("a chunk of type {kind} in the answer to a read"))),
        }
        if head.flags & chunk::DONE != 0 {
            break;
        }
    }
    match failed {
        Some(error) => Err(error),
        None if told.has_all(request) => Ok(bytes.into()),
        None => Err(Error::protocol("the answer to a read leaves bytes out")),
    }
}

/// Which bytes have come.
#[derive(Default)]
struct Told {
    pieces: Vec<(u64, u64)>,
}

impl Told {
    /// Notes a piece; its place among the wanted bytes.
    fn piece(&mut self, request: &Request, offset: u64, len: u32) -> Result<std::ops::Range<usize>, Error> {
        let from = offset.checked_sub(request.offset).filter(|_| len > 0);
        let range = from.map(|from| (from, from.saturating_add(u64::from(len))));
        let (from, to) = range
            .filter(|&(_, to)| to <= u64::from(request.len))
            .ok_or_else(|| Error::protocol("a chunk does not lie in the range that was asked for"))?;
        match self.pieces.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => self.pieces.push((from, to)),
        }
        if self.pieces.len() > PIECES_MAX {
            return Err(Error::protocol("an answer comes in too many pieces"));
        }
        let place = |at: u64| usize::try_from(at).expect("reads are far shorter");
        Ok(place(from)..place(to))
    }

    /// Whether every byte has come once.
    fn has_all(mut self, request: &Request) -> bool {
        self.pieces.sort_unstable();
        let mut at = 0;
        for (from, to) in self.pieces {
            if from != at {
                return false;
            }
            at = to;
        }
        at == u64::from(request.len)
    }
}

/// What contexts say of a range.
pub(super) async fn status(
    stream: &mut BoxStream,
    request: &Request,
    contexts: &[(String, u32)],
) -> Result<Vec<ContextStatus>, Error> {
    let mut told: Vec<Option<Vec<StatusExtent>>> = vec![None; contexts.len()];
    let mut failed = None;
    loop {
        let head = take_head(stream, request).await?;
        match head.kind {
            chunk::NONE if head.len == 0 && head.flags & chunk::DONE != 0 => {}
            chunk::BLOCK_STATUS => {
                let (number, extents) = take_extents(stream, head, request).await?;
                let place = contexts.iter().position(|(_, context)| *context == number);
                let place = place.filter(|&place| told[place].is_none());
                let place = place.ok_or_else(|| Error::protocol("a status of a context nobody asked for"))?;
                told[place] = Some(extents);
            }
            kind if kind & chunk::ERROR_BIT != 0 => failed = Some(take_error(stream, head).await?),
            kind => return Err(Error::protocol(format!("a chunk of type {kind} where a status was expected"))),
        }
        if head.flags & chunk::DONE != 0 {
            break;
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let told: Option<Vec<_>> = contexts
        .iter()
        .zip(told)
        .map(|((context, _), extents)| Some(ContextStatus { context: context.clone(), extents: extents? }))
        .collect();
    told.ok_or_else(|| Error::protocol("a context said nothing"))
}

async fn take_extents(
    stream: &mut BoxStream,
    head: Chunk,
    request: &Request,
) -> Result<(u32, Vec<StatusExtent>), Error> {
    let count = head.len.checked_sub(4).filter(|len| len % EXTENT_BYTES == 0).map(|len| len / EXTENT_BYTES);
    let count = count.filter(|count| (1..=EXTENTS_MAX).contains(count));
    let count = count.ok_or_else(|| Error::protocol("a status of a length that cannot be"))?;
    let context = stream.read_u32().await.map_err(Error::io(DOING))?;
    let mut extents: Vec<StatusExtent> = Vec::new();
    let mut left = u64::from(request.len);
    for _ in 0..count {
        let mut extent = [0; EXTENT_BYTES as usize];
        stream.read_exact(&mut extent).await.map_err(Error::io(DOING))?;
        let mut fields = Fields(&extent);
        let (len, flags) = fields.u32().zip(fields.u32()).expect("eight bytes");
        if len == 0 || left == 0 {
            return Err(Error::protocol("an extent is empty or lies past the range"));
        }
        // the last may be longer than what was asked for
        let len = u64::from(len).min(left);
        left -= len;
        match extents.last_mut() {
            Some(last) if last.flags == flags => last.len += len,
            _ => extents.push(StatusExtent { len, flags }),
        }
    }
    Ok((context, extents))
}

/// The header of the next chunk of the answer. An error may come as a simple reply all the same.
async fn take_head(stream: &mut BoxStream, request: &Request) -> Result<Chunk, Error> {
    let magic = stream.read_u32().await.map_err(Error::io(DOING))?;
    if magic == wire::SIMPLE_REPLY_MAGIC {
        let (code, cookie) = simple_head(stream).await?;
        if code == 0 || cookie != request.cookie {
            return Err(Error::protocol("a simple reply where chunks were agreed on"));
        }
        return Err(Error::Answered { code, text: String::new() });
    }
    let flags = stream.read_u16().await.map_err(Error::io(DOING))?;
    let kind = stream.read_u16().await.map_err(Error::io(DOING))?;
    let cookie = stream.read_u64().await.map_err(Error::io(DOING))?;
    let len = stream.read_u32().await.map_err(Error::io(DOING))?;
    if magic != wire::CHUNK_MAGIC || cookie != request.cookie {
        return Err(Error::protocol("no answer to the request that was sent"));
    }
    Ok(Chunk { flags, kind, cookie, len })
}

/// The error that a chunk carries.
async fn take_error(stream: &mut BoxStream, head: Chunk) -> Result<Error, Error> {
    let len = usize::try_from(head.len).ok().filter(|&len| len <= NAME_BYTES_MAX + 14);
    let len = len.ok_or_else(|| Error::protocol("an error's text is too long"))?;
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).await.map_err(Error::io(DOING))?;
    let mut fields = Fields(&payload);
    let told = fields.u32().filter(|&code| code != 0).zip(fields.u16());
    let (code, text_len) = told.ok_or_else(|| Error::protocol("an error without a number"))?;
    let text = fields.bytes(usize::from(text_len)).ok_or_else(|| Error::protocol("an error's text is cut off"))?;
    Ok(Error::Answered { code, text: String::from_utf8_lossy(text).into_owned() })
}
