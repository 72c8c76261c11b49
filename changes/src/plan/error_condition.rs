//! The condition on the errors of a flag's requests: for promotions, and for changes that give more tenants the flag.

use rules::Timestamp;

use super::facts::Facts;
use crate::flag::ManagedFlag;
use crate::policy::ErrorLimit;
use crate::refusal::{Code, Refusal};
use crate::timestamp;

/// Returns the reasons for which the errors of a flag's requests exceed the limit, or are not known to be within it.
pub(super) fn unmet(
    (key, flag): (&str, &ManagedFlag),
    limit: ErrorLimit,
    facts: &dyn Facts,
    at: Timestamp,
) -> Vec<Refusal> {
    let Some(allowed) = limit.allowed else {
        return Vec::new();
    };
    let window = timestamp::duration(limit.window_ms);
    let found = facts.errors_within(key, limit.window_ms);
    let errors = (found > allowed).then(|| {
        let requests = if found == 1 { "request" } else { "requests" };
        let detail = format!(
            "{found} {requests} that it let through met errors in the last {window}, {allowed} are allowed"
        );
        Refusal::new(Code::FlagErrors, detail)
            .help(format!("find the cause of the errors; they count for {window}"))
            .fact("found", found)
            .fact("allowed", allowed)
    });
    let gap = not_observed(flag, limit.window_ms, facts.observed_since(), at);
    errors.into_iter().chain(gap).collect()
}

/// Returns a refusal if the observation began within the window, and not before the flag was created.
fn not_observed(
    flag: &ManagedFlag,
    window_ms: i64,
    since: Option<Timestamp>,
    at: Timestamp,
) -> Option<Refusal> {
    let since = since?;
    let until = Timestamp(since.0.saturating_add(window_ms));
    (until > at && since > flag.state.created).then(|| {
        let detail = format!(
            "its requests are observed only since {}, {} needed; possible from {}",
            timestamp::minute(since),
            timestamp::duration(window_ms),
            timestamp::minute_rounded_up(until)
        );
        Refusal::new(Code::NotObserved, detail)
            .help("wait until then; errors before that time are not known, because the file of observations was missing")
            .fact("since", timestamp::text(since))
            .fact("until", timestamp::text(until))
    })
}
