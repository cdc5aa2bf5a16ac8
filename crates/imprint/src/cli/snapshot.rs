//! `imprint snapshot …`: what disks held at one moment.

use std::time::Duration;

use clap::{Args, Subcommand};
use imprint_api_native::wire;
use reqwest::Method;

use super::client::Client;
use super::record::escape;
use super::table::{self, Format};
use super::{each, progress};
use crate::failure::{ExitCode, Failure};

/// Columns of a list.
const COLUMNS: [&str; 8] = ["id", "name", "status", "disk_id", "size_gib", "done_bytes", "total_bytes", "created_at"];
/// Time between two looks at a snapshot that is being taken.
const LOOK_EVERY: Duration = Duration::from_millis(300);

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Keep what a disk holds now, and wait until that is done; its machine runs on meanwhile
    Create(CreateArgs),
    /// List snapshots, newest first
    List {
        /// Only those of this disk
        #[arg(long)]
        disk: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one snapshot
    Show {
        /// Its id
        snapshot: String,
    },
    /// Give up snapshots that are being taken
    Cancel {
        /// Their ids
        #[arg(required = true)]
        snapshots: Vec<String>,
    },
    /// Delete snapshots that no image needs
    Delete {
        /// Their ids
        #[arg(required = true)]
        snapshots: Vec<String>,
        /// Although disks were made from them
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The disk's id (imprint volume list)
    disk: String,
    /// Name
    #[arg(long)]
    name: Option<String>,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(client: &Client, output: Format, command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Create(args) => create(client, output, args).await,
        SnapshotCommand::List { disk, limit } => {
            let of = disk.map(|id| format!("&disk={}", escape(&id))).unwrap_or_default();
            let found: wire::Items<wire::Snapshot> =
                client.get(&format!("/imprint/v1/snapshots?limit={limit}{of}")).await?;
            table::list(output, &COLUMNS, &found.items)
        }
        SnapshotCommand::Show { snapshot } => {
            table::one(output, &client.get::<wire::Snapshot>(&path(&snapshot)).await?)
        }
        SnapshotCommand::Cancel { snapshots } => each(&snapshots, async |id| cancel(client, id).await).await,
        SnapshotCommand::Delete { snapshots, force } => {
            let query = if force { "?force" } else { "" };
            each(&snapshots, async |id| client.delete(&format!("{}{query}", path(id))).await).await
        }
    }
}

async fn cancel(client: &Client, id: &str) -> Result<(), Failure> {
    client.send_once(Method::POST, &format!("{}/cancel", path(id)), |request| request).await.map(|_| ())
}

fn path(snapshot: &str) -> String {
    format!("/imprint/v1/snapshots/{}", escape(snapshot))
}

async fn create(
    client: &Client,
    output: Format,
    CreateArgs { disk, name, no_wait }: CreateArgs,
) -> Result<(), Failure> {
    let body = wire::CreateSnapshot { disk, name };
    let mut taken: wire::Snapshot = client.ask(Method::POST, "/imprint/v1/snapshots", &body).await?;
    let bar = progress::bytes("snapshot", taken.total_bytes);
    while !no_wait && taken.status == "progressing" {
        tokio::time::sleep(LOOK_EVERY).await;
        taken = client.get(&path(&taken.id)).await?;
        if let Some(total) = taken.total_bytes {
            bar.set_length(total);
        }
        bar.set_position(taken.done_bytes);
    }
    bar.finish_and_clear();
    table::one(output, &taken)?;
    match taken.status.as_str() {
        "failed" => Err(Failure::new(ExitCode::Failed, taken.failure.as_deref().unwrap_or("the snapshot failed"))),
        _ => Ok(()),
    }
}
