//! What does it cost to store and to read a disk? Prints throughput and processor time per GiB; run it with
//! `cargo bench -p imprint-store`. Writes about 3 GiB below the build directory.
#![expect(clippy::print_stdout, reason = "a bench reports to the terminal")]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use imprint_model::{MapId, SystemClock};
use imprint_store::chunk::{ChunkSize, Cutter};
use imprint_store::{MemoryIndex, Settings, Store, backend};

const GIB: f64 = (1_u64 << 30) as f64;
const SENT_BYTES: usize = 256 << 10;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(run());
}

async fn run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the store");
    let backend = backend::open(&format!("file:{}", folder.path().display())).expect("the store opens");
    let index = Arc::new(MemoryIndex::default());
    let store = Store::open(backend, index, Arc::new(SystemClock), Settings::default()).expect("the store opens");
    let content = Bytes::from(noise(1 << 30));

    let meter = Meter::start();
    let pieces = cut(&content);
    meter.stop("cut alone", content.len());
    println!("{:<26} {} bytes", "mean chunk", content.len() / pieces);
    let meter = Meter::start();
    std::hint::black_box(content.chunks(36 << 10).map(|chunk| blake3::hash(chunk).as_bytes()[0]).max());
    meter.stop("blake3 alone", content.len());

    let meter = Meter::start();
    let map = put(&store, content.clone()).await;
    meter.stop("put, new", content.len());
    let meter = Meter::start();
    put(&store, content.clone()).await;
    meter.stop("put, stored already", content.len());
    let meter = Meter::start();
    // shifted by a block, a stream shares nothing with its neighbours but the store with all
    let quarter = content.len() / 4;
    let streams = (0..4).map(|at| {
        let mut part = content[at * quarter..(at + 1) * quarter].to_vec();
        part.chunks_mut(4096).for_each(|block| block[0] ^= 0x80);
        put_owned(store.clone(), part.into())
    });
    join_all(streams.map(tokio::spawn)).await;
    meter.stop("put, new, four streams", content.len());
    let meter = Meter::start();
    let size = sparse(&store, &content).await;
    meter.stop("put, 512 MiB in 8 GiB", size);

    for _ in 0..2 {
        let meter = Meter::start();
        let bytes = get(&store, map).await;
        meter.stop("get, hot", bytes);
    }
    let meter = Meter::start();
    let streams = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { get(&store, map).await })
    });
    let bytes = join_all(streams).await.into_iter().map(|read| read.expect("a stream is read")).sum();
    meter.stop("get, hot, four streams", bytes);
    random_reads(&store, map).await;
}

fn cut(content: &[u8]) -> usize {
    let mut cutter = Cutter::new(ChunkSize::new(32 << 10).expect("a permitted size"));
    let mut pieces = Vec::new();
    cutter.feed(content, true, &mut pieces);
    pieces.len()
}

async fn put_owned(store: Store, content: Bytes) {
    put(&store, content).await;
}

async fn put(store: &Store, content: Bytes) -> MapId {
    let mut writer = store.writer().await.expect("a writer");
    for at in (0..content.len()).step_by(SENT_BYTES) {
        let end = content.len().min(at + SENT_BYTES);
        writer.write(content.slice(at..end)).await.expect("bytes are taken");
    }
    writer.finish().await.expect("a map").map
}

/// Every sixteenth 4 MiB of 8 GiB is data, the rest zeros sent as bytes.
async fn sparse(store: &Store, content: &Bytes) -> usize {
    let zeros = Bytes::from(vec![0; SENT_BYTES]);
    let mut writer = store.writer().await.expect("a writer");
    let size = 8_usize << 30;
    for at in (0..size).step_by(SENT_BYTES) {
        let stripe = at / (4 << 20);
        let from = stripe / 16 * (4 << 20) + at % (4 << 20);
        let part = if stripe.is_multiple_of(16) { content.slice(from..from + SENT_BYTES) } else { zeros.clone() };
        writer.write(part).await.expect("bytes are taken");
    }
    writer.finish().await.expect("a map");
    size
}

async fn get(store: &Store, map: MapId) -> usize {
    let reader = store.reader(map).await.expect("a reader");
    let mut stream = std::pin::pin!(reader.stream(0..u64::MAX));
    let mut bytes = 0;
    while let Some(part) = stream.next().await {
        bytes += part.expect("verified bytes").len();
    }
    bytes
}

async fn random_reads(store: &Store, map: MapId) {
    let reader = store.reader(map).await.expect("a reader");
    let reads = 20_000_u64;
    let blocks = reader.size_bytes() / 4096;
    let meter = Meter::start();
    let work = tokio::task::spawn_blocking(move || {
        let mut buffer = [0; 4096];
        for at in 0..reads {
            let block = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % blocks;
            reader.read_exact_at_blocking(block * 4096, &mut buffer).expect("verified bytes");
        }
    });
    work.await.expect("the reads end");
    meter.stop("get, 4 KiB at random", usize::try_from(reads * 4096).expect("a small number"));
}

fn noise(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut out);
    out
}

/// Time on the clock and on the processors since its start.
struct Meter {
    start: Instant,
    cpu_secs: f64,
}

impl Meter {
    fn start() -> Self {
        Self { start: Instant::now(), cpu_secs: cpu_secs() }
    }

    fn stop(self, what: &str, bytes: usize) {
        let (secs, cpu) = (self.start.elapsed().as_secs_f64(), cpu_secs() - self.cpu_secs);
        #[expect(clippy::cast_precision_loss, reason = "a length for people to read")]
        let bytes = bytes as f64;
        println!("{what:<26} {:>8.0} MB/s {:>8.2} CPU-s/GiB", bytes / secs / 1e6, cpu / (bytes / GIB));
    }
}

/// User and system time of this process, from the kernel's account in hundredths of a second.
fn cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the process has an account");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks / 100.0
}
