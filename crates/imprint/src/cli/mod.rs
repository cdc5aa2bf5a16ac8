//! The command line as a client: what is asked for, how it is asked of a running service, and how the answer is shown.
//! Speaks HTTP to the service like any other client; never opens its database or its store.

mod admin;
mod check;
pub(crate) mod client;
mod clouds;
mod completions;
mod console;
pub(crate) mod cutting;
mod detect;
mod disk;
mod export;
mod image;
mod instance;
mod jobs;
mod login;
mod nbd;
mod progress;
mod pull;
mod push;
pub(crate) mod record;
#[cfg(test)]
mod reference;
mod resume;
pub(crate) mod sending;
mod sidecar;
mod snapshot;
mod store;
mod table;
pub(crate) mod upload;
mod verify;
mod volume;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::failure::Failure;
use client::Client;
pub(crate) use disk::DiskCommand;
use login::Purpose;
use table::Format;

/// What `imprint --help` says besides the options; the reference says it at more length (`reference.md`).
pub(crate) const AFTER_HELP: &str = "\
Logging in: commands that speak to a service take the first of these.
  1. an entry of clouds.yaml: --cloud or OS_CLOUD; OS_... variables overrule it
  2. IMPRINT_ACCESS_KEY and IMPRINT_SECRET_KEY
  3. OS_AUTH_URL with OS_USERNAME and OS_PASSWORD, OS_TOKEN, or an application
     credential
  4. the root keys: IMPRINT_ROOT_ACCESS_KEY and IMPRINT_ROOT_SECRET_KEY, or those
     in IMPRINT_DATA_DIR
An empty variable counts as absent. admin and store take the root keys first,
unless --cloud is given. Where the service trusts an external Keystone, only that
Keystone's users can log in, by 1 or 3; its administrators use admin and store
with --cloud.

Exit codes:
  0  done
  1  something failed that no other code tells apart
  2  the command line or the configuration is wrong
  3  what was asked for does not exist, or may not be seen
  4  not logged in, or not permitted
  5  the service does not answer; try again
  6  data did not verify";

/// How to reach the service, and how to show what it says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Client options")]
pub(crate) struct ClientArgs {
    /// How to print results
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// Where the service is; default http://127.0.0.1:9292, or what the cloud's catalogue says
    #[arg(long, global = true, value_name = "URL", env = "IMPRINT_URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// Which entry of clouds.yaml to log in with
    #[arg(long, global = true, value_name = "NAME", env = "OS_CLOUD", hide_env_values = true)]
    pub(crate) cloud: Option<String>,
}

/// What a client can ask.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Push, pull, list and change images
    #[command(subcommand)]
    Image(image::ImageCommand),
    /// Make machines of images, and run them
    #[command(subcommand)]
    Instance(instance::InstanceCommand),
    /// Make disks for machines, attach and detach them; disk files on this machine are under imprint disk
    #[command(subcommand)]
    Volume(volume::VolumeCommand),
    /// Keep what disks of machines hold at one moment
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// Look at jobs
    #[command(subcommand)]
    Job(jobs::JobCommand),
    /// Look after the store
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Administer accounts, access keys, users, policies and limits
    #[command(subcommand)]
    Admin(admin::AdminCommand),
}

/// Files that tell shells and readers about the commands.
#[derive(Debug, Subcommand)]
pub(crate) enum SelfCommand {
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write manual pages into a directory
    Man(completions::ManArgs),
}

/// Does what a client asks.
pub(crate) async fn run(args: &ClientArgs, command: ClientCommand) -> Result<(), Failure> {
    let purpose = match command {
        ClientCommand::Image(_)
        | ClientCommand::Instance(_)
        | ClientCommand::Volume(_)
        | ClientCommand::Snapshot(_)
        | ClientCommand::Job(_) => Purpose::Use,
        ClientCommand::Store(_) | ClientCommand::Admin(_) => Purpose::Operate,
    };
    let client = Client::connect(args, purpose).await?;
    match command {
        ClientCommand::Image(command) => image::run(&client, args.output, command).await,
        ClientCommand::Instance(command) => instance::run(&client, args.output, command).await,
        ClientCommand::Volume(command) => volume::run(&client, args.output, command).await,
        ClientCommand::Snapshot(command) => snapshot::run(&client, args.output, command).await,
        ClientCommand::Job(command) => jobs::run(&client, args.output, command).await,
        ClientCommand::Store(command) => store::run(&client, args.output, command).await,
        ClientCommand::Admin(command) => admin::run(&client, args.output, command).await,
    }
}

/// Does the same to all of several things, as far as it can be done; the first trouble is the command's.
async fn each(ids: &[String], act: impl AsyncFn(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut first = None;
    for id in ids {
        if let Err(failure) = act(id).await {
            if ids.len() == 1 {
                return Err(failure);
            }
            crate::output::notice(&format!("imprint: {id}: {failure}"));
            first.get_or_insert(failure.code);
        }
    }
    first.map_or(Ok(()), |code| Err(Failure::new(code, "not everything was done")))
}

/// Prints the settings in force: key, value, where it came from.
pub(crate) fn settings(args: &ClientArgs, rows: &[(&str, String, String)]) -> Result<(), Failure> {
    if args.output == Format::Table {
        rows.iter().for_each(|(key, value, origin)| crate::output::line(&format!("{key:<24} {value:<44} {origin}")));
        return Ok(());
    }
    let row = |(key, value, origin): &(&str, String, String)| json!({ "key": key, "value": value, "origin": origin });
    table::list(args.output, &[], &rows.iter().map(row).collect::<Vec<_>>())
}

/// Does what is asked with files alone.
pub(crate) fn disk(args: &ClientArgs, command: &DiskCommand) -> Result<(), Failure> {
    disk::run(args.output, command)
}

/// Writes what shells and readers want.
pub(crate) fn describe(command: SelfCommand) -> Result<(), Failure> {
    match command {
        SelfCommand::Completions(args) => completions::completions(&args),
        SelfCommand::Man(args) => completions::man(&args),
    }
}
