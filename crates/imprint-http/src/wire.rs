//! One connection's bytes and clocks: a stream that notes when something last moved, so that one lazy timer per
//! connection can enforce every deadline without a timer being set per request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::settings::Limits;

/// Content a client still sends after it was answered is read and dropped up to this, so that it gets to see the
/// answer: closing a socket with unread bytes resets the connection, and the answer is lost with it.
const LINGER_BYTES_MAX: u64 = 256 << 20;
const LINGER_MAX: Duration = Duration::from_secs(5);
const LINGER_BUFFER_BYTES: usize = 16 * 1024;

/// "Not now": stands for no time in the atomics below.
const NEVER: u64 = u64::MAX;

/// What is known of one connection. Everything here is touched by the connection's own task, and by a handler that
/// moved the body elsewhere; relaxed atomics are enough because no value guards another.
#[derive(Debug)]
pub(crate) struct Wire {
    opened: Instant,
    /// Microseconds after `opened` at which the connection began to wait for a request; `NEVER` while one is served.
    waiting_since: AtomicU64,
    /// When the first byte of the head that is being read came.
    head_since: AtomicU64,
    /// When the client stopped taking what is written.
    blocked_since: AtomicU64,
    /// When the end was announced and the rest of what the client sends began to be dropped.
    linger_since: AtomicU64,
    body_unread: AtomicBool,
    received_bytes: AtomicU64,
}

/// Why a connection is closed by its timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    Idle,
    Head,
    Write,
    Linger,
}

impl Wire {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            waiting_since: AtomicU64::new(0),
            head_since: AtomicU64::new(NEVER),
            blocked_since: AtomicU64::new(NEVER),
            linger_since: AtomicU64::new(NEVER),
            body_unread: AtomicBool::new(false),
            received_bytes: AtomicU64::new(0),
        })
    }

    /// A request's head is complete. Gives when its first byte came.
    pub(crate) fn request_begins(&self) -> Instant {
        let head_since = self.head_since.swap(NEVER, Relaxed);
        self.waiting_since.store(NEVER, Relaxed);
        self.received_bytes.store(0, Relaxed);
        self.body_unread.store(false, Relaxed);
        // a pipelined head came along with the bytes before it
        if head_since == NEVER { Instant::now() } else { self.opened + Duration::from_micros(head_since) }
    }

    /// The answer has been handed over, or given up.
    pub(crate) fn request_ended(&self, now: Instant) {
        self.waiting_since.store(self.micros(now), Relaxed);
    }

    pub(crate) fn body_begins(&self) {
        self.body_unread.store(true, Relaxed);
    }

    pub(crate) fn body_ended(&self) {
        self.body_unread.store(false, Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }

    /// No request is being served and none has begun to arrive.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting_since.load(Relaxed) != NEVER && self.head_since.load(Relaxed) == NEVER
    }

    /// What is overdue by now, or how long to wait before asking again.
    pub(crate) fn overdue(&self, limits: &Limits) -> Result<Overdue, Duration> {
        let now = self.micros(Instant::now());
        let waiting_since = self.waiting_since.load(Relaxed);
        let head_since = self.head_since.load(Relaxed);
        let deadlines = [
            (self.linger_since.load(Relaxed), LINGER_MAX, Overdue::Linger),
            (self.blocked_since.load(Relaxed), limits.write_idle, Overdue::Write),
            (head_since, limits.header_read, Overdue::Head),
            (if head_since == NEVER { waiting_since } else { NEVER }, limits.keep_alive_idle, Overdue::Idle),
        ];
        // any of the clocks may start right after this look, so never sleep longer than the shortest of them
        let mut wait = limits.tick();
        for (since, limit, overdue) in deadlines {
            if since == NEVER {
                continue;
            }
            let passed = Duration::from_micros(now.saturating_sub(since));
            match limit.checked_sub(passed) {
                None | Some(Duration::ZERO) => return Ok(overdue),
                Some(left) => wait = wait.min(left),
            }
        }
        Err(wait)
    }

    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_micros()).unwrap_or(NEVER - 1)
    }

    fn mark(&self, clock: &AtomicU64) {
        if clock.load(Relaxed) == NEVER {
            clock.store(self.micros(Instant::now()), Relaxed);
        }
    }
}

impl Limits {
    /// How long a connection's timer sleeps at most.
    pub(crate) fn tick(&self) -> Duration {
        self.header_read.min(self.keep_alive_idle).min(self.write_idle).min(LINGER_MAX)
    }
}

/// A socket that keeps its connection's [`Wire`] up to date.
pub(crate) struct Watched<S> {
    stream: S,
    wire: Arc<Wire>,
    end: End,
}

enum End {
    Open,
    Lingering { dropped_bytes: u64 },
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, wire: Arc<Wire>) -> Self {
        Self { stream, wire, end: End::Open }
    }

    fn note_write(&self, outcome: &Poll<io::Result<usize>>) {
        match outcome {
            Poll::Pending => self.wire.mark(&self.wire.blocked_since),
            Poll::Ready(_) => self.wire.blocked_since.store(NEVER, Relaxed),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before && self.wire.waiting_since.load(Relaxed) != NEVER {
            self.wire.mark(&self.wire.head_since);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Announces the end; then, if the client has not finished sending, lets it finish.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.end {
                End::Open => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    if !this.wire.body_unread.load(Relaxed) {
                        return Poll::Ready(Ok(()));
                    }
                    this.wire.mark(&this.wire.linger_since);
                    this.end = End::Lingering { dropped_bytes: 0 };
                }
                End::Lingering { dropped_bytes } => {
                    let mut space = [0; LINGER_BUFFER_BYTES];
                    let mut buf = ReadBuf::new(&mut space);
                    ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf))?;
                    *dropped_bytes += buf.filled().len() as u64;
                    if buf.filled().is_empty() || *dropped_bytes > LINGER_BYTES_MAX {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}
