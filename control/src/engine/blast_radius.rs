//! How far a change may reach without being forced.
use changes::{Code, Plan, Policy, Refusal, Request};

/// How many tenants the change may serve something else without being forced; none: any number. What takes a feature
/// away is never held up.
pub(super) fn limit(policy: &Policy, plan: &Plan, request: &Request) -> Option<usize> {
    let is_limited = !plan.withdraws && request.change.org().is_none();
    policy.max_blast_radius.filter(|_| is_limited)
}

/// That it is not forced.
pub(super) fn refusal(limit: usize) -> Refusal {
    let detail = format!("more than {limit} tenants would be served something else");
    Refusal::new(Code::BlastRadius, detail)
        .cure("look at the dry run, then say `force`")
        .fact("limit", limit)
}
