//! The imprint program: configuration, wiring and the command line.

mod cli;
mod config;
mod datadir;
mod elsewhere;
mod failure;
mod gauges;
mod logging;
mod machines;
mod nbd;
mod output;
mod parts;
mod serve;

use clap::{Parser, Subcommand};

use config::SettingArgs;
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted service for virtual-machine images.
#[derive(Debug, Parser)]
#[command(name = "imprint", version, max_term_width = 110, after_long_help = cli::AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    client: cli::ClientArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve images until told to stop
    Serve(SettingArgs),
    /// Print the settings in force and where each came from
    Config(SettingArgs),
    #[command(flatten)]
    Client(cli::ClientCommand),
    /// Convert, compare and check disk files on this machine
    #[command(subcommand)]
    Disk(cli::DiskCommand),
    #[command(flatten)]
    Describe(cli::SelfCommand),
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    match run(&cli.client, cli.command) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            output::notice(&format!("imprint: {failure}"));
            std::process::ExitCode::from(failure.code as u8)
        }
    }
}

fn run(client: &cli::ClientArgs, command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => {
            let settings = args.resolve().map_err(Failure::usage)?;
            logging::start(&settings).map_err(Failure::usage)?;
            runtime()?.block_on(serve::serve(&settings))
        }
        Command::Config(args) => {
            let settings = args.resolve().map_err(Failure::usage)?;
            let rows: Vec<_> = settings.shown().map(|(key, value, origin)| (key, value, origin.to_string())).collect();
            cli::settings(client, &rows)
        }
        Command::Client(command) => runtime()?.block_on(cli::run(client, command)),
        Command::Disk(command) => cli::disk(client, &command),
        Command::Describe(command) => cli::describe(command),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // reads of the embedded database run on the workers: one more of them than cores, so that as many short lists as
    // there are cores leave one for everything else
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads((cores + 1).clamp(3, 16))
        .enable_all()
        .build()
        .map_err(|error| Failure::doing("cannot start", error))
}
