//! The `sluice` binary: reads the command line and hands over to one file per command.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tokens::install_crypto_provider();
    cli::run(cli::Cli::parse())
}
