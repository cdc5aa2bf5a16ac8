//! `imprint image pull --format`: the service writes an image's disk in another format while it sends it. Where its
//! length is known beforehand, a file that broke off goes on where it was; blocks of zeros become holes.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use reqwest::{Method, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use super::client::{self, Client};
use super::progress;
use super::record::{self, escape};
use super::table::{self, Format};
use crate::failure::{ExitCode, Failure};

/// How often a file is gone on with that broke off.
const RETRIES_MAX: u32 = 4;
/// Zeros that are left out of a file.
const HOLE_BYTES: usize = 4096;

/// How the file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Codec {
    /// Understood everywhere
    Zlib,
    /// Smaller and faster
    Zstd,
}

/// What is wanted.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// A format's name.
    pub(super) format: &'a str,
    /// Whether it is compressed: `Some(None)` in the usual way.
    pub(super) compress: Option<Option<Codec>>,
    /// Where to; none for the image's name.
    pub(super) file: Option<&'a str>,
    /// Whether a file that is there is replaced.
    pub(super) force: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    id: String,
    file: String,
    format: String,
    size_bytes: u64,
}

/// Fetches an image in a format.
pub(super) async fn export(client: &Client, output: Format, image: &Value, wanted: Wanted<'_>) -> Result<(), Failure> {
    let id = record::id(image).to_owned();
    let address = address(&id, &wanted);
    let first = client.send(Method::GET, &address, |request| request).await?;
    if wanted.file == Some("-") {
        return to_pipe(client, first).await;
    }
    let path = match wanted.file {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(file_name(image, &first, wanted.format)),
    };
    if path.exists() && !wanted.force {
        return Err(Failure::usage(format!("{} is there already: name another file, or use --force", path.display())));
    }
    let size_bytes = to_file(client, &address, first, &path).await?;
    let file = path.display().to_string();
    table::one(output, &Report { id, file, format: wanted.format.to_owned(), size_bytes })
}

fn address(id: &str, wanted: &Wanted<'_>) -> String {
    let compress = match wanted.compress {
        None => "",
        Some(None) => "&compress",
        Some(Some(Codec::Zlib)) => "&compress=zlib",
        Some(Some(Codec::Zstd)) => "&compress=zstd",
    };
    format!("/imprint/v1/images/{}/export?format={}{compress}", escape(id), escape(wanted.format))
}

/// The image's name with the ending that the service says such files have.
fn file_name(image: &Value, answer: &Response, format: &str) -> String {
    let told = answer.headers().get(header::CONTENT_DISPOSITION).and_then(|told| told.to_str().ok());
    let ending = told.and_then(|told| told.split("\"disk.").nth(1)).map(|rest| rest.trim_end_matches('"'));
    let plain = |ending: &&str| ending.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    super::pull::name_with(image, ending.filter(plain).unwrap_or(format))
}

async fn to_pipe(client: &Client, mut answer: Response) -> Result<(), Failure> {
    let doing = "cannot write to standard output";
    let bar = progress::bytes("pulling", answer.content_length());
    let mut to = std::io::stdout().lock();
    while let Some(piece) = answer.chunk().await.map_err(|error| client::broken(client.url(), error))? {
        to.write_all(&piece).map_err(|error| Failure::doing(doing, error))?;
        bar.inc(piece.len() as u64);
    }
    to.flush().map_err(|error| Failure::doing(doing, error))?;
    bar.finish_and_clear();
    Ok(())
}

/// Writes the answer into a file, and asks for the rest when it breaks off; returns the file's length.
async fn to_file(client: &Client, address: &str, first: Response, path: &Path) -> Result<u64, Failure> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".imprint-part");
    let partial = PathBuf::from(partial);
    let doing = format!("cannot write {}", partial.display());
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&partial);
    let file = file.map_err(|error| Failure::doing(&doing, error))?;
    let size_bytes = first.content_length();
    let tag = first.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let bar = progress::bytes("pulling", size_bytes);
    let (mut answer, mut at, mut tries) = (first, 0, 0);
    loop {
        let failure = match take(client, &mut answer, &file, &mut at, &doing).await {
            Ok(()) if size_bytes.is_none_or(|size| size == at) => break,
            Ok(()) => Failure::new(ExitCode::Unavailable, "the service broke off"),
            Err(failure) => failure,
        };
        bar.set_position(at);
        let Some(tag) = tag.as_ref().filter(|_| failure.code == ExitCode::Unavailable && tries < RETRIES_MAX) else {
            return Err(failure);
        };
        tries += 1;
        let range = format!("bytes={at}-");
        let again = |request: reqwest::RequestBuilder| request.header("range", &range).header("if-range", tag);
        answer = client.send(Method::GET, address, again).await?;
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(Failure::new(ExitCode::Failed, "the image is another one now; pull it again"));
        }
    }
    bar.finish_and_clear();
    let kept = file.set_len(at).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&partial, path));
    kept.map_err(|error| Failure::doing(&format!("cannot write {}", path.display()), error))?;
    Ok(at)
}

async fn take(client: &Client, answer: &mut Response, file: &File, at: &mut u64, doing: &str) -> Result<(), Failure> {
    while let Some(piece) = answer.chunk().await.map_err(|error| client::broken(client.url(), error))? {
        write_sparse(file, &piece, *at).map_err(|error| Failure::doing(doing, error))?;
        *at += piece.len() as u64;
    }
    Ok(())
}

/// Writes all but zeros: the file is new, so they are there already.
fn write_sparse(file: &File, piece: &[u8], mut at: u64) -> std::io::Result<()> {
    for part in piece.chunks(HOLE_BYTES) {
        if part.iter().any(|byte| *byte != 0) {
            file.write_all_at(part, at)?;
        }
        at += part.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_not_written_and_everything_else_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let file = File::create(&path).expect("a file");
        let mut bytes = vec![0; 3 * HOLE_BYTES + 7];
        bytes[HOLE_BYTES + 1] = 5;
        write_sparse(&file, &bytes, 3).expect("written");
        file.set_len(3 + bytes.len() as u64).expect("sized");
        assert_eq!(fs::read(&path).expect("read")[3..], bytes);
    }

    #[test]
    fn the_address_says_what_is_wanted() {
        let wanted = |compress| Wanted { format: "qcow2", compress, file: None, force: false };
        let beginning = "/imprint/v1/images/i/export?format=qcow2";
        assert_eq!(address("i", &wanted(None)), beginning);
        assert_eq!(address("i", &wanted(Some(None))), format!("{beginning}&compress"));
        assert_eq!(address("i", &wanted(Some(Some(Codec::Zstd)))), format!("{beginning}&compress=zstd"));
    }
}
