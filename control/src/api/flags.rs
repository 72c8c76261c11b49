//! A flag as staff see it: definition, state, numbers of tenants, reasons to remove it. The pages of flags are in
//! `flag_list`.

use std::collections::{BTreeMap, HashMap};

use changes::{FlagTimes, ManagedFlag, Revision, StaleFlag, State, stale, timestamp};
use config::{Compiled, ToJson as _};
use rules::{Lifecycle, OwnedName, Subject, Timestamp, decide};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::request_explanation::ExplainedLocalKill;

use super::Api;
use super::handler::{NoBody, Reply};
use super::local_kills::LocalKills;
use super::problem::ApiProblem;
use super::reports::{ReportedCauseBody, reported_causes};
use super::request::ApiRequest;

/// The largest number of decisions for one answer; flags beyond it have no `tenants_on`.
pub const MAX_COUNTED_DECISIONS: usize = 200_000;

/// A flag: its definition, its state and the numbers of its tenants.
#[derive(Serialize, ToSchema)]
#[schema(as = Flag)]
pub(crate) struct FlagBody {
    pub(super) key: String,
    /// `release`, `experiment`, `permission` or `ops`.
    kind: &'static str,
    /// `alpha`, `beta`, `ga` or `retired`; absent for kinds without a lifecycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    lifecycle: Option<&'static str>,
    /// The time at which it entered this lifecycle state; absent if files manage the flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    lifecycle_since: Option<String>,
    /// The time at which it was created; absent if files manage the flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    created: Option<String>,
    /// False if it is killed.
    enabled: bool,
    /// The kill by break-glass on this machine, if there is one; it is not part of the stored state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    local_kill: Option<ExplainedLocalKill>,
    /// The number of tenants that have it on in the stored state, without regard to kills by break-glass. Absent if
    /// counting would take too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tenants_on: Option<usize>,
    /// The number of tenants that opted in.
    tenants_opted_in: usize,
    /// The number of tenants that opted out.
    tenants_opted_out: usize,
    /// The number of tenants with the flag on their beta allowlist.
    tenants_allowlisted: usize,
    /// The number of tenants with an override.
    tenants_overridden: usize,
    /// The sign-offs of its next promotion.
    sign_offs: Vec<SignOffBody>,
    /// The causes of its open reports, the one that most orgs reported first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    open_reports: Vec<ReportedCauseBody>,
    /// The open incidents, oldest first. They block its promotions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    incidents: Vec<IncidentBody>,
    /// The end of the time in which it is watched after its last promotion; absent after the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    watched_until: Option<String>,
    /// The reasons to remove the flag, if there are any.
    stale: Vec<StaleReasonBody>,
    /// The time of the last change by an operator; absent if files manage the flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    changed: Option<String>,
    /// The operator who made the last change; absent if files manage the flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    changed_by: Option<String>,
    /// The other fields of its definition, as in the flags document.
    #[serde(flatten)]
    definition: Map<String, Value>,
}

/// A sign-off for the next promotion of a flag.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SignOff)]
pub(crate) struct SignOffBody {
    /// The role on whose behalf it was given.
    role: String,
    /// The actor who gave it.
    by: String,
    /// The time at which it was given.
    #[schema(format = DateTime)]
    at: String,
}

/// An open incident of a flag.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Incident)]
pub(crate) struct IncidentBody {
    /// The text or link, which identifies it.
    incident: String,
    /// The actor who opened it.
    by: String,
    /// The time at which it was opened.
    #[schema(format = DateTime)]
    at: String,
}

/// A reason to remove a flag; further members are the facts of the reason.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = StaleReason)]
pub(crate) struct StaleReasonBody {
    code: &'static str,
    detail: String,
    /// Its facts, by name.
    #[serde(flatten)]
    facts: Map<String, Value>,
}

/// The numbers of tenants whose record names a flag, by the field that names it.
#[derive(Debug, Clone, Copy, Default)]
struct TenantCounts {
    opted_in: usize,
    opted_out: usize,
    allowed: usize,
    overridden: usize,
}

/// A copy of a part of the state. Counting works on the copy, so that changes do not wait for it.
pub(super) struct StateCopy {
    pub(super) revision: Revision,
    pub(super) flags: Vec<(String, ManagedFlag, Vec<StaleReasonBody>)>,
    counts: HashMap<String, TenantCounts>,
    pub(super) compiled: Compiled,
    times: FlagTimes,
    pub(super) is_more: bool,
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<FlagBody>, ApiProblem> {
    let key = request.flag();
    let usage = api.control().usage();
    let copy = api.control().read(|state, compiled| {
        let stale = stale(state, request.at, &usage, &api.control().policy().stale);
        let stale: BTreeMap<&str, &StaleFlag> = stale.iter().map(|flag| (flag.flag.as_str(), flag)).collect();
        copy_state(state, compiled, &[key], 1, (&stale, usage.times))
    });
    let Some(flag) = copy.flags.first() else {
        return Err(ApiProblem::flag_not_found(key));
    };
    let kills = LocalKills::at(api.control(), request.at);
    let on = copy.tenants_on(usize::MAX, request.at);
    let body = flag_body(flag, &copy, &kills, on.first().copied());
    Ok(Reply::at(copy.revision, body))
}

pub(super) fn copy_state(
    state: &State,
    compiled: &Compiled,
    keys: &[&str],
    limit: usize,
    (stale, times): (&BTreeMap<&str, &StaleFlag>, FlagTimes),
) -> StateCopy {
    let listed = keys.get(..limit).unwrap_or(keys);
    let flags = listed.iter().filter_map(|key| {
        let reasons = stale.get(key).map_or_else(Vec::new, |flag| {
            flag.reasons.iter().map(StaleReasonBody::from).collect()
        });
        Some(((*key).to_owned(), state.flag(key)?, reasons))
    });
    StateCopy {
        revision: state.revision,
        flags: flags.collect(),
        counts: count_tenants(state, listed),
        compiled: compiled.clone(),
        times,
        is_more: keys.len() > limit,
    }
}

impl From<&changes::StaleReason> for StaleReasonBody {
    fn from(reason: &changes::StaleReason) -> Self {
        Self {
            code: reason.code.as_str(),
            detail: reason.detail.clone(),
            facts: reason.facts.clone(),
        }
    }
}

impl From<&changes::SignOff> for SignOffBody {
    fn from(sign_off: &changes::SignOff) -> Self {
        Self {
            role: sign_off.role.clone(),
            by: sign_off.by.clone(),
            at: timestamp::text(sign_off.at),
        }
    }
}

impl From<&changes::Incident> for IncidentBody {
    fn from(incident: &changes::Incident) -> Self {
        Self {
            incident: incident.link.clone(),
            by: incident.by.clone(),
            at: timestamp::text(incident.at),
        }
    }
}

/// Counts, for each flag, the tenants whose record names it. One pass over all records.
fn count_tenants(state: &State, keys: &[&str]) -> HashMap<String, TenantCounts> {
    let mut counts: HashMap<String, TenantCounts> = keys
        .iter()
        .map(|key| ((*key).to_owned(), TenantCounts::default()))
        .collect();
    let mut count = |flags: &Option<Vec<OwnedName>>, add: fn(&mut TenantCounts)| {
        for flag in flags.iter().flatten() {
            if let Some(counts) = counts.get_mut(&*flag.value) {
                add(counts);
            }
        }
    };
    for (_, record) in state.tenants() {
        count(&record.opt_in, |counts| {
            counts.opted_in = counts.opted_in.saturating_add(1)
        });
        count(&record.opt_out, |counts| {
            counts.opted_out = counts.opted_out.saturating_add(1)
        });
        count(&record.beta, |counts| {
            counts.allowed = counts.allowed.saturating_add(1)
        });
    }
    for (flag, _) in state
        .tenants()
        .flat_map(|(_, record)| record.overrides.iter().flatten())
    {
        if let Some(counts) = counts.get_mut(&*flag.value) {
            counts.overridden = counts.overridden.saturating_add(1);
        }
    }
    counts
}

/// Returns the body of a flag, with the number of tenants that have it on.
pub(super) fn flag_body(
    (key, flag, stale): &(String, ManagedFlag, Vec<StaleReasonBody>),
    copy: &StateCopy,
    kills: &LocalKills,
    tenants_on: Option<usize>,
) -> FlagBody {
    let counts = copy.counts.get(key).copied().unwrap_or_default();
    let state = &flag.state;
    let recorded = |at| (copy.times == FlagTimes::Recorded).then(|| timestamp::text(at));
    let mut definition = match flag.definition.to_json() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    // The body has these members itself, also if the definition omits them.
    definition.retain(|field, _| !["kind", "lifecycle", "enabled"].contains(&field.as_str()));
    FlagBody {
        key: key.clone(),
        kind: flag.definition.kind.unwrap_or_default().as_str(),
        lifecycle: flag.lifecycle().map(Lifecycle::as_str),
        lifecycle_since: recorded(state.since),
        created: recorded(state.created),
        enabled: flag.is_enabled(),
        local_kill: kills.of(key),
        tenants_on,
        tenants_opted_in: counts.opted_in,
        tenants_opted_out: counts.opted_out,
        tenants_allowlisted: counts.allowed,
        tenants_overridden: counts.overridden,
        sign_offs: state.sign_offs.iter().map(SignOffBody::from).collect(),
        open_reports: reported_causes(&state.reports),
        incidents: state.incidents.iter().map(IncidentBody::from).collect(),
        watched_until: state.watch.map(|watch| timestamp::text(watch.until)),
        stale: stale.clone(),
        changed: recorded(state.changed),
        changed_by: (copy.times == FlagTimes::Recorded).then(|| state.changed_by.clone()),
        definition,
    }
}

impl StateCopy {
    /// Returns the number of tenants that have each flag on, for as many of the first flags as at most `budget` decisions
    /// count. A tenant is decided for all flags in turn, because reading its record takes longer than a decision.
    pub(super) fn tenants_on(&self, budget: usize, now: Timestamp) -> Vec<usize> {
        let Compiled { flags, tenants, .. } = &self.compiled;
        let counted = budget.checked_div(tenants.len()).unwrap_or(usize::MAX);
        let listed = self.flags.iter().take(counted);
        let listed: Vec<_> = listed
            .map(|(key, ..)| flags.id(key).and_then(|id| Some((id, flags.flag(id)?.off()))))
            .collect();
        let mut on = vec![0_usize; listed.len()];
        for tenant in tenants.iter() {
            let subject = Subject {
                tenant: Some(tenant.id()),
                record: Some(tenant),
                ..Subject::default()
            };
            for (count, flag) in on.iter_mut().zip(&listed) {
                let has = flag.is_some_and(|(id, off)| decide(flags, id, &subject, now).variant != off);
                *count = count.saturating_add(usize::from(has));
            }
        }
        on
    }
}
