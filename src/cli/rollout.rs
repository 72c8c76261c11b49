//! `sluice rollout`: shows, prepares and operates rollout plans through the admin API.

mod advance;
mod document;
mod evidence;
mod list;
mod measured_value;
mod operate;
mod plan;
mod prepare;
mod report;
mod show;
mod stage;
mod tick;
mod wait;
mod watch;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::operate::Operation;
use super::exit::Exit;
use super::session::{ConnectionOptions, Session};

/// Shows, prepares and operates rollout plans: stages that a flag goes through from a few subjects to everyone.
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
    Watch(watch::Arguments),
    Evidence(evidence::Arguments),
    Document(document::Arguments),
    Plan(plan::Arguments),
    Approve(prepare::ApproveArguments),
    Check(prepare::CheckArguments),
    Start(advance::StartArguments),
    /// Pauses a plan. Its stages stay in force.
    Pause(operate::Arguments),
    /// Continues a paused plan in the same stage.
    Resume(operate::Arguments),
    Advance(advance::AdvanceArguments),
    Rollback(operate::RollbackArguments),
    /// Ends a plan. The flag is decided as without one.
    Cancel(operate::Arguments),
    Tick(tick::Arguments),
    Report(report::ReportArguments),
    Reports(report::ReportsArguments),
    CloseReport(report::CloseArguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let connection = &arguments.connection;
    let open = || Session::open(connection);
    match &arguments.command {
        Command::List(arguments) => list::run(&open()?, arguments),
        Command::Show(arguments) => show::run(&open()?, arguments),
        Command::Watch(arguments) => watch::run(connection, arguments),
        Command::Evidence(arguments) => evidence::run(&open()?, arguments),
        Command::Document(arguments) => document::run(&open()?, arguments),
        Command::Plan(arguments) => plan::run(connection, arguments),
        Command::Approve(arguments) => prepare::approve(&open()?, arguments),
        Command::Check(arguments) => prepare::check(&open()?, arguments),
        Command::Start(arguments) => advance::start(&open()?, arguments),
        Command::Pause(arguments) => operate::run(&open()?, arguments, Operation::Pause),
        Command::Resume(arguments) => operate::run(&open()?, arguments, Operation::Resume),
        Command::Advance(arguments) => advance::advance(&open()?, arguments),
        Command::Rollback(arguments) => operate::roll_back(&open()?, arguments),
        Command::Cancel(arguments) => operate::run(&open()?, arguments, Operation::Cancel),
        Command::Tick(arguments) => tick::run(&open()?, arguments),
        Command::Report(arguments) => report::report(&open()?, arguments),
        Command::Reports(arguments) => report::list(&open()?, arguments),
        Command::CloseReport(arguments) => report::close(&open()?, arguments),
    }
}
