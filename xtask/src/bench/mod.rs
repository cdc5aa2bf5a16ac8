//! `cargo xtask bench`: the same work on Imprint and on a real Glance, interleaved, and the
//! page that shows both. Lives here: the options and the order of the work. Never: a measurement.

mod catalogue;
mod content;
mod disk;
mod ecs;
mod http;
mod identity;
mod idle;
mod ims;
mod lines;
mod metadata;
mod peers;
mod proc;
mod report;
mod transfer;

use clap::ValueEnum;
use metadata::{Load, Metadata};
use peers::{Host, Peer};
use report::Raw;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use transfer::Transfer;

/// What the benchmark's functions give: anything that goes wrong ends the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures Imprint beside Glance and writes docs/benchmarks.md.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A small, short run that only shows that everything works; leaves docs/ alone
    #[arg(long)]
    quick: bool,
    /// Which suites to run
    #[arg(long, value_enum, value_delimiter = ',', default_value = "metadata,transfer,idle")]
    suites: Vec<Suite>,
    /// Images in the catalogue [default: 100000, for the suite million alone 1000000]
    #[arg(long)]
    images: Option<u64>,
    /// How often each measurement is made on each server
    #[arg(long, default_value_t = 3)]
    repeats: u64,
    /// Length of one metadata measurement
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Connections of a metadata measurement
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only these operations, by the names the progress shows
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure Imprint alone
    #[arg(long)]
    no_peer: bool,
    /// Measure the peer alone
    #[arg(long, conflicts_with = "no_peer")]
    no_imprint: bool,
    /// Use a Glance that runs already (it is filled by its API, and its CPU and memory are not seen)
    #[arg(long, requires = "peer_auth_url", requires = "peer_password", conflicts_with = "no_peer")]
    peer_url: Option<String>,
    /// The identity service of --peer-url, with its version: http://HOST:PORT/v3
    #[arg(long)]
    peer_auth_url: Option<String>,
    /// The password of the user `admin` there
    #[arg(long, env = "PEER_PASSWORD", hide_env_values = true)]
    peer_password: Option<String>,
    /// Where bench/glance-up.sh installs and runs Glance
    #[arg(long, default_value = "target/bench/glance")]
    peer_dir: PathBuf,
    /// The Imprint to measure
    #[arg(long, default_value = "target/release/imprint")]
    imprint: PathBuf,
    /// Where the suite million keeps its catalogue for the next run, or finds it: filling one takes 20 minutes
    #[arg(long)]
    keep: Option<PathBuf>,
    /// The image that the suite disk writes and looks into: a qcow2 of a real system
    #[arg(long)]
    disk: Option<PathBuf>,
    /// A setting for Imprint's environment, NAME=VALUE
    #[arg(long, value_parser = name_and_value)]
    imprint_env: Vec<(String, String)>,
    /// The raw measurements, one JSON object a line
    #[arg(long)]
    raw: Option<PathBuf>,
    /// The page to write
    #[arg(long)]
    page: Option<PathBuf>,
    /// Measure nothing: write the page from the raw file that is there
    #[arg(long)]
    render: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    Metadata,
    Transfer,
    Idle,
    /// ECS and IMS calls of an account that owns a tenth of the images, on Imprint alone
    Million,
    /// Disk files written by Imprint and by qemu-img, and looked into
    Disk,
}

/// A page that one suite has to itself.
const OWN_PAGES: [(Suite, &str); 2] = [(Suite::Million, "benchmarks-million"), (Suite::Disk, "benchmarks-disk")];

fn name_and_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=').map(|(name, value)| (name.into(), value.into())).ok_or_else(|| "wanted NAME=VALUE".into())
}

/// Runs the benchmark.
pub(crate) fn run(mut args: Args) -> Outcome<()> {
    let own = OWN_PAGES.iter().find(|(suite, _)| args.suites.iter().all(|wanted| wanted == suite));
    let million = own.is_some_and(|(suite, _)| *suite == Suite::Million);
    let images = args.images.unwrap_or(if million { 1_000_000 } else { 100_000 });
    let name = if args.quick {
        args.images = Some(images.min(2_000));
        args.seconds = args.seconds.min(2.0);
        args.repeats = 1;
        "target/bench/quick".to_owned()
    } else {
        args.images = Some(images);
        format!("docs/{}", own.map_or("benchmarks", |(_, page)| *page))
    };
    let (raw, page) = (format!("{name}.jsonl"), format!("{name}.md"));
    let raw = workspace().join(args.raw.as_deref().unwrap_or(Path::new(&raw)));
    let page = workspace().join(args.page.as_deref().unwrap_or(Path::new(&page)));
    if !args.render {
        measure(&args, &raw)?;
    }
    report::write_page(&raw, &page)
}

fn measure(args: &Args, raw: &Path) -> Outcome<()> {
    let size = if args.quick { content::GIB / 16 } else { content::GIB };
    let images = args.images.ok_or("the number of images is not decided")?;
    let load = proc::load();
    let peers = start(args)?;
    let about = json!({
        "date": output_of("date", &["-u", "+%F"])?,
        "command": command_line(),
        "machine": proc::machine(),
        "load": load,
        "imprint": output_of("git", &["describe", "--always", "--dirty"]).unwrap_or_else(|_| "no commit".into()),
        "peer": peer_program(args)?.or_else(|| peers.iter().find_map(|peer| match &peer.host {
            Host::Glance(glance) => Some(glance.version.as_str()),
            Host::Remote => Some("a Glance that ran already"),
            Host::Imprint(_) => None,
        }).map(str::to_owned)),
        "images": images, "connections": args.connections, "seconds": args.seconds, "repeats": args.repeats,
        "size_mib": size / content::MIB,
    });
    let mut raw = Raw::begin(raw, &about)?;
    let runs = |suite: Suite| args.suites.contains(&suite);
    if runs(Suite::Disk) {
        disk::run(args, &disk::image(args)?, &mut raw)?;
    }
    if runs(Suite::Million) {
        let ours: Vec<&Peer> = peers.iter().filter(|peer| matches!(peer.host, Host::Imprint(_))).collect();
        let load = Load { connections: args.connections, duration: Duration::from_secs_f64(args.seconds) };
        for peer in ours {
            let suite = ecs::Suite::new(peer, images, load)?;
            interleave(args, std::slice::from_ref(peer), &ecs::OPERATIONS, |operation, peer, repeat| {
                raw.add("ecs", operation, peer.name, repeat, &suite.measure(operation, peer, repeat)?)
            })?;
            ims::check(&suite, peer)?;
            interleave(args, std::slice::from_ref(peer), &ims::OPERATIONS, |operation, peer, repeat| {
                raw.add("ims", operation, peer.name, repeat, &ims::measure(&suite, operation, peer)?)
            })?;
        }
    }
    if runs(Suite::Metadata) || runs(Suite::Idle) {
        for peer in &peers {
            catalogue::fill(peer, images, args.connections)?;
        }
    }
    if runs(Suite::Metadata) {
        let mut suite = Metadata::new(images, args.connections, Duration::from_secs_f64(args.seconds));
        suite.check_agreement(&peers)?;
        interleave(args, &peers, &metadata::OPERATIONS, |operation, peer, repeat| {
            let metrics = suite.measure(operation, peer, repeat)?;
            raw.add("metadata", operation, peer.name, repeat, &metrics)
        })?;
    }
    if runs(Suite::Transfer) {
        let mut suite = Transfer::new(size, &peers)?;
        interleave(args, &peers, &transfer::OPERATIONS, |operation, peer, repeat| {
            for (operation, metrics) in suite.measure(operation, peer, repeat)? {
                raw.add("transfer", operation, peer.name, repeat, &metrics)?;
            }
            Ok(())
        })?;
        suite.clean_up(&peers)?;
    }
    if runs(Suite::Idle) {
        interleave(args, &peers, &["start"], |operation, peer, repeat| {
            if matches!(peer.host, Host::Remote) {
                return Ok(());
            }
            raw.add("idle", operation, peer.name, repeat, &idle::measure(peer)?)
        })?;
    }
    Ok(())
}

/// What a suite without servers is measured beside.
fn peer_program(args: &Args) -> Outcome<Option<String>> {
    if !args.suites.contains(&Suite::Disk) {
        return Ok(None);
    }
    Ok(output_of("qemu-img", &["--version"])?.lines().next().map(str::to_owned))
}

fn start(args: &Args) -> Outcome<Vec<Peer>> {
    let mut peers = Vec::new();
    if args.suites.iter().all(|suite| *suite == Suite::Disk) {
        return Ok(peers);
    }
    if !args.no_imprint {
        peers.push(Peer::imprint(args)?);
    }
    match (&args.peer_url, &args.peer_auth_url, &args.peer_password) {
        _ if args.no_peer || args.suites.iter().all(|suite| *suite == Suite::Million) => {}
        (Some(url), Some(auth_url), Some(password)) => peers.push(Peer::remote(url, auth_url, password)?),
        _ => peers.push(Peer::glance(args)?),
    }
    Ok(peers)
}

/// Each measurement on one server is followed by the same on the other, and the order
/// alternates, so that what else goes on in the machine hurts both alike.
fn interleave(
    args: &Args,
    peers: &[Peer],
    operations: &[&'static str],
    mut measure: impl FnMut(&'static str, &Peer, u64) -> Outcome<()>,
) -> Outcome<()> {
    for repeat in 0..args.repeats {
        for &operation in operations {
            if !args.only.is_empty() && !args.only.iter().any(|only| only == operation) {
                continue;
            }
            let mut order: Vec<&Peer> = peers.iter().collect();
            if repeat % 2 == 1 {
                order.reverse();
            }
            for peer in order {
                measure(operation, peer, repeat)
                    .map_err(|error| format!("{operation} on {}, repeat {repeat}: {error}", peer.name))?;
            }
        }
    }
    Ok(())
}

/// The command that makes the same run, without passwords, and without the folders that files lie in here.
fn command_line() -> String {
    let mut words = vec!["cargo xtask bench".to_owned()];
    let mut given = std::env::args().skip(2);
    while let Some(word) = given.next() {
        if word == "--peer-password" {
            given.next();
        } else if !word.starts_with("--peer-password") {
            let file = Path::new(&word).file_name().filter(|_| word.starts_with('/'));
            words.push(file.map_or(word.clone(), |name| name.to_string_lossy().into_owned()));
        }
    }
    words.join(" ")
}

fn output_of(program: &str, options: &[&str]) -> Outcome<String> {
    let output = Command::new(program).args(options).current_dir(workspace()).output()?;
    if !output.status.success() {
        return Err(format!("{program} failed").into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The root of the source tree.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A secret for one run.
fn random_hex() -> Outcome<String> {
    let mut bytes = [0; 20];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A number that looks random and is the same for the same input (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// An error that shows the reply, unless its status is one of those wanted.
fn expect(what: &str, status: u16, wanted: &[u16], reply: &[u8]) -> Outcome<()> {
    if wanted.contains(&status) { Ok(()) } else { Err(format!("{what}: {status} {}", excerpt(reply)).into()) }
}

/// The beginning of a reply, for a message.
fn excerpt(reply: &[u8]) -> String {
    String::from_utf8_lossy(&reply[..reply.len().min(300)]).into_owned()
}

/// Tells the one who waits how far the run is. A closed terminal does not end it.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
