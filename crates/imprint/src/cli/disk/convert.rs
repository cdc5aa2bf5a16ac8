//! `imprint disk convert`: what becomes a hole in the new file is never read, and the new file appears under its name
//! once it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use imprint_disk::{Compression, Export, Format as DiskFormat, Target};
use indicatif::ProgressBar;
use serde::Serialize;

use super::holes::{Looking, is_zeros};
use super::source_format;
use crate::cli::progress;
use crate::cli::table::{self, Format};
use crate::failure::{ExitCode, Failure};

/// What stands for standard output.
const STDOUT: &str = "-";
/// A hole is left for so many zeros or more, at a multiple of it: what file systems allot at a time.
const HOLE_BYTES: usize = 64 * 1024;

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The file to read
    source: PathBuf,
    /// The file to write, or - for standard output
    target: PathBuf,
    /// What to write; by the target's name when absent
    #[arg(long, value_name = "FORMAT", value_parser = target_format)]
    format: Option<Target>,
    /// Compress: qcow2 with deflate, which every reader understands; --format qcow2-zstd is smaller
    #[arg(short, long)]
    compress: bool,
    /// Take the source for this format instead of what it looks like
    #[arg(long, value_name = "FORMAT", value_parser = source_format)]
    from: Option<DiskFormat>,
    /// Replace the target when it is there
    #[arg(long)]
    force: bool,
    /// Threads to read and compress on; as many as there are processors when absent
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Report {
    source: String,
    source_format: &'static str,
    target: String,
    target_format: &'static str,
    virtual_size_bytes: u64,
    file_size_bytes: u64,
}

fn target_format(name: &str) -> Result<Target, String> {
    let known = || Target::ALL.map(Target::name).join(", ");
    Target::from_name(name).ok_or_else(|| format!("one of {}", known()))
}

pub(super) fn run(output: Format, args: &ConvertArgs) -> Result<(), Failure> {
    let target = target(args)?;
    let disk = super::open(&args.source, args.from)?;
    let impossible = |error| Failure::doing(&format!("cannot write {}", args.target.display()), error);
    let guest = if finds_zeros_itself(target) { disk.guest } else { Arc::new(Looking(disk.guest)) };
    let export = Export::new(guest, target, None).map_err(impossible)?;
    let threads = super::threads(args.threads.map(usize::from));
    if args.target == Path::new(STDOUT) {
        let mut stdout = io::stdout().lock();
        let written = export.write(threads, &mut |bytes| stdout.write_all(bytes)).and_then(|_| stdout.flush());
        return written.map_err(|error| failed(args, error));
    }
    let file_size_bytes = to_file(args, &export, threads)?;
    let report = Report {
        source: args.source.display().to_string(),
        source_format: disk.info.format.name(),
        target: args.target.display().to_string(),
        target_format: target.name(),
        virtual_size_bytes: disk.info.virtual_size_bytes,
        file_size_bytes,
    };
    table::one(output, &report)
}

/// Whether zeros that a disk holds as data take no room anyway: the writer of the file skips them, or a codec does.
fn finds_zeros_itself(target: Target) -> bool {
    target.is_compressed() || matches!(target, Target::Raw | Target::VhdFixed)
}

/// What was asked for, or what the name says.
fn target(args: &ConvertArgs) -> Result<Target, Failure> {
    let target = args.format.or_else(|| by_name(&args.target)).ok_or_else(|| {
        let known = Target::ALL.map(Target::name).join(", ");
        Failure::usage(format!("{} does not tell a format: give --format, one of {known}", args.target.display()))
    })?;
    match target {
        Target::Qcow2 { compression: Compression::None, .. } if args.compress => Ok(Target::qcow2(Compression::Zlib)),
        other if args.compress && !other.is_compressed() => {
            Err(Failure::usage(format!("{other} cannot be compressed; qcow2, raw.gz and raw.zst can")))
        }
        other => Ok(other),
    }
}

fn by_name(path: &Path) -> Option<Target> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "img" => Some(Target::Raw),
        "vpc" => Some(Target::VhdDynamic),
        "gz" => Some(Target::Gz),
        "zst" => Some(Target::Zst),
        name => Target::from_name(name),
    }
}

/// Writes beside the target, and moves the whole file to its place.
fn to_file(args: &ConvertArgs, export: &Export, threads: usize) -> Result<u64, Failure> {
    if fs::exists(&args.target).unwrap_or(true) && !args.force {
        let message = format!("{} is there already; --force replaces it", args.target.display());
        return Err(Failure::new(ExitCode::Failed, message));
    }
    let mut name = args.target.clone().into_os_string();
    name.push(".imprint-part");
    let part = PathBuf::from(name);
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&part);
    let file = file.map_err(|error| Failure::doing(&format!("cannot write {}", part.display()), error))?;
    let bar = progress::bytes("converting", export.size_bytes());
    let written = write(export, &file, threads, &bar);
    bar.finish_and_clear();
    let moved = written.and_then(|size| put_in_place(&file, &part, &args.target).map(|()| size));
    moved.map_err(|error| {
        // what cannot be removed is not worse than what happened
        let _ = fs::remove_file(&part);
        failed(args, error)
    })
}

/// Gives the written file its name. When another file had it, a power cut leaves that or this one: what replaces it is
/// on the disk first. A new file is left to the system to write, as every copy is: what it was made from is still there.
fn put_in_place(file: &File, part: &Path, target: &Path) -> io::Result<()> {
    let replaces = fs::exists(target)?;
    if replaces {
        file.sync_all()?;
    }
    fs::rename(part, target)?;
    if replaces {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn failed(args: &ConvertArgs, error: io::Error) -> Failure {
    let damaged = matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof);
    let code = if damaged { ExitCode::Corrupt } else { ExitCode::Failed };
    let doing = format!("cannot convert {} to {}", args.source.display(), args.target.display());
    Failure { code, ..Failure::doing(&doing, error) }
}

/// Writes everything but zeros; returns the file's length.
fn write(export: &Export, file: &File, threads: usize, bar: &ProgressBar) -> io::Result<u64> {
    if let Some(size) = export.size_bytes() {
        file.set_len(size)?;
    }
    let (size, _) = export.write_placed(threads, &|at, bytes| {
        write_sparsely(file, at, bytes)?;
        // threads work side by side, so that this is nearly how far it is
        bar.set_position(at + bytes.len() as u64);
        Ok(())
    })?;
    // zeros at the end were not written
    file.set_len(size)?;
    Ok(size)
}

/// Writes the pieces that are not all zeros; nothing else was written there, so the others read as zeros.
fn write_sparsely(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    let mut from = None;
    let mut place = 0;
    while place < bytes.len() {
        let to_boundary = HOLE_BYTES - usize::try_from((at + place as u64) % HOLE_BYTES as u64).expect("below 64 KiB");
        let end = bytes.len().min(place + to_boundary);
        if is_zeros(&bytes[place..end]) {
            if let Some(start) = from.take() {
                file.write_all_at(&bytes[start..place], at + start as u64)?;
            }
        } else {
            from.get_or_insert(place);
        }
        place = end;
    }
    match from {
        Some(start) => file.write_all_at(&bytes[start..], at + start as u64),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        for (name, target) in [
            ("a.qcow2", Some(Target::qcow2(Compression::None))),
            ("a.IMG", Some(Target::Raw)),
            ("a.raw", Some(Target::Raw)),
            ("a.raw.gz", Some(Target::Gz)),
            ("a.zst", Some(Target::Zst)),
            ("a.vhd", Some(Target::VhdDynamic)),
            ("a.vmdk", Some(Target::VmdkStream)),
            ("a", None),
            ("a.iso", None),
        ] {
            assert_eq!(by_name(Path::new(name)), target, "{name}");
        }
    }

    #[test]
    fn the_written_file_takes_the_place_of_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let (part, target) = (folder.path().join("part"), folder.path().join("target"));
        for text in ["first", "second"] {
            fs::write(&part, text).expect("writes");
            let file = OpenOptions::new().write(true).open(&part).expect("opens");
            put_in_place(&file, &part, &target).expect("moves");
            assert_eq!(fs::read_to_string(&target).expect("reads"), text);
            assert!(!part.exists());
        }
    }

    #[test]
    fn zeros_are_left_out_and_nothing_else() {
        let file = tempfile::tempfile().expect("a file");
        let mut bytes = vec![0; 5 * HOLE_BYTES];
        bytes[3] = 1;
        bytes[3 * HOLE_BYTES + 100] = 2;
        file.set_len(bytes.len() as u64 + 77).expect("grows");
        write_sparsely(&file, 77, &bytes).expect("writes");
        let mut read = vec![9; bytes.len()];
        file.read_exact_at(&mut read, 77).expect("reads");
        assert_eq!(read, bytes);
    }
}
