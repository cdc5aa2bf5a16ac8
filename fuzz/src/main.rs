//! Fuzzes what reads hostile bytes: `IMPRINT_FUZZ_TARGET=name imprint-fuzz [libFuzzer's options] [corpus folders]`.
//!
//! One program holds every target, so that instrumenting and linking is paid once.

#![no_main]

mod base;
mod edits;
mod exercise;
mod targets;

use std::sync::OnceLock;

use targets::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: choose(), |input: &[u8]| {
    TARGET.get().expect("chosen at the start").run(input);
});

fn choose() {
    let name = std::env::var("IMPRINT_FUZZ_TARGET").unwrap_or_default();
    match Target::named(&name) {
        Some(target) => drop(TARGET.set(target)),
        None => {
            let names: Vec<&str> = targets::ALL.iter().map(|(name, _)| *name).collect();
            eprintln!("IMPRINT_FUZZ_TARGET must be one of: {}", names.join(" "));
            std::process::exit(2);
        }
    }
}
