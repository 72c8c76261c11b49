//! Plans a change: the records it writes and the audit entries it adds, or all reasons to refuse it. Pure: nothing is
//! compiled or stored here, and the time is that of the request.

mod builder;
mod dependency;
mod difference;
mod document;
mod flag;
mod import;
mod lifecycle;
mod promotion;
mod tenant;

use std::collections::{BTreeMap, BTreeSet};

use config::JsonEdit;
use rules::Timestamp;
use serde_json::{Map, Value};

use crate::actor::{Actor, Source};
use crate::affected::Affected;
use crate::audit::{Entry, Outcome};
use crate::change::Change;
use crate::policy::Policy;
use crate::record::{Revision, Write};
use crate::refusal::{Code, Refusal};
use crate::state::{State, StateEdit};
use crate::urgent::{self, Urgent};

use self::builder::PlanBuilder;
pub(crate) use self::dependency::dependents;
pub use self::difference::{Difference, Fields, Part, Section};
pub use self::import::{ItemOutcome, ItemResult, MAX_IMPORT};

/// A change with its actor, source, reason and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The change.
    pub change: Change,
    /// The actor.
    pub actor: Actor,
    /// The source.
    pub source: Source,
    /// The actor's reason.
    pub reason: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// The revision that the store must be at; none for any.
    pub expected: Option<Revision>,
    /// True to exceed the blast radius of the policy.
    pub force: bool,
    /// The time.
    pub at: Timestamp,
}

/// The edits and audit entries of a permitted change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The edits of the state. A plan without edits has no audit entries, except for an import whose items were all
    /// refused.
    pub edits: Vec<StateEdit>,
    /// The edits as records of a store.
    pub writes: Vec<Write>,
    /// The audit entries, in order.
    pub audit: Vec<Entry>,
    /// The flags and tenants that it can affect.
    pub affected: Affected,
    /// True if it can only turn features off. The blast radius of such a change is not limited.
    pub withdraws: bool,
    /// The result of each item of an import.
    pub items: Vec<ItemResult>,
    /// The items of an import that do not have the form of a record, and were left out.
    pub unreadable: Vec<JsonEdit>,
    /// The side effects to report, of an applied document, a cascade or an urgent promotion.
    pub summary: Summary,
}

/// Side effects of a change that are reported with its result.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// The flags that were reverted with the one that was asked for.
    pub cascade: Vec<String>,
    /// The conditions that an urgent promotion skipped.
    pub skipped: Vec<Code>,
    /// The tiers that a promotion to ga leaves off, since their tier default is off.
    pub kept_off: Vec<String>,
    /// The difference of an applied document.
    pub document: Option<Difference>,
}

/// Facts of the running system that the policy needs.
pub trait Facts {
    /// Returns the number of tenants that opted in to the flag, or are on its allowlist, and have it on.
    fn tenants_with(&self, flag: &str) -> usize;

    /// Returns the tenants whose records name one of these flags; none to search all records.
    fn tenants_naming(&self, _flags: &BTreeSet<&str>) -> Option<Vec<String>> {
        None
    }

    /// Returns the number of requests that the flag let through and that met an error (5xx) in the last `window_ms`
    /// milliseconds.
    fn errors_within(&self, flag: &str, window_ms: i64) -> u64;
}

/// The reason why there is no plan for a change.
#[derive(Debug, PartialEq)]
pub enum NoPlan {
    /// The policy is not met, or a name is unknown: all reasons, the one to report first comes first.
    Refused(Vec<Refusal>),
    /// An edit does not have the form of a document; [`config::Catalog::explain`] says why.
    Unreadable(Vec<JsonEdit>),
}

impl From<Vec<Refusal>> for NoPlan {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self::Refused(refusals)
    }
}

/// Plans a change of the state.
///
/// # Errors
/// Everything that stands against it.
pub fn plan(state: &State, request: &Request, policy: &Policy, facts: &dyn Facts) -> Result<Plan, NoPlan> {
    plan_excluding(state, request, policy, facts, BTreeMap::new())
}

/// Plans a change; of an import, the tenants in `invalid_tenants` are refused with the given reasons.
///
/// # Errors
/// Everything that stands against it.
pub fn plan_excluding(
    state: &State,
    request: &Request,
    policy: &Policy,
    facts: &dyn Facts,
    invalid_tenants: BTreeMap<String, Refusal>,
) -> Result<Plan, NoPlan> {
    let permission = request.change.permission();
    if !permission.is_held_by(&request.actor, request.change.org()) {
        return Err(vec![permission.refusal(&request.actor)].into());
    }
    let mut builder = PlanBuilder::new(state, request, invalid_tenants);
    match &request.change {
        Change::SetState {
            flag,
            to,
            cascade,
            ga_default,
            urgent,
        } => {
            let urgent = urgent.as_ref().map(urgent::validated).transpose()?;
            let transition = lifecycle::Transition {
                flag,
                to: *to,
                dependents: if *cascade {
                    lifecycle::Dependents::Revert
                } else {
                    lifecycle::Dependents::Reject
                },
                ga_default: *ga_default,
                urgent: urgent.as_ref(),
            };
            lifecycle::set_state(&mut builder, &transition, policy, facts)?;
        }
        Change::Kill { flag } => flag::kill(&mut builder, flag)?,
        Change::Restore { flag } => flag::restore(&mut builder, flag)?,
        Change::SetTiers { flag, tiers } => flag::set_tiers(&mut builder, flag, tiers)?,
        Change::SetRollout { flag, rollout } => flag::set_rollout(&mut builder, flag, rollout.as_ref())?,
        Change::SignOff { flag, as_role } => flag::sign_off(&mut builder, flag, as_role, policy)?,
        Change::SetOverride { org, flag, variant } => {
            tenant::set_override(&mut builder, org, flag, variant.as_ref())?;
        }
        Change::PutTenant { org, record } => tenant::put(&mut builder, org, record)?,
        Change::PatchTenant { org, patch } => tenant::patch(&mut builder, org, patch)?,
        Change::DeleteTenant { org } => tenant::delete(&mut builder, org)?,
        Change::Allow { org, flag } => tenant::allow(&mut builder, org, flag)?,
        Change::Disallow { org, flag } => tenant::disallow(&mut builder, org, flag)?,
        Change::OptIn { org, flag } => tenant::opt_in(&mut builder, org, flag)?,
        Change::OptOut { org, flag } => tenant::opt_out(&mut builder, org, flag)?,
        Change::ImportTenants { mode, tenants } => import::import(&mut builder, *mode, tenants)?,
        Change::ApplyDocument {
            document,
            prune,
            adopt,
        } => {
            let rest = if *prune {
                document::Rest::Removed
            } else {
                document::Rest::Kept
            };
            let start = if *adopt {
                document::Start::AsWritten
            } else {
                document::Start::Alpha
            };
            document::apply(&mut builder, document, (rest, start), facts)?;
        }
    }
    Ok(builder.finish())
}

/// Returns the audit entry of a refused change.
#[must_use]
pub fn refused_entry(request: &Request, refusals: &[Refusal]) -> Entry {
    let mut details = Map::new();
    let codes: Vec<Value> = refusals
        .iter()
        .map(|refusal| refusal.code.as_str().into())
        .collect();
    let sentences: Vec<Value> = refusals
        .iter()
        .map(|refusal| refusal.detail.as_str().into())
        .collect();
    details.insert("codes".into(), codes.into());
    details.insert("refusals".into(), sentences.into());
    if let Change::SetState { to, .. } = &request.change {
        details.insert("to".into(), to.as_str().into());
    }
    Entry {
        outcome: Outcome::Refused,
        flag: request.change.flag().map(str::to_owned),
        org: request.change.org().map(str::to_owned),
        urgent: urgent_of(&request.change).cloned(),
        details,
        ..builder::entry(request, request.change.event())
    }
}

fn urgent_of(change: &Change) -> Option<&Urgent> {
    match change {
        Change::SetState { urgent, .. } => urgent.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
