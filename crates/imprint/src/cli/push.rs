//! `imprint image push`: a file, or what comes from a pipe, becomes an image.

use std::fs::File;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt;

use super::client::Client;
use super::record;
use super::resume::Note;
use super::sending::{self, FileDisk, Sent};
use super::table::{self, Format};
use super::{detect, progress, upload};
use crate::failure::{ExitCode, Failure};

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The file, or - for standard input
    file: String,
    /// Name; the file's when absent
    #[arg(long)]
    name: Option<String>,
    /// Disk format; found out when absent
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Container format
    #[arg(long, value_name = "FORMAT", default_value = "bare")]
    container_format: String,
    /// A property, as in os_distro=debian; may be repeated
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = super::image::key_value)]
    properties: Vec<(String, String)>,
    /// A tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// private, shared, community or public
    #[arg(long)]
    visibility: Option<String>,
    /// Least disk size to boot it, GiB
    #[arg(long, value_name = "GIB")]
    min_disk: Option<u32>,
    /// Least memory to boot it, MiB
    #[arg(long, value_name = "MIB")]
    min_ram: Option<u32>,
    /// Refuse to delete it
    #[arg(long)]
    protected: bool,
    /// Leave it out of usual lists
    #[arg(long)]
    hidden: bool,
    /// The id it shall have
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// Send the whole file, without asking what the service has
    #[arg(long)]
    whole: bool,
}

/// What a push did.
#[derive(Debug, Serialize)]
struct Report {
    id: String,
    name: Value,
    status: Value,
    disk_format: Value,
    size_bytes: u64,
    sent_bytes: u64,
    chunks: u64,
    sent_chunks: u64,
    os_hash_algo: Value,
    os_hash_value: Value,
}

pub(super) async fn push(client: &Client, output: Format, args: PushArgs) -> Result<(), Failure> {
    if args.file == "-" {
        return push_pipe(client, output, &args).await;
    }
    let path = Path::new(&args.file);
    let doing = format!("cannot read {}", path.display());
    let file = File::open(path).map_err(|error| Failure::doing(&doing, error))?;
    let meta = file.metadata().map_err(|error| Failure::doing(&doing, error))?;
    if !meta.is_file() {
        return Err(Failure::usage(format!("{} is no regular file: pipe it in with -", path.display())));
    }
    let format = match &args.format {
        Some(format) => format.clone(),
        None => detect::of_file(&file, meta.len()).map_err(|error| Failure::doing(&doing, error))?.to_owned(),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let record = args.record(&format, Some(name));
    let note = Note::of(client.url(), path, &meta, &json!(record).to_string());
    let image = match known(client, &note, meta.len()).await {
        Some(image) if image["status"] == "active" => {
            note.remove();
            return report(client, output, record::id(&image), Sent::default()).await;
        }
        Some(image) => image,
        None => record::create(client, &record).await?,
    };
    let id = record::id(&image).to_owned();
    note.write(&id);
    let bar = progress::bytes("pushing", Some(meta.len()));
    let sent = sending::send(client, &id, &FileDisk { file, size_bytes: meta.len() }, args.whole, &bar).await;
    bar.finish_and_clear();
    match sent {
        Ok(sent) => {
            note.remove();
            report(client, output, &id, sent).await
        }
        Err(failure) => Err(give_up(client, &id, Some(&note), failure).await),
    }
}

/// A record that an interrupted push of this very file left behind.
async fn known(client: &Client, note: &Note, size_bytes: u64) -> Option<Value> {
    let image = record::show(client, &note.read()?).await.ok()?;
    let done = image["status"] == "active" && record::number(&image, "size") == Some(size_bytes);
    (done || image["status"] == "queued").then_some(image)
}

/// When the service does not answer, the next push goes on with the record; after anything else it is taken back.
async fn give_up(client: &Client, id: &str, note: Option<&Note>, failure: Failure) -> Failure {
    if note.is_some() && failure.code == ExitCode::Unavailable {
        return Failure::new(failure.code, format!("{failure}; the same command again sends only what is missing"));
    }
    match record::delete(client, id).await {
        Err(left) if left.code != ExitCode::NotFound => {
            Failure::new(failure.code, format!("{failure}; the empty image {id} could not be deleted: {left}"))
        }
        // deleted, by this or by somebody meanwhile
        _ => {
            if let Some(note) = note {
                note.remove();
            }
            failure
        }
    }
}

async fn push_pipe(client: &Client, output: Format, args: &PushArgs) -> Result<(), Failure> {
    let mut input = tokio::io::stdin();
    let mut head = Vec::new();
    let read = (&mut input).take(detect::HEAD_BYTES as u64).read_to_end(&mut head).await;
    read.map_err(|error| Failure::doing("cannot read standard input", error))?;
    let format = args.format.clone().unwrap_or_else(|| detect::declared(&head, &[]).to_owned());
    let image = record::create(client, &args.record(&format, None)).await?;
    let id = record::id(&image);
    let bar = progress::bytes("pushing", None);
    let shown = bar.clone();
    let pieces = upload::pieces(head.into(), input);
    let sent = upload::send(client, id, pieces, None, move |bytes| shown.inc(bytes)).await;
    bar.finish_and_clear();
    match sent {
        Ok(()) => report(client, output, id, Sent { bytes: bar.position(), ..Sent::default() }).await,
        Err(failure) => Err(give_up(client, id, None, failure).await),
    }
}

async fn report(client: &Client, output: Format, id: &str, sent: Sent) -> Result<(), Failure> {
    let image = record::show(client, id).await?;
    let member = |key: &str| image[key].clone();
    let report = Report {
        id: id.to_owned(),
        name: member("name"),
        status: member("status"),
        disk_format: member("disk_format"),
        size_bytes: record::number(&image, "size").unwrap_or(0),
        sent_bytes: sent.bytes,
        chunks: sent.chunks_of_all,
        sent_chunks: sent.chunks,
        os_hash_algo: member("os_hash_algo"),
        os_hash_value: member("os_hash_value"),
    };
    table::one(output, &report)
}

impl PushArgs {
    /// The record to make.
    fn record(&self, format: &str, file_name: Option<String>) -> Map<String, Value> {
        let mut record = Map::new();
        let mut set = |key: &str, value: Value| record.insert(key.to_owned(), value);
        for (key, value) in &self.properties {
            set(key, value.clone().into());
        }
        if let Some(name) = self.name.clone().or(file_name) {
            set("name", name.into());
        }
        set("disk_format", format.into());
        set("container_format", self.container_format.clone().into());
        let texts = [("visibility", &self.visibility), ("id", &self.id)];
        texts.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).for_each(|(key, value)| {
            set(key, value.into());
        });
        let numbers = [("min_disk", self.min_disk), ("min_ram", self.min_ram)];
        numbers.into_iter().filter_map(|(key, value)| Some((key, value?))).for_each(|(key, value)| {
            set(key, value.into());
        });
        let flags = [("protected", self.protected), ("os_hidden", self.hidden)];
        flags.into_iter().filter(|(_, value)| *value).for_each(|(key, value)| {
            set(key, value.into());
        });
        if !self.tags.is_empty() {
            set("tags", self.tags.clone().into());
        }
        record
    }
}
