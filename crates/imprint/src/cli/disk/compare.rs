//! `imprint disk compare`: the bytes that guests would see, whatever the files look like.

use std::io;
use std::path::PathBuf;

use clap::Args;
use imprint_disk::{Format as DiskFormat, ReadAt, RunKind};
use serde::Serialize;

use super::source_format;
use crate::cli::table::{self, Format};
use crate::failure::{ExitCode, Failure};

/// Compared at a time.
const PIECE_BYTES: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// One file
    first: PathBuf,
    /// The other
    second: PathBuf,
    /// Take the first file for this format instead of what it looks like
    #[arg(long, value_name = "FORMAT", value_parser = source_format)]
    first_from: Option<DiskFormat>,
    /// Take the second file for this format instead of what it looks like
    #[arg(long, value_name = "FORMAT", value_parser = source_format)]
    second_from: Option<DiskFormat>,
    /// Sizes must be equal, too; a longer disk may end in zeros otherwise
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    equal: bool,
    first_size_bytes: u64,
    second_size_bytes: u64,
    /// Where the first byte stands that is not the same.
    differs_at_bytes: Option<u64>,
}

pub(super) fn run(output: Format, args: &CompareArgs) -> Result<(), Failure> {
    let first = super::open(&args.first, args.first_from)?.guest;
    let second = super::open(&args.second, args.second_from)?.guest;
    let (a, b) = (Side { disk: &*first }, Side { disk: &*second });
    let differs_at_bytes = difference(&a, &b).map_err(|Trouble { of_first, error }| {
        super::cannot_read(if of_first { &args.first } else { &args.second }, error)
    })?;
    let sizes_matter = args.strict && first.size_bytes() != second.size_bytes();
    let report = Report {
        equal: differs_at_bytes.is_none() && !sizes_matter,
        first_size_bytes: first.size_bytes(),
        second_size_bytes: second.size_bytes(),
        differs_at_bytes,
    };
    table::one(output, &report)?;
    if report.equal { Ok(()) } else { Err(Failure::new(ExitCode::Corrupt, "the disks differ")) }
}

struct Trouble {
    of_first: bool,
    error: io::Error,
}

/// Where two disks first differ. Behind its end a disk is zeros.
fn difference(a: &Side<'_>, b: &Side<'_>) -> Result<Option<u64>, Trouble> {
    let of_first = |error| Trouble { of_first: true, error };
    let of_second = |error| Trouble { of_first: false, error };
    let end = a.disk.size_bytes().max(b.disk.size_bytes());
    let (mut in_a, mut in_b) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < end {
        let (run_a, run_b) = (a.run_at(at).map_err(of_first)?, b.run_at(at).map_err(of_second)?);
        let len = run_a.0.min(run_b.0).min(end - at);
        if run_a.1 && run_b.1 {
            at += len;
            continue;
        }
        let len = len.min(PIECE_BYTES);
        a.read(at, len, run_a.1, &mut in_a).map_err(of_first)?;
        b.read(at, len, run_b.1, &mut in_b).map_err(of_second)?;
        if in_a != in_b {
            let equal = in_a.iter().zip(&in_b).take_while(|(a, b)| a == b).count();
            return Ok(Some(at + equal as u64));
        }
        at += len;
    }
    Ok(None)
}

struct Side<'a> {
    disk: &'a dyn ReadAt,
}

impl Side<'_> {
    /// How many bytes from `at` on are of one kind, and whether that is zeros.
    fn run_at(&self, at: u64) -> io::Result<(u64, bool)> {
        if at >= self.disk.size_bytes() {
            return Ok((u64::MAX, true));
        }
        self.disk.run_at(at).map(|run| (run.len, run.kind != RunKind::Data))
    }

    fn read(&self, at: u64, len: u64, zeros: bool, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        into.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        if zeros { Ok(()) } else { self.disk.read_at(at, into) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs_at(a: &[u8], b: &[u8]) -> Option<u64> {
        let (a, b) = (a.to_vec(), b.to_vec());
        difference(&Side { disk: &a }, &Side { disk: &b }).ok().expect("memory can be read")
    }

    #[test]
    fn a_longer_disk_may_end_in_zeros() {
        assert_eq!(differs_at(&[], &[]), None);
        assert_eq!(differs_at(&[1, 2, 0, 0], &[1, 2]), None);
        assert_eq!(differs_at(&[1, 2], &[1, 2, 0, 3]), Some(3));
        assert_eq!(differs_at(&[1, 9, 5], &[1, 2, 5]), Some(1));
        let mut large = vec![0; 3 << 20];
        large[(2 << 20) + 7] = 1;
        assert_eq!(differs_at(&large, &[]), Some((2 << 20) + 7));
    }
}
