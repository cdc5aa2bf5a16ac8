//! Completions and manual pages, generated from the commands' own definitions.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where to write them; made when it is not there
    dir: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "imprint", &mut script);
    std::io::stdout().write_all(&script).map_err(|error| Failure::doing("cannot write the completions", error))
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let doing = format!("cannot write manual pages into {}", args.dir.display());
    std::fs::create_dir_all(&args.dir).map_err(|error| Failure::doing(&doing, error))?;
    clap_mangen::generate_to(crate::Cli::command(), &args.dir).map_err(|error| Failure::doing(&doing, error))
}
