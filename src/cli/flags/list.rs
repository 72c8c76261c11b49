//! `sluice flags list`: all flags, with their state and number of tenants.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::pages::{self, PageOptions};
use crate::cli::render::moment::moment;
use crate::cli::render::{json, local_kill};
use crate::cli::route;
use crate::cli::session::Session;

/// Lists flags: state, number of tenants that have it on and that opted in, last change.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    page: PageOptions,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let headings = ["flag", "kind", "state", "on for", "opted in", "changed", ""];
    pages::print_list(
        session,
        (route::FLAGS, &[]),
        &arguments.page,
        "flags",
        (headings, row),
        "there are no flags: import some with `sluice apply -f flags.yaml`",
    )?;
    Ok(Exit::Success)
}

fn row(flag: &Value) -> [String; 7] {
    let text = |field| json::text(flag, field).unwrap_or_default().to_owned();
    let count = |field| json::number(flag, field).map_or(String::new(), |count| count.to_string());
    let mut marks = Vec::new();
    if flag.get("enabled").and_then(Value::as_bool) == Some(false) {
        marks.push("killed");
    }
    if local_kill(flag).is_some() {
        marks.push("killed here");
    }
    if !json::list(flag, "stale").is_empty() || json::is(flag, "stale") {
        marks.push("stale");
    }
    [
        text("key"),
        text("kind"),
        text("lifecycle"),
        count("tenants_on"),
        count("tenants_opted_in"),
        moment(&text("changed")),
        marks.join(", "),
    ]
}
