//! What the shell itself costs: processor time per request on kept-alive connections, and the rate of large content in
//! both directions. Run with optimisation; prints one line per question.
#![expect(clippy::print_stdout, reason = "an example that reports to whoever runs it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, StatusCode};
use imprint_http::{
    BoxFuture, Dialect, Handler, Metrics, Op, OpInfo, Rejection, Request, Response, Router, Server, Settings, Surface,
};

const REQUESTS: u32 = 100_000;
const CONTENT_BYTES: usize = 4 << 30;
const PIECE_BYTES: usize = 1 << 20;

struct Sample {
    router: Router<Handler<Sample>>,
}

impl Dialect for Sample {
    fn name(&self) -> &'static str {
        "sample"
    }

    fn ops(&self) -> Vec<OpInfo> {
        self.router.infos()
    }

    fn route(&self, request: &mut Request) -> Result<usize, Rejection> {
        self.router.route(request)
    }

    fn call(self: Arc<Self>, op: usize, request: Request) -> BoxFuture<'static, Response> {
        let handler = self.router.op(op).handler;
        handler(self, request)
    }

    fn reject(&self, rejection: &Rejection, _request_id: &str) -> Response {
        Response::new(rejection.status())
    }
}

async fn receive(mut request: Request) -> Response {
    let mut pieces = 0_u64;
    while let Some(Ok(_)) = request.body.next_chunk().await {
        pieces += 1;
    }
    Response::full(StatusCode::OK, "text/plain", (request.body.received_bytes() / pieces.max(1)).to_string())
}

fn send() -> Response {
    let piece = Bytes::from(vec![7; PIECE_BYTES]);
    let pieces = std::iter::repeat_n(piece, CONTENT_BYTES / PIECE_BYTES).map(Ok);
    let stream = futures_util::stream::iter(pieces).boxed();
    Response::stream(StatusCode::OK, "application/octet-stream", stream, Some(CONTENT_BYTES as u64))
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("shell")
        .enable_all()
        .build()
        .expect("a runtime");
    let ops: Vec<Op<Handler<Sample>>> = vec![
        Op::new("show", Method::GET, "/v2/images/{id}", |_, request| {
            Box::pin(async move { Response::full(StatusCode::OK, "text/plain", request.param("id").to_owned()) })
        }),
        Op::new("receive", Method::PUT, "/file", |_, request| Box::pin(receive(request))),
        Op::new("send", Method::GET, "/file", |_, _| Box::pin(async { send() })),
    ];
    let metrics = Metrics::new();
    let surface = Surface::new(Arc::new(Sample { router: Router::new(ops) }));
    let server = Server::new(&Settings::default(), surface, &metrics).expect("valid settings");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("bound");
    runtime.spawn(server.serve(listener, std::future::pending()));
    small_requests(address, 1);
    small_requests(address, 8);
    upload(address);
    download(address);
}

fn small_requests(address: SocketAddr, connections: u32) {
    let head = "GET /v2/images/7a1c2f0e-1111-4222-8333-444455556666?limit=1 HTTP/1.1\r\nHost: 127.0.0.1:9292\r\n\
        User-Agent: cost\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n\
        X-Auth-Token: 0123456789012345678901234567890123456789012345678901234567890123\r\n\r\n";
    let (before, began) = (server_cpu(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(address).expect("listening");
                stream.set_nodelay(true).expect("a socket option");
                let mut answer = [0; 4096];
                for _ in 0..REQUESTS / connections {
                    stream.write_all(head.as_bytes()).expect("read");
                    assert_ne!(stream.read(&mut answer).expect("answered"), 0);
                }
            });
        }
    });
    let (cpu, took) = (server_cpu() - before, began.elapsed());
    println!(
        "{connections} connections: {:.2} us CPU per request, {:.0} requests/s",
        cpu.as_secs_f64() * 1e6 / f64::from(REQUESTS),
        f64::from(REQUESTS) / took.as_secs_f64()
    );
}

fn upload(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("listening");
    let (before, began) = (server_cpu(), Instant::now());
    let head = format!("PUT /file HTTP/1.1\r\nhost: x\r\ncontent-length: {CONTENT_BYTES}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("read");
    let piece = vec![7; PIECE_BYTES];
    for _ in 0..CONTENT_BYTES / PIECE_BYTES {
        stream.write_all(&piece).expect("read");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let piece_bytes = answer.rsplit("\r\n").next().unwrap_or_default();
    report_rate("upload", before, began, &format!(", pieces of {piece_bytes} bytes on average"));
}

fn download(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("listening");
    let (before, began) = (server_cpu(), Instant::now());
    stream.write_all(b"GET /file HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("read");
    let mut space = vec![0; PIECE_BYTES];
    let mut total = 0;
    loop {
        let bytes = stream.read(&mut space).expect("answered");
        total += bytes;
        if bytes == 0 {
            break;
        }
    }
    assert!(total > CONTENT_BYTES);
    report_rate("download", before, began, "");
}

fn report_rate(what: &str, before: Duration, began: Instant, more: &str) {
    let (cpu, took) = (server_cpu() - before, began.elapsed());
    let mib = (CONTENT_BYTES >> 20) as f64;
    println!(
        "{what}: {:.0} MiB/s, {:.0} us of server CPU per MiB{more}",
        mib / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / mib
    );
}

/// Processor time of the server's threads so far, as Linux counts it.
fn server_cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let nanos = tasks.filter_map(Result::ok).filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let statistics = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        if name.trim() == "shell" { statistics.split(' ').next()?.parse::<u64>().ok() } else { None }
    });
    Duration::from_nanos(nanos.sum())
}
