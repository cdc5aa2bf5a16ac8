//! Processes that outlive this one: started in a session of their own, found again by the file that holds their number.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::hypervisor::Error;

/// How much of what a process says on its standard error is kept.
const SAID_BYTES_MAX: usize = 8 << 10;
/// Longest command line that is looked at.
const COMMAND_BYTES_MAX: u64 = 1 << 20;
/// How long a killed process may take to be gone: it may hang in the system.
const KILL_LIMIT: Duration = Duration::from_secs(30);
/// How long the last words of a process that has ended are waited for.
const LISTEN_LIMIT: Duration = Duration::from_secs(2);
/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process that writes its number into a file that its command line names: so a number that came to be another's is
/// noticed.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    file: PathBuf,
}

impl Process {
    pub(crate) fn of_file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// Its number while it runs.
    pub(crate) fn running(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(&self.file).ok()?;
        let pid = Pid::from_raw(text.trim().parse().ok()?)?;
        let command = std::fs::File::open(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
        let mut words = Vec::new();
        // of a process that has ended and was not waited for yet this is empty
        command.take(COMMAND_BYTES_MAX).read_to_end(&mut words).ok()?;
        words.split(|&byte| byte == 0).any(|word| word == self.file.as_os_str().as_bytes()).then_some(pid)
    }

    /// Ends it; it does not run when this returns. It may first write what it has not written yet, for a while.
    pub(crate) async fn end(&self, patience: Duration) -> Result<(), Error> {
        for (signal, limit) in [(Signal::TERM, patience), (Signal::KILL, KILL_LIMIT)] {
            let Some(pid) = self.running() else { return Ok(()) };
            match rustix::process::kill_process(pid, signal) {
                Err(error) if error != rustix::io::Errno::SRCH => {
                    return Err(Error::io("ending a process")(error.into()));
                }
                _ => {}
            }
            if self.ended_within(limit).await {
                return Ok(());
            }
        }
        Err(Error::Refused(format!("the process of {} does not end", self.file.display())))
    }

    /// Whether it ends in time.
    pub(crate) async fn ended_within(&self, limit: Duration) -> bool {
        let ended = async {
            while self.running().is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(limit, ended).await.is_ok()
    }
}

/// A process that was started here.
#[derive(Debug)]
pub(crate) struct Started {
    said: Arc<Mutex<Vec<u8>>>,
    listening: Option<JoinHandle<()>>,
    ended: watch::Receiver<bool>,
}

impl Started {
    /// Starts a program in a session of its own: it survives this process and the terminal.
    pub(crate) fn in_own_session(program: &Path, words: Vec<OsString>, directory: &Path) -> Result<Self, Error> {
        let mut command = Command::new("setsid");
        command.arg(program).args(words).current_dir(directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Error::io(format!("starting {} with setsid", program.display())))?;
        let (said, listening) = listen(&mut child);
        let (is_ended, ended) = watch::channel(false);
        tokio::spawn(async move {
            match child.wait().await {
                Ok(status) => tracing::debug!(%status, "a machine's process has ended"),
                Err(error) => tracing::warn!(%error, "a machine's process cannot be waited for"),
            }
            is_ended.send_replace(true);
        });
        Ok(Self { said, listening, ended })
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        // an error means that nobody waits for it any more: the runtime is going down
        let _ = self.ended.wait_for(|ended| *ended).await;
    }

    /// The last it said on its standard error before it ended.
    pub(crate) async fn said_at_the_end(mut self) -> String {
        self.ended().await;
        if let Some(listening) = self.listening.take() {
            // another process may have its standard error still
            let _ = tokio::time::timeout(LISTEN_LIMIT, listening).await;
        }
        String::from_utf8_lossy(&self.said.lock()).into_owned()
    }
}

/// What a process has said so far, and the task that hears it.
type Said = (Arc<Mutex<Vec<u8>>>, Option<JoinHandle<()>>);

/// Keeps the last that a child says on its standard error. A child that outlives this process writes to nobody then,
/// which QEMU does not mind.
pub(crate) fn listen(child: &mut Child) -> Said {
    let said = Arc::new(Mutex::new(Vec::new()));
    let listening = child.stderr.take().map(|errors| tokio::spawn(keep_last(errors, Arc::clone(&said))));
    (said, listening)
}

async fn keep_last(mut from: impl AsyncRead + Unpin, said: Arc<Mutex<Vec<u8>>>) {
    let mut part = [0; 1024];
    while let Ok(len @ 1..) = from.read(&mut part).await {
        let mut said = said.lock();
        said.extend_from_slice(&part[..len]);
        let over = said.len().saturating_sub(SAID_BYTES_MAX);
        said.drain(..over);
    }
}

/// Where a program is, as a shell would find it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).filter(|place| place.is_absolute());
    places.find_map(|place| Some(place.join(OsStr::new(name))).filter(|file| file.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_its_own_only_while_its_command_line_says_so() {
        let temp = tempfile::tempdir().expect("a directory");
        let file = temp.path().join("pid");
        let process = Process::of_file(&file);
        assert_eq!(process.running(), None);
        // a number that is another's by now
        std::fs::write(&file, format!("{}\n", std::process::id())).expect("written");
        assert_eq!(process.running(), None);
        std::fs::write(&file, "no number").expect("written");
        assert_eq!(process.running(), None);

        let script = "echo $$ > \"$1\"; echo said >&2; while :; do read never || exit; done < <(sleep 600)";
        let words = ["-c", script, "bash"].map(OsString::from).into_iter().chain([file.clone().into()]).collect();
        let bash = program("bash").expect("a shell");
        std::fs::remove_file(&file).expect("removed");
        let mut started = Started::in_own_session(&bash, words, temp.path()).expect("started");
        let mut look = tokio::time::interval(LOOK_EVERY);
        while process.running().is_none() {
            look.tick().await;
        }
        process.end(Duration::ZERO).await.expect("ended");
        started.ended().await;
        assert_eq!(process.running(), None);
        process.end(Duration::ZERO).await.expect("what does not run is ended");
    }

    #[tokio::test]
    async fn only_the_last_of_what_is_said_is_kept() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let long = [vec![b'a'; 3 * SAID_BYTES_MAX], b"the end".to_vec()].concat();
        keep_last(&long[..], Arc::clone(&said)).await;
        let said = said.lock();
        assert_eq!(said.len(), SAID_BYTES_MAX);
        assert!(said.ends_with(b"the end"));
    }
}
