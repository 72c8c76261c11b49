//! `sluice report`: reports about the traffic of a server.

mod coverage;
mod shadow;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::exit::Exit;
use super::session::{ConnectionOptions, Session};

/// Reports on the traffic of a server: gates in shadow mode, and the coverage of gates and flags.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    report: Report,
}

#[derive(Debug, Subcommand)]
enum Report {
    /// Reports the requests that gates in shadow mode would have refused: by cause and by tenant.
    Shadow(Connected),
    /// Reports routes without a gate, unmatched requests, and gates and flags that no request was decided by.
    Coverage(Connected),
}

#[derive(Debug, Args)]
struct Connected {
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    match &arguments.report {
        Report::Shadow(connected) => shadow::run(&Session::open(&connected.connection)?),
        Report::Coverage(connected) => coverage::run(&Session::open(&connected.connection)?),
    }
}

/// Returns a table with its title, or a line that says that there is nothing.
fn section(title: &str, table: &str) -> String {
    format!("{title}\n{}\n", table.trim_end())
}
