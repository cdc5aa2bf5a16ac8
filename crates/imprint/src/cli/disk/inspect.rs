//! `imprint disk inspect`: the image check of a file, without a service.

use imprint_inspect::{Limits, inspect};

use super::SourceArgs;
use crate::cli::table::{self, Format};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(output: Format, args: &SourceArgs) -> Result<(), Failure> {
    let disk = super::open(&args.file, args.from)?;
    let report = inspect(&disk.guest, Limits::default());
    if output != Format::Table {
        return table::one(output, &report);
    }
    output::line(report.to_text().trim_end());
    Ok(())
}
