//! The `sluice` binary: reads the command line and hands over to one file per command.
fn main() {}
