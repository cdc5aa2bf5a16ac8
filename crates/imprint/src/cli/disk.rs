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
use imprint_disk::{Disk, Format as DiskFormat, OpenError, ReadAt, Refusal};

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
                // an unfinished log is replayed in memory
                if found.is_safe() || found.refusals == [Refusal::DirtyLog] {
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

#[cfg(test)]
mod tests {
    use imprint_disk::{Export, Target, Warning};

    use super::*;

    /// The sum as it is defined, bit by bit.
    fn crc32c(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
    }

    /// A VHDX with an entry in its log, which changes nothing.
    fn unclosed() -> Vec<u8> {
        let export = Export::new(Arc::new(vec![9; 1 << 20]), Target::Vhdx, None).expect("possible");
        let mut file = vec![0; usize::try_from(export.size_bytes().expect("known")).expect("small")];
        export.read_at(0, &mut file).expect("made");
        let (header, log, len) = (128 << 10, 1 << 20, file.len() as u64);
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(header + 48, &[7; 16]);
        put(log, b"loge");
        put(log + 8, &4096_u32.to_le_bytes());
        put(log + 16, &5_u64.to_le_bytes());
        put(log + 32, &[7; 16]);
        put(log + 48, &len.to_le_bytes());
        put(log + 56, &len.to_le_bytes());
        for at in [header, log] {
            file[at + 4..at + 8].fill(0);
            let sum = crc32c(&file[at..at + 4096]);
            file[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
        }
        file
    }

    #[test]
    fn a_log_that_was_not_replayed_is_replayed_and_nothing_else_unsafe_is_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("disk");
        let mut file = unclosed();
        std::fs::write(&path, &file).expect("writes");
        let disk = open(&path, None).expect("opens");
        assert_eq!((disk.info.format, disk.info.warnings), (DiskFormat::Vhdx, vec![Warning::Dirty]));
        let mut bytes = vec![0; 1 << 20];
        disk.guest.read_at(0, &mut bytes).expect("reads");
        assert!(bytes.iter().all(|&byte| byte == 9));
        // beside the log, one of the tables is damaged
        file[192 << 10] ^= 1;
        file[256 << 10] ^= 1;
        std::fs::write(&path, &file).expect("writes");
        assert_eq!(open(&path, None).expect_err("refused").code, ExitCode::Corrupt);
    }
}
