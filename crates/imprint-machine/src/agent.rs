//! The agent inside a guest: asked, when there is one, to hold its file systems still for an instant.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::hypervisor::Error;
use crate::qmp::Qmp;

/// The name of the agent's character device.
pub(crate) const CHARDEV: &str = "agent";
/// How long an agent may take to say that it is there.
const GREETING_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take to hold or let go of its file systems.
const HOLD_LIMIT: Duration = Duration::from_secs(10);
/// Longest answer that is taken.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Answers to somebody else's questions that are skipped.
const SKIPPED_MAX: usize = 64;

/// A connection to a guest's agent.
#[derive(Debug)]
pub(crate) struct Agent {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Agent {
    /// The agent, when one has opened its side of the channel and answers at once.
    pub(crate) async fn find(qmp: &Qmp, socket: &Path) -> Option<Self> {
        let devices = qmp.ask("query-chardev", json!({})).await.ok()?;
        let is_open = |device: &Value| device["label"] == CHARDEV && device["frontend-open"] == true;
        if !devices.as_array()?.iter().any(is_open) {
            return None;
        }
        let (read, write) = UnixStream::connect(socket).await.ok()?.into_split();
        let mut agent = Self { read: BufReader::new(read), write };
        match tokio::time::timeout(GREETING_LIMIT, agent.greet()).await {
            Ok(Ok(())) => Some(agent),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a guest's agent is not understood");
                None
            }
            Err(_) => None,
        }
    }

    /// Holds file systems still; whether they are.
    pub(crate) async fn hold(&mut self) -> bool {
        self.told("guest-fsfreeze-freeze").await
    }

    /// Lets them go on.
    pub(crate) async fn let_go(&mut self) {
        if !self.told("guest-fsfreeze-thaw").await {
            tracing::warn!("a guest's agent was not heard to let its file systems go on");
        }
    }

    async fn told(&mut self, command: &str) -> bool {
        match tokio::time::timeout(HOLD_LIMIT, self.ask(command, json!({}))).await {
            Ok(Ok(answer)) => answer.get("return").is_some(),
            Ok(Err(error)) => {
                tracing::debug!(%error, command, "a guest's agent");
                false
            }
            Err(_) => false,
        }
    }

    /// Whatever was left in the channel by others is skipped.
    async fn greet(&mut self) -> Result<(), Error> {
        let number = std::process::id();
        self.write.write_all(&[0xff]).await.map_err(Error::io("greeting a guest's agent"))?;
        let asked = json!({ "execute": "guest-sync-delimited", "arguments": { "id": number } });
        self.send(&asked).await?;
        for _ in 0..SKIPPED_MAX {
            if self.answer().await?["return"] == number {
                return Ok(());
            }
        }
        Err(Error::Refused("it answers other questions".to_owned()))
    }

    async fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Error> {
        self.send(&json!({ "execute": command, "arguments": arguments })).await?;
        self.answer().await
    }

    async fn send(&mut self, question: &Value) -> Result<(), Error> {
        let line = format!("{question}\n");
        self.write.write_all(line.as_bytes()).await.map_err(Error::io("asking a guest's agent"))
    }

    /// The next line; what is no JSON counts as null.
    async fn answer(&mut self) -> Result<Value, Error> {
        let mut line = Vec::new();
        let read = (&mut self.read).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await;
        if read.map_err(Error::io("hearing a guest's agent"))? == 0 {
            return Err(Error::Refused("the machine has ended".to_owned()));
        }
        let from = line.iter().rposition(|&byte| byte == 0xff).map_or(0, |at| at + 1);
        Ok(serde_json::from_slice(&line[from..]).unwrap_or_default())
    }
}
