//! `sluice flags promote` and `revert`: changes the lifecycle state of a flag.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use hyper::Method;
use rules::Lifecycle;
use serde_json::{Map, Value, json};

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputFormat};
use crate::cli::rejection::ServerRejection;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::render::{json as fields, printable};
use crate::cli::session::Session;
use crate::cli::urgent::{UrgentOptions, with_urgent_hint};

/// Promotes a flag to its next state: alpha, beta, ga, retired.
///
/// The server rejects a promotion that does not meet the conditions (soak time, tenants, sign-offs and so on), with
/// every reason. A platform-admin can skip them with --decision-maker, --incident and --reason together; this is
/// recorded as an urgent promotion.
#[derive(Debug, Args)]
pub(super) struct PromoteArguments {
    /// The flag's key.
    flag: String,
    /// The new state.
    #[arg(value_enum)]
    to: LifecycleArgument,
    /// For ga: `on` for everyone who has not opted out, or `tiers` to decide by tiers, rollout and default.
    #[arg(long, value_enum)]
    default: Option<GaDefaultArgument>,
    #[command(flatten)]
    urgent: UrgentOptions,
    #[command(flatten)]
    options: ChangeOptions,
}

/// Reverts a flag to an earlier state, at once.
#[derive(Debug, Args)]
pub(super) struct RevertArguments {
    /// The flag's key.
    flag: String,
    /// The new state.
    #[arg(value_enum)]
    to: LifecycleArgument,
    /// Reverts the flags that require it, too.
    #[arg(long)]
    cascade: bool,
    /// The incident, as a text or link. The revert opens it.
    #[arg(long, value_name = "LINK")]
    incident: Option<String>,
    #[command(flatten)]
    options: ChangeOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LifecycleArgument {
    #[value(alias = "dev")]
    Alpha,
    Beta,
    Ga,
    Retired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GaDefaultArgument {
    On,
    Tiers,
}

/// The direction of a change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LifecycleDirection {
    Forward,
    Backward,
}

impl LifecycleArgument {
    fn lifecycle(self) -> Lifecycle {
        match self {
            Self::Alpha => Lifecycle::Alpha,
            Self::Beta => Lifecycle::Beta,
            Self::Ga => Lifecycle::Ga,
            Self::Retired => Lifecycle::Retired,
        }
    }
}

pub(super) fn promote(session: &Session, arguments: &PromoteArguments) -> Result<Exit> {
    let (flag, to) = (&arguments.flag, arguments.to.lifecycle());
    let from = check_direction(session, flag, to, LifecycleDirection::Forward)?;
    let mut body = Map::new();
    body.insert("state".to_owned(), to.as_str().into());
    match arguments.default {
        Some(GaDefaultArgument::Tiers) => drop(body.insert("default".to_owned(), "tiers".into())),
        Some(GaDefaultArgument::On) => drop(body.insert("default".to_owned(), "on".into())),
        None => {}
    }
    let options = &arguments.options;
    let mut sent = options.clone();
    let urgent = &arguments.urgent;
    if let (Some(decision_maker), Some(incident)) = (&urgent.decision_maker, &urgent.incident) {
        let reason = sent.reason.clone().unwrap_or_default();
        let urgent = json!({ "decision_maker": decision_maker, "incident": incident, "reason": reason });
        body.insert("override".to_owned(), urgent);
        // An urgent promotion has its reason in the override.
        sent.reason = None;
    }
    let change = change(flag, body);
    change::apply(session, &sent, change, UnchangedTenants::All, |body| {
        result_text(flag, from.as_deref(), to, body)
    })
    .map_err(|error| {
        let command = format!("sluice flags promote {flag} {to}");
        with_urgent_hint(error, "urgent promotion", &command)
    })
}

pub(super) fn revert(session: &Session, arguments: &RevertArguments) -> Result<Exit> {
    let (flag, to) = (&arguments.flag, arguments.to.lifecycle());
    let from = check_direction(session, flag, to, LifecycleDirection::Backward)?;
    let mut body = Map::new();
    body.insert("state".to_owned(), to.as_str().into());
    if arguments.cascade {
        body.insert("cascade".to_owned(), true.into());
    }
    if let Some(incident) = &arguments.incident {
        body.insert("incident".to_owned(), incident.as_str().into());
    }
    let change = change(flag, body).idempotent();
    let sent = change::apply(
        session,
        &arguments.options,
        change,
        UnchangedTenants::All,
        |body| result_text(flag, from.as_deref(), to, body),
    );
    sent.or_else(|error| match error.downcast::<ServerRejection>() {
        // The flag had another state a moment ago. Either the first of two requests was made and its answer was lost,
        // or somebody else made the same change.
        Ok(refused) if refused.has("STATE_UNCHANGED") && from.as_deref() != Some(to.as_str()) => {
            match refused.format {
                OutputFormat::Json => output::print_json(&refused.body)?,
                OutputFormat::Text => output::print_stderr(format_args!(
                    "{flag} is {to} now; the audit log shows who changed it"
                )),
            }
            Ok(Exit::Success)
        }
        Ok(refused) if refused.has("FLAG_DEPENDENCY") => Err(refused
            .hint("revert them first, or all of them at once with --cascade")
            .into()),
        Ok(refused) => Err(refused.into()),
        Err(error) => Err(error),
    })
}

/// Returns the current state of the flag.
///
/// # Errors
/// The new state is in the other direction: `promote` must not revert a flag, nor `revert` promote it.
fn check_direction(
    session: &Session,
    flag: &str,
    to: Lifecycle,
    way: LifecycleDirection,
) -> Result<Option<String>> {
    let answer = session.read_flag(flag)?;
    let body = answer.json()?;
    let from = fields::text(&body, "lifecycle").or_else(|| fields::text(&body, "state"));
    let known = from.and_then(|from| Lifecycle::ALL.into_iter().find(|known| known.as_str() == from));
    match (known, way) {
        (Some(from), LifecycleDirection::Forward) if to < from => {
            bail!("{flag} is {from}; to go back to {to} use `sluice flags revert {flag} {to}`")
        }
        (Some(from), LifecycleDirection::Backward) if to > from => {
            bail!("{flag} is {from}; to go on to {to} use `sluice flags promote {flag} {to}`")
        }
        _ => Ok(from.map(printable)),
    }
}

fn change(flag: &str, body: Map<String, Value>) -> ChangeRequest {
    ChangeRequest::of_flag(Method::POST, flag, "/state", ChangeBody::Fields(body))
}

fn result_text(flag: &str, from: Option<&str>, to: Lifecycle, body: &Value) -> String {
    let mut text = match from {
        Some(from) => format!("{flag}: {from} -> {to}"),
        None => format!("{flag} is {to}"),
    };
    let list = |name| {
        let words: Vec<String> = fields::list(body, name).iter().map(fields::word).collect();
        printable(&words.join(", "))
    };
    let also_reverted = list("also_reverted");
    let skipped_conditions = list("skipped_conditions");
    let tiers_still_off = list("tiers_still_off");
    if !also_reverted.is_empty() {
        text.push_str(&format!(", together with: {also_reverted}"));
    }
    if !skipped_conditions.is_empty() {
        text.push_str(&format!(", skipped: {skipped_conditions}"));
    }
    if !tiers_still_off.is_empty() {
        text.push_str(&format!(", still off by the tier default of: {tiers_still_off}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_effects_of_a_step_are_shown_behind_it() {
        for (body, expected) in [
            (json!({}), "board: beta -> ga"),
            (
                json!({ "also_reverted": ["a", "b"], "skipped_conditions": [] }),
                "board: beta -> ga, together with: a, b",
            ),
            (
                json!({ "skipped_conditions": ["NOT_STABLE"], "tiers_still_off": ["tier1", "tier2"] }),
                "board: beta -> ga, skipped: NOT_STABLE, still off by the tier default of: tier1, tier2",
            ),
        ] {
            assert_eq!(result_text("board", Some("beta"), Lifecycle::Ga, &body), expected);
        }
    }
}
