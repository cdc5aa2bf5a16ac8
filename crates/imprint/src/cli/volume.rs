//! `imprint volume …`: the disks that machines have, or could have. `imprint disk` is about disk files on this machine,
//! and needs no service: a word of its own for each keeps what is deleted by one from being taken for the other.

use clap::{Args, Subcommand};
use imprint_api_native::wire;
use reqwest::Method;

use super::client::Client;
use super::each;
use super::record::escape;
use super::table::{self, Format};
use crate::failure::Failure;

/// Columns of a list.
const COLUMNS: [&str; 7] = ["id", "name", "status", "kind", "size_gib", "instance_id", "letter"];

#[derive(Debug, Subcommand)]
pub(crate) enum VolumeCommand {
    /// List disks of machines, newest first
    List {
        /// Only those attached to this machine
        #[arg(long)]
        instance: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one disk
    Show {
        /// Its id
        volume: String,
    },
    /// Make a data disk, empty or from a snapshot
    Create(CreateArgs),
    /// Give a disk to a machine, which may be running
    Attach(PairArgs),
    /// Take a data disk from a machine, which may be running
    Detach(PairArgs),
    /// Delete disks that are attached to nothing
    Delete {
        /// Their ids
        #[arg(required = true)]
        volumes: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Size, GiB; the snapshot's by default
    #[arg(long, value_name = "GIB", required_unless_present = "snapshot")]
    size: Option<u32>,
    /// The snapshot it begins as
    #[arg(long)]
    snapshot: Option<String>,
    /// Name
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PairArgs {
    /// The disk's id
    volume: String,
    /// The machine's id
    instance: String,
}

pub(super) async fn run(client: &Client, output: Format, command: VolumeCommand) -> Result<(), Failure> {
    match command {
        VolumeCommand::List { instance, limit } => {
            let of = instance.map(|id| format!("&instance={}", escape(&id))).unwrap_or_default();
            let found: wire::Items<wire::Disk> = client.get(&format!("/imprint/v1/disks?limit={limit}{of}")).await?;
            table::list(output, &COLUMNS, &found.items)
        }
        VolumeCommand::Show { volume } => table::one(output, &client.get::<wire::Disk>(&path(&volume)).await?),
        VolumeCommand::Create(CreateArgs { size, snapshot, name }) => {
            let body = wire::CreateDisk { name, size_gib: size, snapshot };
            let made: wire::Disk = client.ask(Method::POST, "/imprint/v1/disks", &body).await?;
            table::one(output, &made)
        }
        VolumeCommand::Attach(pair) => together(client, pair, "attach").await,
        VolumeCommand::Detach(pair) => together(client, pair, "detach").await,
        VolumeCommand::Delete { volumes } => each(&volumes, async |id| client.delete(&path(id)).await).await,
    }
}

fn path(volume: &str) -> String {
    format!("/imprint/v1/disks/{}", escape(volume))
}

async fn together(client: &Client, PairArgs { volume, instance }: PairArgs, verb: &str) -> Result<(), Failure> {
    let path = format!("{}/{verb}", path(&volume));
    client.send_once(Method::POST, &path, |request| request.json(&wire::OfInstance { instance })).await.map(|_| ())
}

/// A disk in one line of a machine's table.
pub(super) fn line(disk: &wire::Disk) -> String {
    let letter = disk.letter.unwrap_or('-');
    format!("{letter}: {} ({}, {} GiB, {})", disk.id, disk.kind, disk.size_gib, disk.status)
}
