//! `sluice audit`: lists and exports the audit log, and proves that it is complete.

mod export;
pub(super) mod exported_entry;
mod filter;
mod line_splitter;
mod list;
mod verify;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::exit::Exit;
use super::session::{ConnectionOptions, Session};

/// Lists and exports the audit log, and proves that no entry is missing or altered.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Verify(verify::Arguments),
    Export(export::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let connection = &arguments.connection;
    match &arguments.command {
        Command::List(arguments) => list::run(&Session::open(connection)?, arguments),
        Command::Verify(arguments) => verify::run(connection, arguments),
        Command::Export(arguments) => export::run(&Session::open(connection)?, arguments),
    }
}
