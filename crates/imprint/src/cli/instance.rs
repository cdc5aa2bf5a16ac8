//! `imprint instance …`: machines, made of images and run where the service runs them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use data_encoding::BASE64;
use imprint_api_native::wire;
use reqwest::Method;
use serde_json::json;

use super::client::Client;
use super::console::{self, ConsoleArgs};
use super::record::{self, escape};
use super::table::{self, Format};
use super::{each, volume};
use crate::failure::Failure;

/// Columns of a list.
const COLUMNS: [&str; 7] = ["id", "name", "status", "cpus", "memory_mib", "image_id", "started_at"];

#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// Make machines of an image and start them
    Run(RunArgs),
    /// List machines, newest first
    List(ListArgs),
    /// Show one machine and its disks
    Show {
        /// Its id
        instance: String,
    },
    /// Start machines that are stopped
    Start {
        /// Their ids
        #[arg(required = true)]
        instances: Vec<String>,
    },
    /// Stop machines: ask each to shut down, and cut it off when it does not
    Stop(StopArgs),
    /// Stop machines and start them again
    Reboot(StopArgs),
    /// Delete machines with the disks that go along
    Delete {
        /// Their ids
        #[arg(required = true)]
        instances: Vec<String>,
        /// Although they run
        #[arg(long)]
        force: bool,
    },
    /// Show what a machine said on its serial console, or type into it
    Console(ConsoleArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The image's id or name
    image: String,
    /// How many
    #[arg(long, default_value_t = 1)]
    count: u32,
    /// Name
    #[arg(long)]
    name: Option<String>,
    /// The name it calls itself
    #[arg(long, value_name = "NAME")]
    host_name: Option<String>,
    /// Processors
    #[arg(long, default_value_t = 1)]
    cpus: u32,
    /// Memory, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// Size of the disk it boots from, GiB; as small as the image allows by default
    #[arg(long, value_name = "GIB")]
    disk: Option<u32>,
    /// Size of an empty data disk, GiB; may be repeated
    #[arg(long = "data-disk", value_name = "GIB")]
    data_disks: Vec<u32>,
    /// A file that the first boot is told: a script or a cloud-config
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// Make it without starting it
    #[arg(long)]
    stopped: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those of this name; * stands for any text
    #[arg(long)]
    name: Option<String>,
    /// Only those in this status: pending, starting, running, stopping, stopped
    #[arg(long)]
    status: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// Their ids
    #[arg(required = true)]
    instances: Vec<String>,
    /// Cut them off instead of asking
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(client: &Client, output: Format, command: InstanceCommand) -> Result<(), Failure> {
    match command {
        InstanceCommand::Run(args) => make(client, output, args).await,
        InstanceCommand::List(args) => list(client, output, args).await,
        InstanceCommand::Show { instance } => show(client, output, &instance).await,
        InstanceCommand::Start { instances } => {
            each(&instances, async |id| act(client, id, "start", &wire::Stop::default()).await).await
        }
        InstanceCommand::Stop(StopArgs { instances, force }) => {
            each(&instances, async |id| act(client, id, "stop", &wire::Stop { force }).await).await
        }
        InstanceCommand::Reboot(StopArgs { instances, force }) => {
            each(&instances, async |id| act(client, id, "reboot", &wire::Stop { force }).await).await
        }
        InstanceCommand::Delete { instances, force } => {
            let query = if force { "?force" } else { "" };
            each(&instances, async |id| client.delete(&format!("{}{query}", path(id))).await).await
        }
        InstanceCommand::Console(args) => console::run(client, args).await,
    }
}

/// Where a machine is.
pub(super) fn path(instance: &str) -> String {
    format!("/imprint/v1/instances/{}", escape(instance))
}

async fn make(client: &Client, output: Format, args: RunArgs) -> Result<(), Failure> {
    let user_data = args.user_data.map(|path| {
        std::fs::read(&path).map_err(|error| Failure::doing(&format!("cannot read {}", path.display()), error))
    });
    let body = wire::RunInstances {
        image: record::id(&record::find(client, &args.image).await?).to_owned(),
        count: args.count,
        name: args.name,
        host_name: args.host_name,
        cpus: args.cpus,
        memory_mib: args.memory,
        system_disk_gib: args.disk,
        data_disks_gib: args.data_disks,
        user_data: user_data.transpose()?.map(|bytes| BASE64.encode(&bytes)),
        stopped: args.stopped,
    };
    let made: wire::Made = client.ask(Method::POST, "/imprint/v1/instances", &body).await?;
    let mut instances: Vec<wire::Instance> = Vec::with_capacity(made.ids.len());
    for id in &made.ids {
        instances.push(client.get(&path(id)).await?);
    }
    match instances.as_slice() {
        [one] => table::one(output, one),
        several => table::list(output, &COLUMNS, several),
    }
}

async fn list(client: &Client, output: Format, args: ListArgs) -> Result<(), Failure> {
    let given = [("name", args.name), ("status", args.status)];
    let given = given.into_iter().filter_map(|(key, value)| Some(format!("&{key}={}", escape(&value?))));
    let path = format!("/imprint/v1/instances?limit={}{}", args.limit, given.collect::<String>());
    let found: wire::Items<wire::Instance> = client.get(&path).await?;
    table::list(output, &COLUMNS, &found.items)
}

async fn show(client: &Client, output: Format, id: &str) -> Result<(), Failure> {
    let instance: wire::Instance = client.get(&path(id)).await?;
    let mut disks: wire::Items<wire::Disk> = client.get(&format!("/imprint/v1/disks?instance={}", escape(id))).await?;
    let mut shown = json!(instance);
    disks.items.sort_by_key(|disk| disk.letter);
    shown["disks"] = match output {
        Format::Table => disks.items.iter().map(volume::line).collect(),
        Format::Json | Format::Yaml => json!(disks.items),
    };
    table::one(output, &shown)
}

async fn act(client: &Client, id: &str, verb: &str, how: &wire::Stop) -> Result<(), Failure> {
    let path = format!("{}/{verb}", path(id));
    client.send_once(Method::POST, &path, |request| request.json(how)).await.map(|_| ())
}
