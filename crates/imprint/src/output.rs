//! The one place that prints.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::io::{ErrorKind, Write};

/// A line of a command's result. A reader that has gone away (`… | head`) wants no more: that is no failure.
pub(crate) fn line(text: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        let code = if error.kind() == ErrorKind::BrokenPipe { 0 } else { 1 };
        std::process::exit(code);
    }
}

/// A word to the person at the terminal that is not a result.
pub(crate) fn notice(text: &str) {
    eprintln!("{text}");
}
