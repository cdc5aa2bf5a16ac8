//! The imprint program: configuration, wiring and the command line.
fn main() {}
