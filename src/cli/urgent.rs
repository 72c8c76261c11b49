//! The options of changes that skip the conditions of a promotion, and the hint that names them.

use clap::Args;

use super::rejection::ServerRejection;

/// Codes of conditions that an urgent change skips.
const SKIPPABLE_CODES: [&str; 11] = [
    "SOAK_NOT_ELAPSED",
    "EXIT_CRITERIA",
    "SIGN_OFF_MISSING",
    "NOT_STABLE",
    "FLAG_ERRORS",
    "NOT_OBSERVED",
    "NO_REVERT_PATH",
    "INCIDENT_OPEN",
    "ROLLBACK_OPEN",
    "NOT_REVERTIBLE",
    "STATE_SKIPPED",
];

/// Options that skip conditions. They are recorded in the audit log, with `--reason`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Urgent")]
pub(super) struct UrgentOptions {
    /// The person who decided to skip the conditions.
    #[arg(long, value_name = "NAME", requires_all = ["incident", "reason"])]
    pub(super) decision_maker: Option<String>,
    /// The incident that requires it.
    #[arg(long, value_name = "ID", requires = "decision_maker")]
    pub(super) incident: Option<String>,
}

/// Adds the urgent form of the command, if it would skip a reason of the rejection. An active rollout plan is no such reason,
/// and its help comes first.
pub(super) fn with_urgent_hint(error: anyhow::Error, change: &str, command: &str) -> anyhow::Error {
    match error.downcast::<ServerRejection>() {
        Ok(refused)
            if SKIPPABLE_CODES.iter().any(|code| refused.has(code))
                && !refused.has("ROLE_MISSING")
                && !refused.has("ROLLOUT_RUNNING") =>
        {
            let hint = format!(
                "{change} (needs the role platform-admin):  {command} --decision-maker NAME --incident ID --reason \"...\""
            );
            refused.hint(hint).into()
        }
        Ok(refused) => refused.into(),
        Err(error) => error,
    }
}
