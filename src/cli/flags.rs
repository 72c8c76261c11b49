//! `sluice flags`: shows and operates flags through the admin API.

mod explain;
mod incidents;
mod kill;
mod list;
mod rollout;
mod show;
mod sign_off;
mod stale;
mod state;
mod tiers;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::exit::Exit;
use super::session::{ConnectionOptions, Session};

/// Shows and operates flags: lifecycle, kill switch, tier defaults, rollouts, sign-offs, incidents.
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
    Show(show::Arguments),
    Explain(explain::Arguments),
    Promote(state::PromoteArguments),
    Revert(state::RevertArguments),
    Kill(kill::KillArguments),
    Restore(kill::RestoreArguments),
    Kills(kill::KillsArguments),
    Tiers(tiers::Arguments),
    Rollout(rollout::Arguments),
    SignOff(sign_off::Arguments),
    Incidents(incidents::Arguments),
    Stale(stale::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let connection = &arguments.connection;
    let open = || Session::open(connection);
    match &arguments.command {
        Command::List(arguments) => list::run(&open()?, arguments),
        Command::Show(arguments) => show::run(&open()?, arguments),
        Command::Explain(arguments) => explain::run(&open()?, arguments),
        Command::Promote(arguments) => state::promote(&open()?, arguments),
        Command::Revert(arguments) => state::revert(&open()?, arguments),
        Command::Kill(arguments) => kill::kill(connection, arguments),
        Command::Restore(arguments) => kill::restore(connection, arguments),
        Command::Kills(arguments) => kill::kills(connection, arguments),
        Command::Tiers(arguments) => tiers::run(&open()?, arguments),
        Command::Rollout(arguments) => rollout::run(&open()?, arguments),
        Command::SignOff(arguments) => sign_off::run(&open()?, arguments),
        Command::Incidents(arguments) => incidents::run(&open()?, arguments),
        Command::Stale(arguments) => stale::run(&open()?, arguments),
    }
}
