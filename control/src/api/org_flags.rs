//! Endpoints for an org's own admin: list its flags, opt in, opt out. Flags before beta do not exist for it.

use std::collections::HashMap;

use changes::{Change, Code, Event, Outcome, Preview, Refusal, Role, timestamp};
use rules::{Decision, Flag, Flags, Lifecycle};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use crate::engine::Control;
use crate::store::AuditFilter;

use super::Api;
use super::body::OptionalReason;
use super::change::{ChangeReply, change};
use super::handler::{NoBody, Reply};
use super::org_decisions::{OrgChoice, OrgDecisions, variant_name};
use super::problem::ApiProblem;
use super::query::{DEFAULT_PAGE, ONLY_FLAGS};
use super::request::ApiRequest;
use super::security_entries;

/// The number of entries of the log that are read for the times of choices.
const MAX_CHOICE_ENTRIES: usize = 1_000;

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
    /// The time since when it is at `beta` or `ga`; absent if files manage the flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    lifecycle_since: Option<String>,
    /// The choice of the org: `in` or `out`; absent if it made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    choice: Option<&'static str>,
    /// The time of the choice, from the audit log; absent without a choice, or if the log does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    choice_since: Option<String>,
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
    let only = request.query.keys(ONLY_FLAGS.name);
    let mut visible: Vec<_> = decisions
        .flags_after(after)
        .into_iter()
        .filter(|(_, flag)| {
            only.as_ref()
                .is_none_or(|only| only.contains(flag.key().as_str()))
        })
        .filter_map(|(id, flag)| Some((id, flag, visible_lifecycle(flag.lifecycle())?)))
        .take(limit.saturating_add(1))
        .collect();
    let is_more = visible.len() > limit;
    visible.truncate(limit);
    let key = |flag: &Flag| flag.key().as_str().to_owned();
    let chosen = visible.iter().filter_map(|(_, flag, _)| {
        let choice = decisions.choice(flag.key().as_str())?;
        Some((key(flag), choice))
    });
    let mut choices = choice_times(api.control(), request.org(), chosen.collect());
    let keys: Vec<String> = visible.iter().map(|(_, flag, _)| key(flag)).collect();
    let mut since = lifecycle_times(api.control(), &keys);
    let page: Vec<OrgFlag> = visible
        .into_iter()
        .map(|(id, flag, lifecycle)| {
            let key = flag.key().as_str();
            OrgFlag {
                lifecycle_since: since.remove(key),
                choice: decisions.choice(key).map(|choice| match choice {
                    OrgChoice::In => "in",
                    OrgChoice::Out => "out",
                }),
                choice_since: choices.remove(key),
                ..OrgFlag::new(flag, lifecycle, decisions.decide(id))
            }
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
            lifecycle_since: None,
            choice: None,
            choice_since: None,
        }
    }
}

/// Returns the times since when flags are in their lifecycle state, by key; none if nobody recorded them.
fn lifecycle_times(control: &Control, keys: &[String]) -> HashMap<String, String> {
    if control.is_read_only() {
        return HashMap::new();
    }
    control.read(|state, _| {
        let flags = keys.iter().filter_map(|key| Some((key, state.flag(key)?)));
        flags
            .map(|(key, flag)| (key.clone(), timestamp::text(flag.state.since)))
            .collect()
    })
}

/// Returns the times of choices of an org, by flag, as far as the newest entries of the log have them. A log that can't
/// be read has none: the choices themselves are in the record of the org.
fn choice_times(
    control: &Control,
    org: &str,
    mut wanted: HashMap<String, OrgChoice>,
) -> HashMap<String, String> {
    let mut times = HashMap::new();
    if wanted.is_empty() || control.is_read_only() {
        return times;
    }
    let filter = AuditFilter {
        org: Some(org.to_owned()),
        events: vec![Event::OptedIn, Event::OptedOut],
        ..AuditFilter::default()
    };
    let entries = control.store().audit(&filter, None, MAX_CHOICE_ENTRIES);
    for sealed in entries.map(|page| page.entries).unwrap_or_default() {
        let Ok(entry) = sealed.entry() else { continue };
        let Some(flag) = entry.flag.filter(|_| entry.outcome == Outcome::Applied) else {
            continue;
        };
        let event = match wanted.get(&flag) {
            Some(OrgChoice::In) => Event::OptedIn,
            Some(OrgChoice::Out) => Event::OptedOut,
            None => continue,
        };
        // The newest entry of a flag is that of its choice.
        wanted.remove(&flag);
        if entry.event == event {
            times.insert(flag, timestamp::text(entry.at));
        }
        if wanted.is_empty() {
            break;
        }
    }
    times
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
