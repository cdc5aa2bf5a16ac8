//! `docs/cli.md`, written from the commands' own definitions, and the test that it is up to date.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
const PREFACE: &str = include_str!("reference.md");

fn page() -> String {
    let mut root = crate::Cli::command().term_width(110).color(clap::ColorChoice::Never);
    root.build();
    let mut out = PREFACE.to_owned();
    write_command(&mut out, &mut root, "imprint");
    out
}

fn write_command(out: &mut String, command: &mut Command, name: &str) {
    // said once, with the root
    let hide = |arg: Arg| if arg.is_global_set() && name != "imprint" { arg.hide(true) } else { arg };
    let help = tidy(&command.clone().mut_args(hide).render_help().to_string());
    write!(out, "\n## {name}\n\n```text\n{help}```\n").expect("a String takes everything");
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for child in names.iter().filter(|child| *child != "help") {
        if let Some(command) = command.find_subcommand_mut(child) {
            write_command(out, command, &format!("{name} {child}"));
        }
    }
}

/// Without spaces at the ends of lines, and with one line feed at the end.
fn tidy(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n"))
}

#[test]
fn the_reference_is_what_the_commands_say() {
    let (page, path) = (page(), Path::new(PAGE));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("docs/cli.md can be written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/cli.md is out of date: UPDATE_DOCS=1 cargo test -p imprint reference");
}

#[test]
fn the_commands_are_consistent() {
    crate::Cli::command().debug_assert();
}
