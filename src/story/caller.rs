//! The caller of a request as text: its identity, and the source of the identity or the reason why there is none.

use control::Sender;
use proxy::{Decider, RequestDryRun, Unproven};
use rules::{Auth, Subject};
use tokens::Identity;

use super::input::ExplainInput;
use super::rejected_token;
use crate::clock;

/// The description of a caller.
#[derive(Debug, Default)]
pub(super) struct CallerText {
    pub(super) identity: String,
    pub(super) source: String,
}

/// Describes the caller of a request that was decided for `subject`, by a route with this `auth`.
pub(super) fn describe(
    input: &ExplainInput<'_>,
    run: &RequestDryRun,
    (subject, auth): (&SubjectText, Auth),
) -> CallerText {
    let decider = &input.gateway.decider;
    let source = match (auth, run.observed, run.ignored) {
        _ if run.is_preflight && passes_preflight(decider, run) => {
            "a preflight passes without a token and without the gate".to_owned()
        }
        (_, Some(code), _) => {
            let reason = rejection_reason(input, run, code);
            format!("{reason}; in shadow mode the request is not rejected for that")
        }
        (Auth::None, None, _) => "the route reads no token".to_owned(),
        (_, None, Some(code)) => {
            let reason = rejection_reason(input, run, code);
            format!("{reason}; with `auth: lenient` such a token is ignored")
        }
        (_, None, None) => match (&run.verified, &input.question.sender) {
            (_, Sender::Tenant { .. }) => "as given".to_owned(),
            (Some(Ok(identity)), _) => token_source(decider, identity),
            _ => "no token, and the route requires none".to_owned(),
        },
    };
    CallerText {
        identity: subject.0.clone(),
        source,
    }
}

/// Describes the caller of a request that was rejected with `code` before a gate was decided.
pub(super) fn describe_rejected(input: &ExplainInput<'_>, run: &RequestDryRun, code: &str) -> CallerText {
    let decider = &input.gateway.decider;
    let mut source = rejection_reason(input, run, code);
    let routes = &decider.snapshot().routes;
    if !routes.auth(run.route, run.is_preflight).can_refuse() {
        source.push_str("; the path has another reading, whose route requires a token");
    }
    CallerText {
        identity: "unknown".to_owned(),
        source,
    }
}

/// The description of the subject of a decision.
#[derive(Debug, Default)]
pub(super) struct SubjectText(String);

impl SubjectText {
    pub(super) fn of(subject: &Subject<'_>) -> Self {
        let mut text = match (subject.tenant, subject.user) {
            (Some(tenant), Some(user)) => format!("tenant {tenant}, user {user}"),
            (Some(tenant), None) => format!("tenant {tenant}"),
            (None, _) => "anonymous".to_owned(),
        };
        if subject.record.is_none() && subject.tenant.is_some() {
            text.push_str(" (no record)");
        }
        Self(text)
    }
}

fn passes_preflight(decider: &Decider, run: &RequestDryRun) -> bool {
    let route = run.route.and_then(|id| decider.snapshot().routes.route(id));
    route.is_some_and(|route| route.preflight == rules::Preflight::Open)
}

/// Returns the reason why a caller is rejected with `code`, with the values of its token.
fn rejection_reason(input: &ExplainInput<'_>, run: &RequestDryRun, code: &str) -> String {
    let with = |reason: &str, detail: Option<String>| match detail {
        Some(detail) => format!("{reason}: {detail}"),
        None => reason.to_owned(),
    };
    match (&run.verified, code) {
        (Some(Err(unproven)), _) => {
            let reason = match unproven {
                Unproven::Rejected(rejection) => rejection.description(),
                Unproven::NoKeys => "the keys of the token's issuer are not available",
            };
            with(reason, rejected_token::describe(unproven, input))
        }
        (Some(Ok(identity)), "TENANT_MISSING") => {
            let reason = match &identity.tenant {
                Err(problem) => format!("the token has no tenant ({})", problem.code()),
                Ok(_) => "the token has no tenant".to_owned(),
            };
            with(&reason, rejected_token::describe_tenant(input))
        }
        (_, "TENANT_UNKNOWN") => "the tenant has no record, and unknown tenants are rejected".to_owned(),
        (_, "TOKEN_REPEATED") => "the request has more than one token".to_owned(),
        _ if input.gateway.decider.takes_certificates() => {
            "no token, and no client certificate that names a tenant".to_owned()
        }
        _ => "no token and no tenant".to_owned(),
    }
}

fn token_source(decider: &Decider, identity: &Identity) -> String {
    let Some(issuer) = decider.issuer(identity) else {
        return String::new();
    };
    let key = identity
        .kid
        .as_deref()
        .map_or(String::new(), |kid| format!(", key {kid}"));
    let now = clock::now().seconds();
    let minutes = identity.expires_at.saturating_sub(now).div_euclid(60);
    let (claim, name) = (issuer.tenant_claim(), issuer.name());
    format!("claim {claim}; issuer {name}{key}, {minutes} min left")
}
