//! Endpoints for an org's own admin: list its flags, opt in, opt out. Flags before beta do not exist for it.

use changes::{Change, Code, Event, Preview, Refusal, Role};
use rules::{Decision, Flag, Flags, Lifecycle};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use super::Api;
use super::body::OptionalReason;
use super::change::{ChangeReply, change};
use super::handler::{NoBody, Reply};
use super::org_decisions::{OrgChoice, OrgDecisions, variant_name};
use super::problem::ApiProblem;
use super::query::DEFAULT_PAGE;
use super::request::ApiRequest;
use super::security_entries;

/// A flag as an org sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgFlag)]
pub(crate) struct OrgFlag {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// `beta` or `ga`.
    lifecycle: &'static str,
    /// True if the org has it on.
    on: bool,
    /// The variant that the org is served.
    variant: String,
    /// The cause of the decision.
    cause: &'static str,
    /// The choice of the org: `in` or `out`; absent if it made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    choice: Option<&'static str>,
}

/// A page of flags, in the order of their keys.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgFlags)]
pub(crate) struct OrgFlags {
    revision: u64,
    org: String,
    flags: Vec<OrgFlag>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<OrgFlags>, ApiProblem> {
    let decisions = OrgDecisions::read(api, request)?;
    let limit = request.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let after = request.query.text("after").unwrap_or_default();
    let mut visible: Vec<_> = decisions
        .flags_after(after)
        .into_iter()
        .filter_map(|(id, flag)| Some((id, flag, visible_lifecycle(flag.lifecycle())?)))
        .take(limit.saturating_add(1))
        .collect();
    let is_more = visible.len() > limit;
    visible.truncate(limit);
    let page: Vec<OrgFlag> = visible
        .into_iter()
        .map(|(id, flag, lifecycle)| OrgFlag {
            choice: decisions.choice(flag.key().as_str()).map(|choice| match choice {
                OrgChoice::In => "in",
                OrgChoice::Out => "out",
            }),
            ..OrgFlag::new(flag, lifecycle, decisions.decide(id))
        })
        .collect();
    let body = OrgFlags {
        revision: decisions.revision().0,
        org: request.org().to_owned(),
        next: is_more.then(|| page.last().map_or_else(String::new, |flag| flag.key.clone())),
        flags: page,
    };
    Ok(Reply::at(decisions.revision(), body))
}

impl OrgFlag {
    /// Returns a flag as decided, without the choice of the org.
    fn new(flag: &Flag, lifecycle: &'static str, decision: Decision) -> Self {
        Self {
            key: flag.key().as_str().to_owned(),
            description: flag.description().map(str::to_owned),
            lifecycle,
            on: decision.variant != flag.off(),
            variant: variant_name(flag, decision.variant),
            cause: decision.cause.as_str(),
            choice: None,
        }
    }
}

/// Returns the name of the lifecycle state if orgs may see flags in it.
fn visible_lifecycle(lifecycle: Option<Lifecycle>) -> Option<&'static str> {
    match lifecycle? {
        Lifecycle::Beta => Some("beta"),
        Lifecycle::Ga => Some("ga"),
        Lifecycle::Alpha | Lifecycle::Retired => None,
    }
}

pub(crate) fn opt_in(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    check_visible(api, request, Event::OptedIn)?;
    let (org, flag) = (request.org().to_owned(), request.flag().to_owned());
    change(
        api,
        request,
        Change::OptIn { org, flag },
        body.reason.map(Into::into),
    )
}

pub(crate) fn opt_out(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    check_visible(api, request, Event::OptedOut)?;
    let (org, flag) = (request.org().to_owned(), request.flag().to_owned());
    change(
        api,
        request,
        Change::OptOut { org, flag },
        body.reason.map(Into::into),
    )
}

/// Rejects the request of an org's admin for a flag that orgs may not see, as if the flag did not exist. Records the
/// attempt in the audit log.
pub(crate) fn check_visible(api: &Api, request: &ApiRequest, event: Event) -> Result<(), ApiProblem> {
    let visible = api
        .control()
        .read(|_, compiled| is_visible(&compiled.flags, request.flag()));
    if request.actor.role != Role::OrgAdmin || visible {
        return Ok(());
    }
    if let Some(entry) = security_entries::hidden_flag(api, event, request)
        && let Err(error) = api.control().record(vec![entry])
    {
        error!(%error, "a rejection could not be written to the audit log");
    }
    let detail = format!("no flag has the key `{}`", request.flag());
    Err(ApiProblem::rejected(vec![Refusal::new(
        Code::FlagNotFound,
        detail,
    )]))
}

/// Returns true if the flag exists and orgs may see it.
pub(crate) fn is_visible(flags: &Flags, key: &str) -> bool {
    let flag = flags.id(key).and_then(|id| flags.flag(id));
    flag.and_then(|flag| visible_lifecycle(flag.lifecycle()))
        .is_some()
}

/// Reduces a preview to what an org's admin may see: decisions of its own org about flags at beta or ga, with the kind
/// of cause as the reason, which names no rule and no other flag.
pub(crate) fn visible_preview(api: &Api, org: &str, preview: Preview) -> Preview {
    let flags = api.control().read(|_, compiled| compiled.flags.clone());
    let mut decisions = preview.decisions;
    decisions
        .retain(|decision| decision.tenant.as_deref() == Some(org) && is_visible(&flags, &decision.flag));
    for decision in &mut decisions {
        decision.reason = decision.cause.as_str().to_owned();
    }
    Preview {
        tenants_total: 1,
        tenants_changed: usize::from(!decisions.is_empty()),
        decisions_changed: decisions.len(),
        decisions,
        ..Preview::default()
    }
}
