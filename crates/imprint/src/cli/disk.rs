//! `imprint disk …`: disk files on this machine, without a service. Files are read by this program's own readers, which
//! never open anything that a file names.

mod check;
mod compare;
mod convert;
mod holes;
mod info;
mod inspect;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use imprint_disk::{Disk, Format as DiskFormat, OpenError, ReadAt};

use super::table::Format;
use crate::failure::{ExitCode, Failure};

/// What can be done with a file alone.
#[derive(Debug, Subcommand)]
pub(crate) enum DiskCommand {
    /// Write a disk in another format
    Convert(convert::ConvertArgs),
    /// Show what a file says about itself and the disk inside
    Info(SourceArgs),
    /// Check a file's own records; exit code 6 when they contradict themselves
    Check(check::CheckArgs),
    /// Compare two disks, whatever their formats; exit code 6 when they differ
    Compare(compare::CompareArgs),
    /// Look into a disk: which system, and whether it would start and could be reached
    Inspect(SourceArgs),
}

/// A file to read.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// The file
    file: PathBuf,
    /// Take the file for this format instead of what it looks like
    #[arg(long, value_name = "FORMAT", value_parser = source_format)]
    from: Option<DiskFormat>,
}

fn source_format(name: &str) -> Result<DiskFormat, String> {
    let known = || DiskFormat::ALL.map(DiskFormat::name).join(", ");
    DiskFormat::from_name(name).ok_or_else(|| format!("one of {}", known()))
}

/// Does what is asked.
pub(crate) fn run(output: Format, command: &DiskCommand) -> Result<(), Failure> {
    match command {
        DiskCommand::Convert(args) => convert::run(output, args),
        DiskCommand::Info(args) => info::run(output, args),
        DiskCommand::Check(args) => check::run(output, args),
        DiskCommand::Compare(args) => compare::run(output, args),
        DiskCommand::Inspect(args) => inspect::run(output, args),
    }
}

/// A file, and what it is.
struct Source {
    file: Arc<dyn ReadAt>,
    format: DiskFormat,
}

impl Source {
    fn open(path: &Path, from: Option<DiskFormat>) -> Result<Source, Failure> {
        let doing = || format!("cannot read {}", path.display());
        let file = File::open(path).map_err(|error| missing_or_failed(&doing(), error))?;
        if file.metadata().is_ok_and(|meta| meta.is_dir()) {
            return Err(Failure::usage(format!("{} is a directory", path.display())));
        }
        let file = holes::FileWithHoles::new(file).map_err(|error| Failure::doing(&doing(), error))?;
        let file: Arc<dyn ReadAt> = Arc::new(file);
        let format = match from {
            Some(format) => format,
            None => {
                let found = imprint_disk::detect(&*file).map_err(|error| Failure::doing(&doing(), error))?;
                if found.is_safe() {
                    found.format
                } else {
                    return Err(cannot_open(path, OpenError::Refused(found.refusals)));
                }
            }
        };
        Ok(Source { file, format })
    }

    fn disk(&self, path: &Path) -> Result<Disk, Failure> {
        imprint_disk::open(Arc::clone(&self.file), self.format).map_err(|error| cannot_open(path, error))
    }
}

/// Opens the disk inside a file.
fn open(path: &Path, from: Option<DiskFormat>) -> Result<Disk, Failure> {
    Source::open(path, from)?.disk(path)
}

fn cannot_open(path: &Path, error: OpenError) -> Failure {
    let code = match error {
        OpenError::Refused(_) | OpenError::Corrupt(_) => ExitCode::Corrupt,
        OpenError::Unsupported(_) | OpenError::Io(_) => ExitCode::Failed,
    };
    Failure { code, ..Failure::doing(&format!("cannot open {}", path.display()), error) }
}

fn missing_or_failed(doing: &str, error: std::io::Error) -> Failure {
    let code = if error.kind() == std::io::ErrorKind::NotFound { ExitCode::NotFound } else { ExitCode::Failed };
    Failure { code, ..Failure::doing(doing, error) }
}

/// Reading a disk went wrong: its records contradict themselves, or the file cannot be read.
fn cannot_read(path: &Path, error: std::io::Error) -> Failure {
    let damaged = matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof);
    let code = if damaged { ExitCode::Corrupt } else { ExitCode::Failed };
    Failure { code, ..Failure::doing(&format!("cannot read {}", path.display()), error) }
}

/// Threads to read and compress on, unless told otherwise.
fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}
