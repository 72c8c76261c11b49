//! Endpoints for an org's own admin: list its flags, opt in, opt out. Flags before beta do not exist for it.

use changes::{Change, Code, Event, Preview, Refusal, Role};
use config::OwnedTenant;
use rules::{Decision, Flag, Flags, Lifecycle, OwnedName, Subject, decide};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use super::Api;
use super::body::OptionalReason;
use super::change::{ChangeReply, change};
use super::handler::{NoBody, Reply};
use super::local_kills::LocalKills;
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
    let org = request.org();
    // Only clones shared tables under the lock: deciding all flags there would delay changes.
    let (revision, record, flags, tenants) = api.control().read(|state, compiled| {
        let record = state.tenant(org).cloned();
        (
            state.revision,
            record,
            compiled.flags.clone(),
            compiled.tenants.clone(),
        )
    });
    let record = record.ok_or_else(|| tenant_not_found(request))?;
    // The proxy decides with these kills too; without them the list would show killed flags as on.
    let flags = LocalKills::at(api.control(), request.at).apply_to(&flags);
    let subject = Subject {
        tenant: Some(org),
        record: tenants.find(org),
        ..Subject::default()
    };
    let limit = request.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let after = request.query.text("after").unwrap_or_default();
    let mut visible: Vec<_> = flags
        .iter()
        .filter_map(|(id, flag)| Some((id, flag, visible_lifecycle(flag.lifecycle())?)))
        .filter(|(_, flag, _)| flag.key().as_str() > after)
        .collect();
    // `flags` is in the order of ids, and pages are in the order of keys.
    visible.sort_by(|a, b| a.1.key().cmp(b.1.key()));
    let is_more = visible.len() > limit;
    visible.truncate(limit);
    let page: Vec<OrgFlag> = visible
        .into_iter()
        .map(|(id, flag, lifecycle)| OrgFlag {
            choice: choice(&record, flag.key().as_str()),
            ..OrgFlag::new(flag, lifecycle, decide(&flags, id, &subject, request.at))
        })
        .collect();
    let body = OrgFlags {
        revision: revision.0,
        org: org.to_owned(),
        next: is_more.then(|| page.last().map_or_else(String::new, |flag| flag.key.clone())),
        flags: page,
    };
    Ok(Reply::at(revision, body))
}

impl OrgFlag {
    /// Returns a flag as decided, without the choice of the org.
    fn new(flag: &Flag, lifecycle: &'static str, decision: Decision) -> Self {
        Self {
            key: flag.key().as_str().to_owned(),
            description: flag.description().map(str::to_owned),
            lifecycle,
            on: decision.variant != flag.off(),
            variant: flag
                .variant(decision.variant)
                .map_or_else(String::new, |variant| variant.name.to_string()),
            cause: decision.cause.as_str(),
            choice: None,
        }
    }
}

/// Returns the choice in the record of an org about a flag, if there is one.
fn choice(record: &OwnedTenant, flag: &str) -> Option<&'static str> {
    let contains = |list: &Option<Vec<OwnedName>>| list.iter().flatten().any(|named| named.value == flag);
    match (contains(&record.opt_in), contains(&record.opt_out)) {
        (true, _) => Some("in"),
        (_, true) => Some("out"),
        _ => None,
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

/// Returns the problem of an org without a record. The org's own admin can't create one.
fn tenant_not_found(request: &ApiRequest) -> ApiProblem {
    if request.actor.role != Role::OrgAdmin {
        return super::orgs::tenant_not_found(request.org());
    }
    let detail = format!("no tenant has the id `{}`", request.org());
    ApiProblem::rejected(vec![
        Refusal::new(Code::TenantNotFound, detail).help("an operator of the platform can create its record"),
    ])
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
