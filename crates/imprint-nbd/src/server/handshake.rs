//! The handshake: options until an export is chosen. Read without a buffer, so that nothing sent in the clear is taken
//! for something that came over TLS.

use std::io;
use std::sync::Arc;

use bytes::BufMut;
use imprint_disk::ReadAt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::meta;
use super::options::{self, Answer};
use crate::error::Error;
use crate::exports::{Exports, Upgrade};
use crate::stream::BoxStream;
use crate::wire::{self, FIXED_NEWSTYLE, NO_ZEROES, PADDING_BYTES, flag, option, reply};

/// Longest payload of an option that is looked at: room for a name and some contexts.
const PAYLOAD_BYTES_MAX: u32 = 64 << 10;
/// Longest payload that is read to its end only to refuse it.
const SKIPPED_BYTES_MAX: u32 = 1 << 20;
/// Options of one connection.
const OPTIONS_MAX: usize = 1024;

/// What the client chose.
pub(super) struct Chosen {
    pub(super) stream: BoxStream,
    pub(super) disk: Arc<dyn ReadAt>,
    pub(super) structured: bool,
    pub(super) allocation: bool,
}

/// What was agreed on so far.
#[derive(Default)]
pub(super) struct Agreed {
    pub(super) structured: bool,
    /// The export whose allocation the client wants to be told.
    pub(super) allocation_of: Option<String>,
    no_zeroes: bool,
    encrypted: bool,
}

impl Agreed {
    pub(super) fn flags(&self) -> u16 {
        let always = flag::HAS_FLAGS | flag::READ_ONLY | flag::CAN_MULTI_CONN | flag::SEND_CACHE;
        if self.structured { always | flag::SEND_DF } else { always }
    }

    fn chose(self, stream: BoxStream, name: &str, disk: Arc<dyn ReadAt>) -> Chosen {
        let allocation = self.structured && self.allocation_of.as_deref() == Some(name);
        Chosen { stream, disk, structured: self.structured, allocation }
    }
}

/// None when the client left before it chose anything.
pub(super) async fn shake(
    mut stream: BoxStream,
    exports: &dyn Exports,
    tls: Option<&dyn Upgrade>,
) -> Result<Option<Chosen>, Error> {
    let mut agreed = greet(&mut stream).await?;
    for _ in 0..OPTIONS_MAX {
        let Some((option, len)) = next_option(&mut stream).await? else { return Ok(None) };
        if len > PAYLOAD_BYTES_MAX {
            skip(&mut stream, option, len).await?;
            continue;
        }
        let payload = take(&mut stream, len).await?;
        let in_clear = tls.is_some() && !agreed.encrypted;
        match option {
            option::ABORT => {
                // the client may be gone already
                let _ = send(&mut stream, &wire::option_reply(option, reply::ACK, &[])).await;
                return Ok(None);
            }
            option::STARTTLS => stream = start_tls(stream, &payload, tls, &mut agreed).await?,
            option::EXPORT_NAME if in_clear => return Err(Error::protocol("an export was chosen before TLS")),
            _ if in_clear => say(&mut stream, option, reply::TLS_REQUIRED, "TLS first").await?,
            option::EXPORT_NAME => return by_name(stream, &payload, exports, agreed).await.map(Some),
            option::LIST if payload.is_empty() => {
                // names are what gives access, so none are told
                send(&mut stream, &wire::option_reply(option, reply::ACK, &[])).await?;
            }
            option::STRUCTURED_REPLY if payload.is_empty() => {
                agreed.structured = true;
                send(&mut stream, &wire::option_reply(option, reply::ACK, &[])).await?;
            }
            option::LIST | option::STRUCTURED_REPLY => {
                say(&mut stream, option, reply::INVALID, "this option has no payload").await?;
            }
            option::LIST_META_CONTEXT | option::SET_META_CONTEXT => {
                let answer = meta::contexts(option, &payload, exports, &mut agreed).await;
                send(&mut stream, &answer).await?;
            }
            option::INFO | option::GO => match options::info(option, &payload, exports, &agreed).await {
                Answer::Says(bytes) => send(&mut stream, &bytes).await?,
                Answer::Opened { bytes, name, disk } => {
                    send(&mut stream, &bytes).await?;
                    if option == option::GO {
                        return Ok(Some(agreed.chose(stream, &name, disk)));
                    }
                }
            },
            _ => say(&mut stream, option, reply::UNSUPPORTED, "this option is not known").await?,
        }
    }
    Err(Error::protocol(format!("more than {OPTIONS_MAX} options")))
}

async fn greet(stream: &mut BoxStream) -> Result<Agreed, Error> {
    let mut greeting = Vec::with_capacity(18);
    greeting.put_u64(wire::GREETING);
    greeting.put_u64(wire::OPTION_MAGIC);
    greeting.put_u16(FIXED_NEWSTYLE | NO_ZEROES);
    send(stream, &greeting).await?;
    let flags = stream.read_u32().await.map_err(Error::io("reading the client's flags"))?;
    if flags & u32::from(FIXED_NEWSTYLE) == 0 || flags & !u32::from(FIXED_NEWSTYLE | NO_ZEROES) != 0 {
        return Err(Error::protocol(format!("flags {flags:#x}")));
    }
    Ok(Agreed { no_zeroes: flags & u32::from(NO_ZEROES) != 0, ..Agreed::default() })
}

/// The next option and the length of its payload; none when the client has left.
async fn next_option(stream: &mut BoxStream) -> Result<Option<(u32, u32)>, Error> {
    const DOING: &str = "reading an option";
    let magic = match stream.read_u64().await {
        Ok(magic) => magic,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(Error::io(DOING)(error)),
    };
    if magic != wire::OPTION_MAGIC {
        return Err(Error::protocol("no option where one was expected"));
    }
    let option = stream.read_u32().await.map_err(Error::io(DOING))?;
    let len = stream.read_u32().await.map_err(Error::io(DOING))?;
    Ok(Some((option, len)))
}

async fn take(stream: &mut BoxStream, len: u32) -> Result<Vec<u8>, Error> {
    let mut payload = vec![0; usize::try_from(len).expect("bounded")];
    stream.read_exact(&mut payload).await.map_err(Error::io("reading an option"))?;
    Ok(payload)
}

async fn skip(stream: &mut BoxStream, option: u32, len: u32) -> Result<(), Error> {
    if len > SKIPPED_BYTES_MAX || option == option::EXPORT_NAME {
        return Err(Error::protocol(format!("an option of {len} bytes")));
    }
    let mut payload = stream.take(u64::from(len));
    tokio::io::copy(&mut payload, &mut tokio::io::sink()).await.map_err(Error::io("reading an option"))?;
    say(stream, option, reply::TOO_BIG, "this option is too long").await
}

/// Encrypts the connection. What was agreed on before no longer counts.
async fn start_tls(
    mut stream: BoxStream,
    payload: &[u8],
    tls: Option<&dyn Upgrade>,
    agreed: &mut Agreed,
) -> Result<BoxStream, Error> {
    let option = option::STARTTLS;
    let Some(tls) = tls else {
        say(&mut stream, option, reply::UNSUPPORTED, "there is no TLS here").await?;
        return Ok(stream);
    };
    if agreed.encrypted || !payload.is_empty() {
        say(&mut stream, option, reply::INVALID, "TLS is there already, or the option is longer than it is").await?;
        return Ok(stream);
    }
    send(&mut stream, &wire::option_reply(option, reply::ACK, &[])).await?;
    let stream = tls.upgrade(stream).await.map_err(Error::io("changing to TLS"))?;
    *agreed = Agreed { no_zeroes: agreed.no_zeroes, encrypted: true, ..Agreed::default() };
    Ok(stream)
}

/// The old way to choose an export: there is no way to say that there is none but to hang up.
async fn by_name(mut stream: BoxStream, name: &[u8], exports: &dyn Exports, agreed: Agreed) -> Result<Chosen, Error> {
    let name = options::name(name).ok_or_else(|| Error::protocol("an export's name is no text, or too long"))?;
    let disk = exports.open(name).await.ok_or_else(|| Error::protocol("there is no such export"))?;
    let mut answer = Vec::with_capacity(10 + PADDING_BYTES);
    answer.put_u64(disk.size_bytes());
    answer.put_u16(agreed.flags());
    if !agreed.no_zeroes {
        answer.put_bytes(0, PADDING_BYTES);
    }
    send(&mut stream, &answer).await?;
    Ok(agreed.chose(stream, name, disk))
}

async fn say(stream: &mut BoxStream, option: u32, kind: u32, text: &str) -> Result<(), Error> {
    send(stream, &wire::option_reply(option, kind, text.as_bytes())).await
}

async fn send(stream: &mut BoxStream, bytes: &[u8]) -> Result<(), Error> {
    stream.write_all(bytes).await.map_err(Error::io("answering an option"))?;
    stream.flush().await.map_err(Error::io("answering an option"))
}
