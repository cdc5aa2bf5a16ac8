//! A dialect with one operation per thing that can go wrong, a server around it, and a client that sends exact bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, StatusCode};
use imprint_http::{
    BodyError, BoxFuture, Claim, Dialect, Drained, Handler, Metrics, Op, OpInfo, Probes, Rejection, Request, Response,
    Router, Server, Settings, Surface,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// A test that waits longer than this has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What operations tell the test about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Began,
    Body(Result<usize, String>),
    Finished,
}

pub(crate) struct Sample {
    router: Router<Handler<Sample>>,
    pub(crate) release: Notify,
    events: mpsc::UnboundedSender<Event>,
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

    fn reject(&self, rejection: &Rejection, request_id: &str) -> Response {
        assert!(request_id.starts_with("req-") && request_id.len() == 40, "{request_id}");
        text(rejection.status(), rejection.to_string())
    }
}

fn ops() -> Vec<Op<Handler<Sample>>> {
    vec![
        Op::new("hello", Method::GET, "/hello", |_, _| Box::pin(async { text(StatusCode::OK, "hello") })),
        Op::new("hello_head", Method::HEAD, "/hello", |_, _| {
            Box::pin(async { text(StatusCode::OK, "hello").without_content() })
        }),
        Op::new("endless", Method::GET, "/endless", |sample, _| Box::pin(async move { sample.endless() })),
        Op::new("show", Method::GET, "/things/{id}", |sample, request| Box::pin(sample.show(request))),
        Op::new("put", Method::PUT, "/things/{id}", |sample, request| Box::pin(sample.show(request))),
        Op::new("echo", Method::POST, "/echo", |_, request| Box::pin(echo(request))),
        Op::new("upload", Method::PUT, "/upload", |sample, request| Box::pin(sample.upload(request))),
        Op::new("refuse", Method::PUT, "/refuse", |_, _| Box::pin(async { text(StatusCode::FORBIDDEN, "no") })),
        Op::new("wait", Method::GET, "/wait", |sample, _| Box::pin(sample.wait())),
        Op::new("panic", Method::GET, "/panic", |_, _| panic!("at once")),
        Op::new("panic_late", Method::GET, "/panic-late", |_, _| {
            Box::pin(async {
                tokio::task::yield_now().await;
                panic!("later")
            })
        }),
        Op::new("stream", Method::GET, "/stream/{kind}", |_, request| Box::pin(async move { stream(&request) })),
    ]
}

impl Sample {
    async fn show(self: Arc<Self>, request: Request) -> Response {
        text(StatusCode::OK, format!("{} {:?}", request.param("id"), request.query))
    }

    async fn wait(self: Arc<Self>) -> Response {
        self.tell(Event::Began);
        self.release.notified().await;
        self.tell(Event::Finished);
        text(StatusCode::OK, "waited")
    }

    async fn upload(self: Arc<Self>, mut request: Request) -> Response {
        self.tell(Event::Began);
        let mut length_bytes = 0;
        while let Some(chunk) = request.body.next_chunk().await {
            match chunk {
                Ok(bytes) => length_bytes += bytes.len(),
                Err(error) => {
                    self.tell(Event::Body(Err(word(&error).to_owned())));
                    return text(StatusCode::BAD_REQUEST, word(&error));
                }
            }
        }
        self.tell(Event::Body(Ok(length_bytes)));
        text(StatusCode::OK, length_bytes.to_string())
    }

    /// Never ends by itself, and tells when it is given up.
    fn endless(self: Arc<Self>) -> Response {
        let piece = Bytes::from(vec![7; 100_000]);
        let teller = Teller(self);
        let pieces = std::iter::repeat_with(move || {
            let _kept = &teller;
            Ok(piece.clone())
        });
        let stream = futures_util::stream::iter(pieces).boxed();
        Response::stream(StatusCode::OK, "application/octet-stream", stream, None)
    }

    fn tell(&self, event: Event) {
        self.events.send(event).expect("the test listens");
    }
}

struct Teller(Arc<Sample>);

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.tell(Event::Finished);
    }
}

async fn echo(mut request: Request) -> Response {
    match request.body.read_all(1_000).await {
        Ok(content) => Response::full(StatusCode::OK, "application/octet-stream", content),
        Err(error @ BodyError::TooLarge { .. }) => text(StatusCode::PAYLOAD_TOO_LARGE, word(&error)),
        Err(error) => text(StatusCode::BAD_REQUEST, word(&error)),
    }
}

fn stream(request: &Request) -> Response {
    let piece = || Ok(Bytes::from(vec![7; 100_000]));
    let fault = || Err(std::io::Error::other("the disk is gone"));
    let (pieces, length_bytes) = match request.param("kind") {
        "whole" => (vec![piece(), piece()], Some(200_000)),
        "chunked" => (vec![piece(), piece()], None),
        "fails" => (vec![piece(), fault()], Some(200_000)),
        "fails-chunked" => (vec![piece(), fault()], None),
        "short" => (vec![piece()], Some(200_000)),
        "long" => (vec![piece(), piece()], Some(150_000)),
        _ => {
            let dies = futures_util::stream::once(async { panic!("in the stream") }).boxed();
            return Response::stream(StatusCode::OK, "application/octet-stream", dies, Some(200_000));
        }
    };
    let stream = futures_util::stream::iter(pieces).boxed();
    Response::stream(StatusCode::OK, "application/octet-stream", stream, length_bytes)
}

fn word(error: &BodyError) -> &'static str {
    match error {
        BodyError::TooLarge { .. } => "too large",
        BodyError::Incomplete => "incomplete",
        BodyError::TimedOut { .. } => "timed out",
        BodyError::Broken(_) => "broken",
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response {
    Response::full(status, "text/plain", text)
}

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) sample: Arc<Sample>,
    pub(crate) metrics: Metrics,
    events: mpsc::UnboundedReceiver<Event>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Drained>,
}

pub(crate) async fn start(settings: &Settings) -> Running {
    let (events_in, events) = mpsc::unbounded_channel();
    let sample = Arc::new(Sample { router: Router::new(ops()), release: Notify::new(), events: events_in });
    let metrics = Metrics::new();
    let probes = Probes::new(metrics.clone(), Arc::new(|| Box::pin(async { Err("no data base".to_owned()) })));
    let surface = probes.mount(Surface::new(Arc::clone(&sample) as Arc<dyn Dialect>));
    let surface = surface.mount(Claim::Under("/nowhere"), probes);
    let server = Server::new(settings, surface, &metrics).expect("valid settings");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(server.serve(listener, async move {
        let _ = stopped.await;
    }));
    Running { address, sample, metrics, events, stop: Some(stop), served }
}

impl Running {
    pub(crate) async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("the server lives")
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.expect("the server listens"))
    }

    /// Sends one request on a connection of its own, and gives all that came back until the server closed.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut client = self.connect().await;
        client.send(request).await;
        client.read_to_end().await
    }

    pub(crate) async fn get(&self, target: &str) -> String {
        self.exchange(&format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("stopped once").send(()).expect("the server lives");
    }

    pub(crate) async fn drained(self) -> Drained {
        tokio::time::timeout(PATIENCE, self.served).await.expect("in time").expect("no panic")
    }
}

/// A client that sends exactly the bytes it is told to.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the server reads");
    }

    /// Everything until the server closes; a reset counts as an end.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut all = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut all)).await.expect("the server closes in time");
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Reads until `text` has come.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let mut all = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&all).contains(text) {
                assert_ne!(self.0.read_buf(&mut all).await.expect("the server answers"), 0, "{all:?}");
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("in time");
        String::from_utf8_lossy(&all).into_owned()
    }
}
