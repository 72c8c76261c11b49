//! Limits: a tenant or a client that asks a route more often than it may is told when to come again. What is
//! known is counted first: a client before its token is verified, a tenant before its gate is asked.

use std::time::Duration;

use http::header::RETRY_AFTER;
use rules::LimitBy;

use crate::answer::{Answer, Code};
use crate::context::Context;
use crate::limits::LiveLimit;
use crate::outcome::Outcome;
use crate::refusal::Refusal;

/// Counts the request for its client on those of `limits` that count clients.
pub(crate) fn count_client<'l>(
    context: &Context,
    limits: impl IntoIterator<Item = &'l LiveLimit>,
) -> Result<(), Refusal> {
    count(context, limits, LimitBy::Client)
}

/// Counts the request for its tenant on those of `limits` that count tenants; where it has none, for its client.
pub(crate) fn count_tenant<'l>(
    context: &Context,
    limits: impl IntoIterator<Item = &'l LiveLimit>,
) -> Result<(), Refusal> {
    count(context, limits, LimitBy::Tenant)
}

fn count<'l>(
    context: &Context,
    limits: impl IntoIterator<Item = &'l LiveLimit>,
    by: LimitBy,
) -> Result<(), Refusal> {
    let tenant = match by {
        LimitBy::Tenant => context.tenant_id(),
        LimitBy::Client => None,
    };
    let client = context.forwarding.client();
    for limit in limits.into_iter().filter(|limit| limit.by() == by) {
        limit
            .count(tenant, client)
            .map_err(|wait| refused(context, wait))?;
    }
    Ok(())
}

fn refused(context: &Context, wait: Duration) -> Refusal {
    let seconds = wait
        .as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
        .max(1);
    let answer = Answer::new(Code::RATE_LIMITED, &context.serving.pages);
    let answer = answer.header(RETRY_AFTER, seconds.to_string());
    Refusal::new(Outcome::Limited, answer)
}
