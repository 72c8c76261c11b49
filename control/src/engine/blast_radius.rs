//! The limit on the number of tenants that a change may affect without `force`.
use changes::{Change, Code, LifecyclePolicy, Plan, Refusal, Request};

/// Returns the number of tenants that the change may affect without `force`; none for any number. Changes of one org,
/// changes that only turn features off, and the steps of an approved plan have no limit.
pub(super) fn limit(policy: &LifecyclePolicy, plan: &Plan, request: &Request) -> Option<usize> {
    let is_step = matches!(request.change, Change::TakeStep { .. });
    let is_limited = !plan.withdraws && !is_step && request.change.org().is_none();
    policy.max_blast_radius.filter(|_| is_limited)
}

/// Returns the refusal of a change that exceeds the limit.
pub(super) fn refusal(limit: usize) -> Refusal {
    let detail = format!("more than {limit} tenants would be served another variant");
    Refusal::new(Code::BlastRadius, detail)
        .help("check the dry run, then repeat with `force`")
        .fact("limit", limit)
}
