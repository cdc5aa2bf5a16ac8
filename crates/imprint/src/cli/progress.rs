//! A bar with rate and time left, on a terminal alone.

use indicatif::{ProgressBar, ProgressStyle};

const KNOWN: &str = "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {eta} left";
const UNKNOWN: &str = "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec}";

/// A bar of so many bytes; without a number it says how many it has been so far.
pub(super) fn bytes(what: &str, total_bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match total_bytes {
        Some(total) => (ProgressBar::new(total), KNOWN),
        None => (ProgressBar::new_spinner(), UNKNOWN),
    };
    let style = ProgressStyle::with_template(template).expect("a template that is part of the program");
    bar.set_style(style);
    bar.set_message(what.to_owned());
    bar
}
