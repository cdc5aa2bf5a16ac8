//! `imprint disk info`.

use std::os::unix::fs::MetadataExt;

use imprint_disk::{Format as DiskFormat, Snapshot};
use serde::Serialize;

use super::{Source, SourceArgs};
use crate::cli::table::{self, Format};
use crate::failure::Failure;

/// The unit of a file's block count, whatever its file system uses.
const STAT_BLOCK_BYTES: u64 = 512;

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    format: &'static str,
    variant: Option<&'static str>,
    virtual_size_bytes: u64,
    file_size_bytes: u64,
    allocated_bytes: Option<u64>,
    unit_bytes: Option<u64>,
    compression: Option<&'static str>,
    snapshots: Vec<State>,
    warnings: Vec<String>,
}

/// A state of the disk kept inside the file.
#[derive(Debug, Serialize)]
struct State {
    id: String,
    name: String,
    taken_secs: u64,
    virtual_size_bytes: u64,
    machine_state_bytes: u64,
}

impl From<Snapshot> for State {
    fn from(snapshot: Snapshot) -> State {
        let Snapshot { id, name, taken_secs, virtual_size_bytes, machine_state_bytes } = snapshot;
        State { id, name, taken_secs, virtual_size_bytes, machine_state_bytes }
    }
}

pub(super) fn run(output: Format, args: &SourceArgs) -> Result<(), Failure> {
    let source = Source::open(&args.file, args.from)?;
    let info = source.disk(&args.file)?.info;
    let blocks = std::fs::metadata(&args.file).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.blocks());
    let report = Report {
        file: args.file.display().to_string(),
        // what a partition table makes of it is another question
        format: if info.format == DiskFormat::Gpt { DiskFormat::Raw.name() } else { info.format.name() },
        variant: Some(info.variant).filter(|variant| !variant.is_empty()),
        virtual_size_bytes: info.virtual_size_bytes,
        file_size_bytes: source.file.size_bytes(),
        allocated_bytes: blocks.map(|blocks| blocks * STAT_BLOCK_BYTES),
        unit_bytes: info.unit_bytes,
        compression: info.compression,
        snapshots: info.snapshots.into_iter().map(State::from).collect(),
        warnings: info.warnings.iter().map(ToString::to_string).collect(),
    };
    table::one(output, &report)
}
