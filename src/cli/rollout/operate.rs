//! `sluice rollout pause`, `resume`, `cancel` and `rollback`: operations without conditions of a stage.

use anyhow::Result;
use clap::{Args, ValueEnum};
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::session::Session;

/// The plan of a flag.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Rolls a plan back, as it says or in another way.
#[derive(Debug, Args)]
pub(super) struct RollbackArguments {
    /// The flag's key.
    flag: String,
    /// The effect, if it is another one than that of the plan: `kill` turns the flag off for everyone, `exposure` sets
    /// the percentages to 0, `previous` goes back to the stage before.
    #[arg(long, value_enum)]
    to: Option<RollbackArgument>,
    #[command(flatten)]
    options: ChangeOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RollbackArgument {
    Kill,
    Exposure,
    Previous,
}

/// An operation whose only argument is the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Pause,
    Resume,
    Cancel,
}

pub(super) fn run(session: &Session, arguments: &Arguments, operation: Operation) -> Result<Exit> {
    let flag = &arguments.flag;
    let (part, done) = match operation {
        Operation::Pause => ("/rollout/pause", "the plan is paused; its stages stay in force"),
        Operation::Resume => ("/rollout/resume", "the plan continues in the same stage"),
        Operation::Cancel => (
            "/rollout/cancel",
            "the plan is cancelled; the flag is decided as without one",
        ),
    };
    let body = ChangeBody::Fields(Map::new());
    // Idempotent: a second one changes nothing.
    let change = ChangeRequest::of_flag(Method::POST, flag, part, body).idempotent();
    let done = |_: &Value| format!("{flag}: {done}");
    change::apply(session, &arguments.options, change, UnchangedTenants::All, done)
}

pub(super) fn roll_back(session: &Session, arguments: &RollbackArguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let body = match arguments.to {
        None => ChangeBody::Fields(Map::new()),
        Some(RollbackArgument::Kill) => ChangeBody::field("to", "kill"),
        Some(RollbackArgument::Exposure) => ChangeBody::field("to", "exposure"),
        Some(RollbackArgument::Previous) => ChangeBody::field("to", "previous"),
    };
    let change = ChangeRequest::of_flag(Method::POST, flag, "/rollout/rollback", body);
    let done = |_: &Value| format!("{flag}: the plan is rolled back");
    change::apply(session, &arguments.options, change, UnchangedTenants::All, done)
}
