//! A flag as staff see it: definition, state, numbers of tenants, reasons to remove it. The pages of flags are in
//! `flag_list`.

use std::collections::BTreeMap;
use std::iter;

use changes::{FlagTimes, ManagedFlag, Revision, StaleFlag, State, stale_among, timestamp};
use config::{Compiled, ToJson as _};
use rules::{FlagId, Lifecycle, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::request_explanation::ExplainedLocalKill;
use crate::tenant_counts::{Standings, TenantCounts, standings};

use super::Api;
use super::handler::{NoBody, Reply};
use super::local_kills::LocalKills;
use super::problem::ApiProblem;
use super::reports::{ReportedCauseBody, reported_causes};
use super::request::ApiRequest;

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
    /// The number of tenants that have it on in the stored state, without regard to kills by break-glass. Absent in a
    /// list while it is being counted.
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

/// A copy of a part of the state. Counting works on the copy, so that changes do not wait for it.
pub(super) struct StateCopy {
    pub(super) revision: Revision,
    pub(super) flags: Vec<(String, ManagedFlag, Vec<StaleReasonBody>)>,
    pub(super) compiled: Compiled,
    pub(super) times: FlagTimes,
    pub(super) is_more: bool,
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<FlagBody>, ApiProblem> {
    let key = request.flag();
    let usage = api.control().usage();
    let copy = api.control().read(|state, compiled| {
        let limits = &api.control().policy().stale;
        let stale = stale_among(state, iter::once(key), request.at, &usage, limits);
        copy_state(state, compiled, &[key], 1, (&by_key(&stale), usage.times))
    });
    let Some(flag) = copy.flags.first() else {
        return Err(ApiProblem::flag_not_found(key));
    };
    let kills = LocalKills::at(api.control(), request.at);
    let numbers = copy.numbers(api.tenant_counts(), usize::MAX, request.at);
    let body = flag_body(
        flag,
        &numbers.into_iter().next().unwrap_or_default(),
        copy.times,
        &kills,
    );
    Ok(Reply::at(copy.revision, body))
}

/// Returns stale flags by their keys.
pub(super) fn by_key(stale: &[StaleFlag]) -> BTreeMap<&str, &StaleFlag> {
    stale.iter().map(|flag| (flag.flag.as_str(), flag)).collect()
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

/// Returns the body of a flag.
pub(super) fn flag_body(
    (key, flag, stale): &(String, ManagedFlag, Vec<StaleReasonBody>),
    numbers: &FlagNumbers,
    times: FlagTimes,
    kills: &LocalKills,
) -> FlagBody {
    let standings = numbers.standings;
    let state = &flag.state;
    let recorded = |at| (times == FlagTimes::Recorded).then(|| timestamp::text(at));
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
        tenants_on: numbers.on,
        tenants_opted_in: standings.opted_in,
        tenants_opted_out: standings.opted_out,
        tenants_allowlisted: standings.allowlisted,
        tenants_overridden: standings.overridden,
        sign_offs: state.sign_offs.iter().map(SignOffBody::from).collect(),
        open_reports: reported_causes(&state.reports),
        incidents: state.incidents.iter().map(IncidentBody::from).collect(),
        watched_until: state.watch.map(|watch| timestamp::text(watch.until)),
        stale: stale.clone(),
        changed: recorded(state.changed),
        changed_by: (times == FlagTimes::Recorded).then(|| state.changed_by.clone()),
        definition,
    }
}

/// The numbers of tenants of a flag.
#[derive(Default)]
pub(super) struct FlagNumbers {
    standings: Standings,
    /// None if they are not counted yet.
    on: Option<usize>,
}

impl StateCopy {
    /// Returns the numbers of tenants of each flag. Those that would need more than `budget` decisions, and are not
    /// counted yet, have no number of tenants that have it on.
    pub(super) fn numbers(&self, counts: &TenantCounts, budget: usize, now: Timestamp) -> Vec<FlagNumbers> {
        let Compiled { flags, tenants, .. } = &self.compiled;
        let listed = self.flags.iter().map(|(key, ..)| flags.id(key));
        let listed: Vec<Option<FlagId>> = listed.collect();
        let ids: Vec<FlagId> = listed.iter().copied().flatten().collect();
        let tallies = counts.of(&self.compiled, &ids, now, budget);
        let uncounted = ids.iter().filter(|id| !tallies.contains_key(*id));
        let uncounted: Vec<FlagId> = uncounted.copied().collect();
        let standings = standings(tenants, &uncounted);
        let numbers = listed.into_iter().map(|id| {
            let (id, off) = id.and_then(|id| Some((id, flags.flag(id)?.off())))?;
            Some(match tallies.get(&id) {
                Some(tally) => FlagNumbers {
                    standings: tally.standings,
                    on: Some(tally.on(off)),
                },
                None => FlagNumbers {
                    standings: standings.get(&id).copied().unwrap_or_default(),
                    on: None,
                },
            })
        });
        numbers.map(Option::unwrap_or_default).collect()
    }
}
