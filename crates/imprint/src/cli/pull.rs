//! `imprint image pull`: an image becomes a file. Where it has data is asked first; that alone is fetched, several parts
//! at a time, and the rest stays a hole. What was fetched before a kill is not fetched again, and at the end every byte
//! is compared with the digest in the image's record.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::BytesMut;
use clap::Args;
use imprint_api_native::wire;
use indicatif::ProgressBar;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use super::client::{self, Client};
use super::export::{self, Codec, Wanted};
use super::progress;
use super::record::{self, escape};
use super::sidecar::Sidecar;
use super::table::{self, Format};
use super::verify::Check;
use crate::failure::{ExitCode, Failure};

/// Bytes of a part: what is fetched by one request and noted as done.
const PART_BYTES: u64 = 8 << 20;
/// Parts under way at one time.
const PARTS_AT_ONCE: usize = 4;
/// How often a part is fetched again that broke off.
const RETRIES_MAX: u32 = 4;

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// The image's id or name
    image: String,
    /// Where to, or - for standard output; the image's name and format when absent
    file: Option<String>,
    /// Replace the file when it is there
    #[arg(long)]
    force: bool,
    /// Have the disk written in another format: raw, qcow2, vhd, vhd-fixed, vhdx, vmdk, vdi, zvhd, zvhd2
    #[arg(long)]
    format: Option<String>,
    /// Have it compressed: zlib or zstd, the usual way when absent; of raw and qcow2 (vmdk, zvhd and zvhd2 always are)
    #[arg(long, value_enum, requires = "format", num_args = 0..=1, value_name = "CODEC")]
    compress: Option<Option<Codec>>,
}

#[derive(Debug, Serialize)]
struct Report {
    id: String,
    file: String,
    size_bytes: u64,
    fetched_bytes: u64,
    verified: bool,
}

/// Ranges of data that lie in one part.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    index: u64,
    data: Vec<(u64, u64)>,
}

pub(super) async fn pull(client: &Client, output: Format, args: PullArgs) -> Result<(), Failure> {
    let image = record::find(client, &args.image).await?;
    let Some(size_bytes) = record::number(&image, "size").filter(|_| image["status"] == "active") else {
        let (id, status) = (record::id(&image), image["status"].as_str().unwrap_or("?"));
        return Err(Failure::new(ExitCode::Failed, format!("image {id} has no data to pull: it is {status}")));
    };
    if let Some(format) = &args.format {
        let wanted = Wanted { format, compress: args.compress, file: args.file.as_deref(), force: args.force };
        return export::export(client, output, &image, wanted).await;
    }
    let path = match args.file.as_deref() {
        Some("-") => return pull_to_pipe(client, &image, size_bytes).await,
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(file_name(&image)),
    };
    if path.exists() && !args.force {
        return Err(Failure::usage(format!("{} is there already: name another file, or use --force", path.display())));
    }
    let pull = Pull { client: client.clone(), id: record::id(&image).to_owned(), size_bytes };
    let (fetched_bytes, verified) = pull.to_file(&image, &path).await?;
    let file = path.display().to_string();
    table::one(output, &Report { id: pull.id, file, size_bytes, fetched_bytes, verified })
}

/// A file name that can only be one in this directory.
fn file_name(image: &Value) -> String {
    match image["disk_format"].as_str() {
        Some(format) => name_with(image, format),
        None => harmless_name(image).to_owned(),
    }
}

/// The same, with this ending.
pub(super) fn name_with(image: &Value, ending: &str) -> String {
    let name = harmless_name(image);
    if name.ends_with(&format!(".{ending}")) { name.to_owned() } else { format!("{name}.{ending}") }
}

fn harmless_name(image: &Value) -> &str {
    let name = image["name"].as_str().unwrap_or_default();
    let harmless =
        !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']) && !name.contains(char::is_control);
    if harmless { name } else { record::id(image) }
}

async fn pull_to_pipe(client: &Client, image: &Value, size_bytes: u64) -> Result<(), Failure> {
    let path = format!("/v2/images/{}/file", escape(record::id(image)));
    let mut response = client.send(Method::GET, &path, |request| request).await?;
    let bar = progress::bytes("pulling", Some(size_bytes));
    let mut check = Check::of(image);
    let mut to = std::io::stdout().lock();
    while let Some(piece) = response.chunk().await.map_err(|error| client::broken(client.url(), error))? {
        to.write_all(&piece).map_err(|error| Failure::doing("cannot write to standard output", error))?;
        if let Some(check) = &mut check {
            check.update(&piece);
        }
        bar.inc(piece.len() as u64);
    }
    to.flush().map_err(|error| Failure::doing("cannot write to standard output", error))?;
    bar.finish_and_clear();
    check.map_or(Ok(()), Check::finish)
}

/// One image on its way into one file.
#[derive(Clone)]
struct Pull {
    client: Client,
    id: String,
    size_bytes: u64,
}

impl Pull {
    /// Fetches what is not there yet; returns how many bytes that was, and whether they could be verified.
    async fn to_file(&self, image: &Value, path: &Path) -> Result<(u64, bool), Failure> {
        let (partial, notes) = (beside(path, "imprint-part"), beside(path, "imprint-notes"));
        let doing = format!("cannot write {}", partial.display());
        let resume = partial.metadata().is_ok_and(|meta| meta.len() == self.size_bytes);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(!resume).open(&partial);
        let file = file.and_then(|file| file.set_len(self.size_bytes).map(|()| file));
        let file = Arc::new(file.map_err(|error| Failure::doing(&doing, error))?);
        let parts = self.size_bytes.div_ceil(PART_BYTES);
        let mut done = Sidecar::open(&notes, image, parts, PART_BYTES, resume)?;
        let bar = progress::bytes("pulling", Some(self.size_bytes));
        let fetched_bytes = self.fetch(&file, &mut done, &bar).await;
        bar.finish_and_clear();
        let fetched_bytes = fetched_bytes.map_err(|failure| going_on(&failure))?;
        let verified = match Check::of(image) {
            Some(check) => {
                verify(check, &partial, self.size_bytes)
                    .await
                    .map_err(|failure| damaged(&failure, &partial, &notes))?;
                true
            }
            None => false,
        };
        let kept = file.sync_all().and_then(|()| fs::rename(&partial, path));
        kept.map_err(|error| Failure::doing(&format!("cannot write {}", path.display()), error))?;
        done.remove()?;
        Ok((fetched_bytes, verified))
    }

    async fn fetch(&self, file: &Arc<File>, done: &mut Sidecar, bar: &ProgressBar) -> Result<u64, Failure> {
        let (mut from, mut fetched_bytes) = (Some(0), 0);
        let (mut open, mut fetching): (Option<Part>, _) = (None, JoinSet::new());
        while let Some(at) = from {
            let page: wire::Extents =
                self.client.get(&format!("/imprint/v1/images/{}/extents?from={at}", escape(&self.id))).await?;
            from = page.next.filter(|next| *next > at);
            let mut parts = split(open.take(), &page.data);
            // the next page may hold more of the last part
            open = from.and_then(|_| parts.pop_back());
            for part in parts {
                if done.has(part.index) {
                    continue;
                }
                if fetching.len() >= PARTS_AT_ONCE {
                    fetched_bytes += settle_one(&mut fetching, done, bar).await?;
                }
                fetching.spawn(self.clone().fetch_part(part, Arc::clone(file)));
            }
        }
        while !fetching.is_empty() {
            fetched_bytes += settle_one(&mut fetching, done, bar).await?;
        }
        Ok(fetched_bytes)
    }

    /// Fetches and writes the data of one part; returns its place and how many bytes were fetched.
    async fn fetch_part(self, part: Part, file: Arc<File>) -> Result<(u64, u64), Failure> {
        let begin = part.data.first().map_or(0, |first| first.0);
        let end = part.data.last().map_or(0, |last| last.0 + last.1);
        if end > self.size_bytes || end - begin > PART_BYTES {
            return Err(Failure::new(ExitCode::Failed, "the service says that there is data where there can be none"));
        }
        let mut tries = 0;
        let bytes = loop {
            match self.fetch_range(begin, end).await {
                Err(failure) if failure.code == ExitCode::Unavailable && tries < RETRIES_MAX => tries += 1,
                other => break other?,
            }
        };
        let index = part.index;
        let written = tokio::task::spawn_blocking(move || {
            part.data.iter().try_for_each(|(offset, len)| {
                let at = usize::try_from(offset - begin).expect("within a part");
                file.write_all_at(&bytes[at..at + usize::try_from(*len).expect("within a part")], *offset)
            })
        });
        let doing = "cannot write what was fetched";
        written.await.map_err(|error| Failure::doing(doing, error))?.map_err(|error| Failure::doing(doing, error))?;
        Ok((index, end - begin))
    }

    async fn fetch_range(&self, begin: u64, end: u64) -> Result<BytesMut, Failure> {
        let path = format!("/v2/images/{}/file", escape(&self.id));
        let range = format!("bytes={begin}-{}", end - 1);
        let mut response = self.client.send(Method::GET, &path, |request| request.header("range", &range)).await?;
        let wanted = usize::try_from(end - begin).expect("within a part");
        let mut bytes = BytesMut::with_capacity(wanted);
        let whole = response.status() != StatusCode::PARTIAL_CONTENT && end - begin != self.size_bytes;
        while let Some(piece) = response.chunk().await.map_err(|error| client::broken(self.client.url(), error))? {
            if whole || bytes.len() + piece.len() > wanted {
                return Err(Failure::new(ExitCode::Failed, "the service gave other bytes than were asked for"));
            }
            bytes.extend_from_slice(&piece);
        }
        if bytes.len() < wanted {
            return Err(Failure::new(ExitCode::Unavailable, "the service broke off"));
        }
        Ok(bytes)
    }
}

async fn settle_one(
    fetching: &mut JoinSet<Result<(u64, u64), Failure>>,
    done: &mut Sidecar,
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    match fetching.join_next().await {
        Some(Ok(fetched)) => {
            let (index, bytes) = fetched?;
            done.note(index)?;
            bar.set_position(bar.position().max((index + 1) * PART_BYTES));
            Ok(bytes)
        }
        Some(Err(error)) => Err(Failure::doing("fetching", error)),
        None => Ok(0),
    }
}

/// Ranges of data by the part they lie in; the first may go on with `open`.
fn split(open: Option<Part>, data: &[(u64, u64)]) -> VecDeque<Part> {
    let mut parts: VecDeque<Part> = open.into_iter().collect();
    for &(offset, len) in data {
        let (mut from, end) = (offset, offset.saturating_add(len));
        while from < end {
            let index = from / PART_BYTES;
            let to = end.min((index + 1).saturating_mul(PART_BYTES));
            match parts.back_mut().filter(|part| part.index == index) {
                Some(part) => part.data.push((from, to - from)),
                None => parts.push_back(Part { index, data: vec![(from, to - from)] }),
            }
            from = to;
        }
    }
    parts
}

/// Reads the file as it is now and compares it.
async fn verify(check: Check, path: &Path, size_bytes: u64) -> Result<(), Failure> {
    let doing = format!("cannot read {}", path.display());
    let mut file = File::open(path).map_err(|error| Failure::doing(&doing, error))?;
    let bar = progress::bytes("verifying", Some(size_bytes));
    let shown = bar.clone();
    let verified = tokio::task::spawn_blocking(move || check.file(&mut file, |bytes| shown.inc(bytes))).await;
    bar.finish_and_clear();
    verified.map_err(|error| Failure::doing(&doing, error))?
}

/// After a digest that is wrong nothing of the file can be trusted: the next pull begins anew.
fn damaged(failure: &Failure, partial: &Path, notes: &Path) -> Failure {
    let removed = fs::remove_file(partial).and_then(|()| fs::remove_file(notes));
    match removed {
        Ok(()) => Failure::new(failure.code, format!("{failure}; pull it again")),
        Err(error) => Failure::new(failure.code, format!("{failure}; remove {}: {error}", partial.display())),
    }
}

fn going_on(failure: &Failure) -> Failure {
    Failure::new(failure.code, format!("{failure}; the same command again fetches only what is missing"))
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_split_at_the_ends_of_parts() {
        let data = [(0, 10), (PART_BYTES - 5, 10), (3 * PART_BYTES, PART_BYTES)];
        let parts = split(None, &data);
        let expected = [
            Part { index: 0, data: vec![(0, 10), (PART_BYTES - 5, 5)] },
            Part { index: 1, data: vec![(PART_BYTES, 5)] },
            Part { index: 3, data: vec![(3 * PART_BYTES, PART_BYTES)] },
        ];
        assert_eq!(parts, expected);
        let open = Part { index: 3, data: vec![(3 * PART_BYTES, 1)] };
        let parts = split(Some(open), &[(3 * PART_BYTES + 100, 1)]);
        assert_eq!(parts, [Part { index: 3, data: vec![(3 * PART_BYTES, 1), (3 * PART_BYTES + 100, 1)] }]);
    }

    #[test]
    fn a_name_never_leads_out_of_the_directory() {
        let named = |name: &str| file_name(&json!({ "id": "i", "name": name, "disk_format": "raw" }));
        assert_eq!([named("disk"), named("disk.raw")], ["disk.raw", "disk.raw"]);
        for bad in ["../x", "/etc/passwd", ".bashrc", "", "a\nb"] {
            assert_eq!(named(bad), "i.raw", "{bad:?}");
        }
    }
}
