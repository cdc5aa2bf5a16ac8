//! Serial consoles: what a machine says is kept in two files that take turns, so that it stays readable when the
//! machine or this process has ended, and never grows.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::faults::unless_missing;
use crate::hypervisor::Error;

/// What is kept at least, once it was said, and what is shown at most, bytes.
pub(crate) const KEPT_BYTES: usize = 64 << 10;
/// What is read at once.
const PART_BYTES: usize = 4 << 10;
/// Longest input that is taken at once.
const TYPED_BYTES_MAX: usize = 64 << 10;
/// How long a machine may take to read what is typed.
const TYPING_LIMIT: Duration = Duration::from_secs(10);

/// The files of a machine's console.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    now: PathBuf,
    before: PathBuf,
}

impl Kept {
    /// In a machine's directory.
    pub(crate) fn of(directory: &Path) -> Self {
        Self { now: directory.join("console"), before: directory.join("console.old") }
    }

    /// Begins anew.
    pub(crate) async fn clear(&self) -> Result<(), Error> {
        for file in [&self.now, &self.before] {
            unless_missing(tokio::fs::remove_file(file).await).map_err(Error::at("removing", file))?;
        }
        Ok(())
    }

    /// The last of what was said.
    pub(crate) async fn last(&self) -> Result<Bytes, Error> {
        let mut all = Vec::new();
        for file in [&self.before, &self.now] {
            match tokio::fs::read(file).await {
                Ok(part) => all.extend_from_slice(&part),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::at("reading", file)(error)),
            }
        }
        let over = all.len().saturating_sub(KEPT_BYTES);
        Ok(Bytes::from(all).slice(over..))
    }

    /// Appends all that comes, until it ends.
    async fn keep(&self, mut from: impl tokio::io::AsyncRead + Unpin) -> io::Result<()> {
        let mut file = tokio::fs::File::options().create(true).append(true).open(&self.now).await?;
        let mut len = usize::try_from(file.metadata().await?.len()).unwrap_or(usize::MAX);
        let mut part = vec![0; PART_BYTES];
        loop {
            let read = from.read(&mut part).await?;
            if read == 0 {
                return Ok(());
            }
            if len.saturating_add(read) > KEPT_BYTES {
                tokio::fs::rename(&self.now, &self.before).await?;
                file = tokio::fs::File::options().create(true).append(true).open(&self.now).await?;
                len = 0;
            }
            file.write_all(&part[..read]).await?;
            file.flush().await?;
            len += read;
        }
    }
}

/// A running machine's console. Its connection ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Console {
    typing: Arc<Mutex<OwnedWriteHalf>>,
    keeping: JoinHandle<()>,
}

impl Console {
    /// Connects to a machine's serial port and keeps what it says from now on.
    pub(crate) async fn connect(socket: &Path, kept: Kept) -> Result<Self, Error> {
        let stream = UnixStream::connect(socket).await.map_err(Error::io("connecting to a machine's console"))?;
        let (read, write) = stream.into_split();
        Ok(Self { typing: Arc::new(Mutex::new(write)), keeping: tokio::spawn(keep_on(kept, read)) })
    }

    /// Types.
    pub(crate) async fn type_in(&self, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() > TYPED_BYTES_MAX {
            return Err(Error::Refused(format!("more than {TYPED_BYTES_MAX} bytes typed at once")));
        }
        let mut typing = self.typing.lock().await;
        let typed = tokio::time::timeout(TYPING_LIMIT, typing.write_all(&bytes)).await;
        let typed = typed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        typed.map_err(Error::io("typing into a machine's console"))
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// A machine is never held up by its console: when nothing can be kept, what it says is let go.
async fn keep_on(kept: Kept, mut read: OwnedReadHalf) {
    let Err(error) = kept.keep(&mut read).await else { return };
    tracing::warn!(%error, file = %kept.now.display(), "a machine's console cannot be kept");
    let mut lost = vec![0; PART_BYTES];
    while matches!(read.read(&mut lost).await, Ok(1..)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn much_output_stays_small_and_its_end_stays_readable() {
        let temp = tempfile::tempdir().expect("a directory");
        let kept = Kept::of(temp.path());
        assert!(kept.last().await.expect("nothing yet").is_empty());
        let lines: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
        kept.keep(lines.as_bytes()).await.expect("kept");
        let sizes = [&kept.now, &kept.before].map(|file| std::fs::metadata(file).expect("a file").len());
        assert!(sizes.iter().all(|&len| len <= KEPT_BYTES as u64), "{sizes:?}");
        // what another process begins later goes on from there
        kept.keep(&b"later\n"[..]).await.expect("kept");
        let last = kept.last().await.expect("read");
        assert_eq!(last.len(), KEPT_BYTES);
        assert_eq!(
            last,
            lines.as_bytes()[lines.len() + 6 - KEPT_BYTES..].iter().chain(b"later\n").copied().collect::<Vec<_>>()
        );
        kept.clear().await.expect("cleared");
        assert!(kept.last().await.expect("nothing").is_empty());
    }
}
