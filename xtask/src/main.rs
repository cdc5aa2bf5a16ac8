//! Project chores, each a subcommand in a file or folder of its name.

mod bench;
mod tidy;

use clap::Parser;
use std::io::Write as _;
use std::process::ExitCode;

/// Project chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    Bench(Box<bench::Args>),
    /// Checks the rules of ARCHITECTURE.md that reading the tree can check
    Tidy,
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Bench(args) => bench::run(*args),
        Chore::Tidy => tidy::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // a closed terminal leaves the exit code to tell
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
