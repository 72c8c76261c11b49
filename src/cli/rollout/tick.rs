//! `sluice rollout tick`: makes the controller look at the checks now, and take the step that is due.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::stage;
use crate::cli::change::with_query;
use crate::cli::client::{ClientRequest, Retry};
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::rejection::Intent;
use crate::cli::render::{json, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// The largest number of pages of plans.
const MAX_PAGES: usize = 1_000;

/// Looks at the checks of a plan now, and takes the step that is due.
///
/// The controller does so every 10 seconds by itself. A tick skips no condition, and a second one changes nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    #[arg(required_unless_present = "all")]
    flag: Option<String>,
    /// All running plans.
    #[arg(long, conflicts_with = "flag")]
    all: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let flags = match &arguments.flag {
        Some(flag) => vec![flag.clone()],
        None => running_flags(session)?,
    };
    if flags.is_empty() {
        output::print_stderr("no plan is running");
    }
    let mut is_rejected = false;
    for flag in flags {
        is_rejected |= tick(session, &flag)?;
    }
    Ok(Exit::success_if(!is_rejected))
}

/// Ticks a plan. Returns true if a step is due and was rejected.
fn tick(session: &Session, flag: &str) -> Result<bool> {
    let mut request = ClientRequest::new(Method::POST, route::flag(flag, "/rollout/tick")).about_flag(flag);
    request.retry = Retry::Once;
    let answer = session.send(&request, Intent::Read(RequiredMembers::Texts(&["result"])))?;
    session.print_response(&answer, |body| render(flag, body))?;
    Ok(json::text(&answer.json()?, "result") == Some("rejected"))
}

/// Returns the flags with a running plan.
fn running_flags(session: &Session) -> Result<Vec<String>> {
    let (mut flags, mut after) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let mut parameters = vec![("limit", "1000")];
        parameters.extend(after.as_deref().map(|after| ("after", after)));
        let path = with_query(route::ROLLOUTS, &parameters);
        let body = session.read(path, RequiredMembers::List("rollouts"))?.json()?;
        let plans = json::list(&body, "rollouts").iter();
        let running = plans.filter(|plan| json::text(plan, "state") == Some("running"));
        flags.extend(running.filter_map(|plan| json::text(plan, "flag").map(str::to_owned)));
        after = json::text(&body, "next").map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    Ok(flags)
}

/// Renders the result of a tick.
fn render(flag: &str, body: &Value) -> String {
    let rollout = body.get("rollout").unwrap_or(&Value::Null);
    let revision = json::number(body, "revision").unwrap_or_default();
    match json::text(body, "result").unwrap_or_default() {
        "stepped" => {
            let present = rollout.get("stage");
            let stage = present.map_or(String::new(), |present| {
                format!(", stage {}", stage::position(rollout, present))
            });
            let state = stage::state_words(rollout);
            format!(
                "{flag}: {}   revision {revision}",
                printable(&format!("{state}{stage}"))
            )
        }
        "rejected" => {
            let refusals = json::list(body, "refusals").iter().map(|refusal| {
                let text = |field| json::text(refusal, field).unwrap_or_default();
                format!("\n  {}   {}", printable(text("code")), printable(text("detail")))
            });
            let refusals: String = refusals.collect();
            format!("{flag}: a step is due and was rejected:{refusals}")
        }
        _ => {
            let waits = json::list(rollout, "waits").iter();
            let waits: Vec<String> = waits
                .filter_map(|wait| json::text(wait, "detail"))
                .map(printable)
                .collect();
            let why = if waits.is_empty() {
                format!("the plan is {}", printable(&stage::state_words(rollout)))
            } else {
                waits.join("; ")
            };
            format!("{flag}: no step is due: {why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tick_says_the_step_or_the_reason() {
        let stage = json!({ "name": "half", "number": 2 });
        for (body, shown) in [
            (
                json!({ "result": "stepped", "revision": 7, "rollout": { "state": "running", "stages": 3, "stage": stage } }),
                "board: running, stage half (2 of 3)   revision 7",
            ),
            (
                json!({ "result": "no_step", "rollout": { "state": "running", "waits": [{ "detail": "a" }, { "detail": "b" }] } }),
                "board: no step is due: a; b",
            ),
            (
                json!({ "result": "no_step", "rollout": { "state": "completed", "waits": [] } }),
                "board: no step is due: the plan is completed",
            ),
            (
                json!({ "result": "rejected", "refusals": [{ "code": "SOAK_NOT_ELAPSED", "detail": "too early" }] }),
                "board: a step is due and was rejected:\n  SOAK_NOT_ELAPSED   too early",
            ),
        ] {
            assert_eq!(render("board", &body), shown);
        }
    }
}
