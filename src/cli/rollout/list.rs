//! `sluice rollout list`: all rollout plans, with their state and what they wait for.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::stage;
use super::wait::short_waits;
use crate::cli::exit::Exit;
use crate::cli::pages::{self, PageOptions};
use crate::cli::render::json;
use crate::cli::route;
use crate::cli::session::Session;

/// Lists rollout plans: state, stage, time left, and what they wait for.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    page: PageOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let headings = ["flag", "state", "stage", "percentage", "left", "waits for"];
    pages::print_list(
        session,
        (route::ROLLOUTS, &[]),
        &arguments.page,
        "rollouts",
        (headings, row),
        "no flag has a rollout plan: set one with `sluice rollout plan FLAG -f plan.yaml`",
    )?;
    Ok(Exit::Success)
}

fn row(rollout: &Value) -> [String; 6] {
    let present = rollout.get("stage");
    let is_ended = json::list(rollout, "waits").is_empty() && json::text(rollout, "state") != Some("running");
    [
        json::text(rollout, "flag").unwrap_or_default().to_owned(),
        stage::state_words(rollout),
        present
            .map(|stage| stage::position(rollout, stage))
            .unwrap_or_default(),
        present.map(stage::percentage).unwrap_or_default(),
        present
            .filter(|_| !is_ended)
            .map(stage::time_left)
            .unwrap_or_default(),
        short_waits(rollout),
    ]
}
