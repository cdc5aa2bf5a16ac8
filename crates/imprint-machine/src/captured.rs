//! One disk of a capture, read from the NBD server of whatever holds it.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use imprint_nbd::{ALLOCATION, Client, STATE_ZERO, StatusExtent};
use parking_lot::Mutex;

use crate::bitmaps::READING;
use crate::hypervisor::{CapturedDisk, Changed, Error};

/// Connections that are kept for further requests.
const KEPT_MAX: usize = 4;
/// What one look for changes covers.
const WINDOW_BYTES: u64 = 1 << 30;
/// Stretches that one answer holds at most, about.
const STRETCHES_MAX: usize = 1024;
/// Longest read.
const READ_BYTES_MAX: u64 = 4 << 20;
/// The context that says in which layer something lies; 1 is the overlay.
const DEPTH: &str = "qemu:allocation-depth";

/// Reads one disk.
#[derive(Debug)]
pub(crate) struct Reader {
    size_bytes: u64,
    /// The disk at the instant.
    then: Export,
    /// Who says what changed, when it is not the same export.
    now: Option<Export>,
}

/// An export with the context that is asked of it, and connections to it.
#[derive(Debug)]
struct Export {
    socket: Arc<Path>,
    name: String,
    contexts: Vec<String>,
    idle: Mutex<Vec<Client>>,
}

impl Reader {
    /// `now` is the export that says what lies in the overlay; without, `then` says what changed since a mark.
    pub(crate) fn new(socket: &Arc<Path>, then: String, now: Option<String>, size_bytes: u64) -> Self {
        let mut contexts = vec![ALLOCATION.to_owned()];
        if now.is_none() {
            contexts.push(format!("qemu:dirty-bitmap:{READING}"));
        }
        let export = |name, contexts| Export { socket: Arc::clone(socket), name, contexts, idle: Mutex::default() };
        let now = now.map(|name| export(name, vec![DEPTH.to_owned()]));
        Self { size_bytes, then: export(then, contexts), now }
    }

    /// What one context says from `offset` on, of `len` bytes at most.
    async fn status(&self, whose: Whose, offset: u64, len: u64) -> Result<Vec<StatusExtent>, Error> {
        let (export, context) = match (whose, &self.now) {
            (Whose::Zeros, _) => (&self.then, &self.then.contexts[0]),
            (Whose::Changes, Some(now)) => (now, &now.contexts[0]),
            (Whose::Changes, None) => (&self.then, &self.then.contexts[1]),
        };
        let mut client = export.client().await?;
        let told = client.block_status(offset, len).await.map_err(refused)?;
        export.keep(client);
        let told = told.into_iter().find(|status| status.context == *context).map(|status| status.extents);
        told.ok_or_else(|| Error::Refused(format!("the captured disk: nothing is said about {context}")))
    }

    /// Splits a stretch that changed by what reads as zeros.
    async fn split(&self, mut offset: u64, len: u64, into: &mut Vec<Changed>) -> Result<(), Error> {
        let end = offset + len;
        while offset < end {
            for StatusExtent { len, flags } in self.status(Whose::Zeros, offset, end - offset).await? {
                into.push(Changed { offset, len, zero: flags & STATE_ZERO != 0 });
                offset += len;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Whose {
    Changes,
    Zeros,
}

impl Export {
    async fn client(&self) -> Result<Client, Error> {
        if let Some(client) = self.idle.lock().pop() {
            return Ok(client);
        }
        let contexts: Vec<&str> = self.contexts.iter().map(String::as_str).collect();
        let client = Client::connect(&self.socket, &self.name, &contexts).await.map_err(refused)?;
        match contexts.iter().find(|context| !client.has_context(context)) {
            Some(context) => Err(Error::Refused(format!("the captured disk: {context} is not served"))),
            None => Ok(client),
        }
    }

    /// Keeps a connection whose last request ended well.
    fn keep(&self, client: Client) {
        let mut idle = self.idle.lock();
        if idle.len() < KEPT_MAX {
            idle.push(client);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: imprint_nbd::Error) -> Error {
    Error::Refused(format!("the captured disk: {error}"))
}

#[async_trait]
impl CapturedDisk for Reader {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn since_mark(&self) -> bool {
        self.now.is_none()
    }

    async fn changed(&self, mut offset: u64) -> Result<Vec<Changed>, Error> {
        let mut changed = Vec::new();
        while offset < self.size_bytes && changed.is_empty() {
            let window = (self.size_bytes - offset).min(WINDOW_BYTES);
            for StatusExtent { len, flags } in self.status(Whose::Changes, offset, window).await? {
                if flags == 1 {
                    self.split(offset, len, &mut changed).await?;
                }
                offset += len;
                if changed.len() >= STRETCHES_MAX {
                    break;
                }
            }
        }
        Ok(changed)
    }

    async fn read(&self, offset: u64, len: u64) -> Result<Bytes, Error> {
        if len > READ_BYTES_MAX {
            return Err(Error::Refused(format!("a read of {len} bytes; at most {READ_BYTES_MAX}")));
        }
        let mut client = self.then.client().await?;
        let bytes = client.read(offset, len).await.map_err(refused)?;
        self.then.keep(client);
        Ok(bytes)
    }
}
