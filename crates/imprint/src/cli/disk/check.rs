//! `imprint disk check`.

use clap::Args;
use imprint_disk::{check_structure, read_through};
use serde::Serialize;

use super::{Source, SourceArgs};
use crate::cli::table::{self, Format};
use crate::failure::{ExitCode, Failure};

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Read the whole disk, too: every record and every checksum on the way
    #[arg(long)]
    data: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    format: &'static str,
    /// False when the format keeps no records that could contradict each other.
    has_records: bool,
    errors: u64,
    leaks: u64,
    findings: Vec<String>,
    data_was_read: bool,
}

pub(super) fn run(output: Format, args: &CheckArgs) -> Result<(), Failure> {
    let path = &args.source.file;
    let source = Source::open(path, args.source.from)?;
    let disk = source.disk(path)?;
    let found = check_structure(&source.file, source.format).map_err(|error| super::cannot_open(path, error))?;
    if args.data {
        read_through(&*disk.guest).map_err(|error| super::cannot_read(path, error))?;
    }
    let report = Report {
        file: path.display().to_string(),
        format: source.format.name(),
        has_records: found.has_records,
        errors: found.errors,
        leaks: found.leaks,
        findings: found.texts,
        data_was_read: args.data,
    };
    table::one(output, &report)?;
    match (report.errors, report.leaks) {
        (0, 0) => Ok(()),
        (0, leaks) => Err(Failure::new(ExitCode::Corrupt, format!("{leaks} clusters are counted and not used"))),
        (errors, _) => Err(Failure::new(ExitCode::Corrupt, format!("{errors} records contradict each other"))),
    }
}
