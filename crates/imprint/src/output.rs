//! The one place that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

/// A line of a command's result.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A word to the person at the terminal that is not a result.
pub(crate) fn notice(text: &str) {
    eprintln!("{text}");
}
