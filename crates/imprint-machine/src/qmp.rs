//! QMP, the protocol that QEMU and its storage daemon are told with: one connection, many questions at once, events.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::hypervisor::Error;

/// Longest line that is taken; a list of the block nodes of a machine with many disks is far shorter.
const LINE_BYTES_MAX: u64 = 8 << 20;
/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Questions that may wait for answers.
const WAITING_MAX: usize = 256;
/// Events that a slow listener may be behind.
const EVENTS_BEHIND_MAX: usize = 256;

/// A connection. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Qmp {
    lines: mpsc::Sender<String>,
    shared: Arc<Shared>,
    closed: watch::Receiver<bool>,
    tasks: [JoinHandle<()>; 2],
}

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
}

type Answer = Result<Value, String>;

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    events: broadcast::Sender<Event>,
}

#[derive(Debug, Default)]
struct Waiting {
    number: u64,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
}

impl Qmp {
    /// Takes the greeting and agrees on nothing beyond the plain protocol.
    pub(crate) async fn over(
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, Error> {
        let mut read = BufReader::new(read);
        let greeting = tokio::time::timeout(ANSWER_LIMIT, line(&mut read)).await;
        let greeting = greeting.map_err(|_| silent("the greeting"))?.map_err(Error::io("reading QMP's greeting"))?;
        if greeting.is_none_or(|greeting| greeting.get("QMP").is_none()) {
            return Err(Error::Refused("what answers is not QEMU".to_owned()));
        }
        let (lines, to_send) = mpsc::channel(WAITING_MAX);
        let (is_closed, closed) = watch::channel(false);
        let events = broadcast::Sender::new(EVENTS_BEHIND_MAX);
        let shared = Arc::new(Shared { waiting: Mutex::default(), events });
        let tasks = [tokio::spawn(listen(read, Arc::clone(&shared), is_closed)), tokio::spawn(send(write, to_send))];
        let qmp = Self { lines, shared, closed, tasks };
        qmp.ask("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    /// Runs a command and waits for its answer.
    pub(crate) async fn ask(&self, command: &str, arguments: Value) -> Result<Value, Error> {
        let (answer, answered) = oneshot::channel();
        let number = {
            let mut waiting = self.shared.waiting.lock();
            if waiting.answers.len() >= WAITING_MAX {
                return Err(Error::Refused(format!("{command}: QEMU answers nothing")));
            }
            waiting.number += 1;
            let number = waiting.number;
            waiting.answers.insert(number, answer);
            number
        };
        let _forgotten = Forget { shared: &self.shared, number };
        // the listener fails all that wait when the connection ends; one that came after that is told here
        if *self.closed.borrow() {
            return Err(gone(command));
        }
        let line = json!({ "execute": command, "arguments": arguments, "id": number }).to_string();
        self.lines.send(line).await.map_err(|_| gone(command))?;
        match tokio::time::timeout(ANSWER_LIMIT, answered).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(text))) => Err(Error::said(command, &text)),
            Ok(Err(_)) => Err(gone(command)),
            Err(_) => Err(silent(command)),
        }
    }

    /// Runs commands as one: all or none.
    pub(crate) async fn transaction(&self, actions: Vec<(&'static str, Value)>) -> Result<(), Error> {
        if actions.is_empty() {
            return Ok(());
        }
        let actions: Vec<Value> =
            actions.into_iter().map(|(kind, data)| json!({ "type": kind, "data": data })).collect();
        self.ask("transaction", json!({ "actions": actions })).await.map(drop)
    }

    /// What happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// Waits until the connection has ended.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closed = self.closed.clone();
        async move {
            // an error means that the listener is gone, which is the same
            let _ = closed.wait_for(|closed| *closed).await;
        }
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }
}

impl Drop for Qmp {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Whoever no longer waits for an answer is forgotten.
struct Forget<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.waiting.lock().answers.remove(&self.number);
    }
}

fn gone(command: &str) -> Error {
    Error::Refused(format!("{command}: the machine has ended"))
}

fn silent(command: &str) -> Error {
    Error::Refused(format!("{command}: QEMU does not answer"))
}

async fn send(mut write: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        let sent = async {
            write.write_all(line.as_bytes()).await?;
            write.flush().await
        };
        if let Err(error) = sent.await {
            tracing::debug!(%error, "QMP: the connection cannot be written to");
            return;
        }
    }
}

async fn listen(mut read: BufReader<impl AsyncRead + Unpin>, shared: Arc<Shared>, is_closed: watch::Sender<bool>) {
    loop {
        match line(&mut read).await {
            Ok(Some(value)) => shared.take(value),
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "QMP: the connection cannot be read");
                break;
            }
        }
    }
    is_closed.send_replace(true);
    shared.waiting.lock().answers.clear();
}

impl Shared {
    fn take(&self, mut value: Value) {
        if let Some(name) = value.get("event").and_then(Value::as_str).map(str::to_owned) {
            tracing::trace!(event = name, "QMP");
            // nobody listening is fine
            let _ = self.events.send(Event { name, data: value["data"].take() });
            return;
        }
        let number = value.get("id").and_then(Value::as_u64);
        let Some(answer) = number.and_then(|number| self.waiting.lock().answers.remove(&number)) else { return };
        let told = match value.get("error") {
            Some(error) => Err(error["desc"].as_str().unwrap_or("it failed").to_owned()),
            None => Ok(value["return"].take()),
        };
        // whoever asked has given up
        let _ = answer.send(told);
    }
}

/// The next line as JSON; none at the end.
pub(crate) async fn line(read: &mut BufReader<impl AsyncRead + Unpin>) -> io::Result<Option<Value>> {
    let mut text = Vec::new();
    let read = read.take(LINE_BYTES_MAX).read_until(b'\n', &mut text).await?;
    if read == 0 {
        return Ok(None);
    }
    if text.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is cut off or too long"));
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::*;

    /// What a machine would say: each line of `script` after one line was read, the first at once.
    async fn against(script: &'static [&'static str]) -> Result<Qmp, Error> {
        let (ours, theirs) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            let (read, mut write) = tokio::io::split(theirs);
            let mut read = BufReader::new(read).lines();
            for said in script {
                let said = format!("{said}\n");
                if write.write_all(said.as_bytes()).await.is_err() || read.next_line().await.is_err() {
                    return;
                }
            }
        });
        let (read, write) = tokio::io::split(ours);
        Qmp::over(read, write).await
    }

    const GREETING: &str = r#"{"QMP":{"version":{},"capabilities":[]}}"#;

    #[tokio::test]
    async fn answers_find_their_question_and_events_their_listener() {
        let script = &[
            GREETING,
            r#"{"return":{},"id":1}"#,
            "{\"event\":\"STOP\",\"data\":{\"a\":1}}\n{\"return\":7,\"id\":99}\n{\"return\":8,\"id\":2}",
            r#"{"error":{"class":"GenericError","desc":"write: No space left on device"},"id":3}"#,
        ];
        let qmp = against(script).await.expect("greeted");
        let mut events = qmp.events();
        assert_eq!(qmp.ask("first", json!({})).await.expect("answered"), json!(8));
        let event = events.recv().await.expect("an event");
        assert_eq!((event.name.as_str(), &event.data), ("STOP", &json!({ "a": 1 })));
        assert!(matches!(qmp.ask("second", json!({})).await, Err(Error::Full)));
    }

    #[tokio::test]
    async fn the_end_of_the_connection_is_told_to_all_that_wait_and_ask_later() {
        let qmp = against(&[GREETING, r#"{"return":{},"id":1}"#]).await.expect("greeted");
        assert!(matches!(qmp.ask("first", json!({})).await, Err(Error::Refused(_))));
        qmp.closed().await;
        assert!(matches!(qmp.ask("second", json!({})).await, Err(Error::Refused(_))));
        assert!(qmp.shared.waiting.lock().answers.is_empty());
    }

    #[tokio::test]
    async fn what_is_not_qemu_is_refused() {
        assert!(matches!(against(&[r#"{"hello":1}"#]).await, Err(Error::Refused(_))));
        assert!(against(&["no JSON"]).await.is_err());
    }
}
