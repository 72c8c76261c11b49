//! From a change to what it does: which records it writes and what is remembered of it, or everything that stands
//! against it. Pure: nothing is compiled or kept here, and the time is that of the request.

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

/// A change, and who wants it when and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What.
    pub change: Change,
    /// Who.
    pub actor: Actor,
    /// By which way.
    pub source: Source,
    /// Why.
    pub reason: Option<String>,
    /// In which request.
    pub request_id: String,
    /// What the store must be at; none: whatever it is at.
    pub expected: Option<Revision>,
    /// Whether more tenants may change than usually may.
    pub force: bool,
    /// When.
    pub at: Timestamp,
}

/// What a change does, if it is let through.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What it changes; without any edit nothing is remembered of it but that all items of an import were refused.
    pub edits: Vec<StateEdit>,
    /// The same as records of a store.
    pub writes: Vec<Write>,
    /// What is remembered of it, in order.
    pub audit: Vec<Entry>,
    /// Whose decisions it can alter.
    pub affected: Affected,
    /// Whether it only takes features away. Such a change is not held up by how far it reaches.
    pub withdraws: bool,
    /// What becomes of each item, of a change of many.
    pub items: Vec<ItemResult>,
    /// Items of an import whose records are not of the form, so that they were left out.
    pub unreadable: Vec<JsonEdit>,
    /// What changes, of an applied document, a cascade or an urgent promotion.
    pub summary: Summary,
}

/// What is worth telling of a change besides that it was made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// The flags that were taken back along with the one that was reverted.
    pub cascade: Vec<String>,
    /// What an urgent promotion did not wait for.
    pub skipped: Vec<Code>,
    /// The tiers that a promotion to ga leaves off, since their own default is off.
    pub kept_off: Vec<String>,
    /// What changed of the document.
    pub document: Option<Difference>,
}

/// What the policy asks of the running system.
pub trait Facts {
    /// How many of the tenants that opted in to the flag, or are on its allowlist, have it on.
    fn tenants_with(&self, flag: &str) -> usize;

    /// The tenants whose records name one of these flags; none where all records are to be looked at.
    fn tenants_naming(&self, _flags: &BTreeSet<&str>) -> Option<Vec<String>> {
        None
    }

    /// How many requests that the flag let through met errors in the last `window_ms` milliseconds.
    fn errors_within(&self, flag: &str, window_ms: i64) -> u64;
}

/// Why there is no plan for a change.
#[derive(Debug, PartialEq)]
pub enum NoPlan {
    /// It does not meet the policy, or names what there is not: every reason, the one to be told first first.
    Refused(Vec<Refusal>),
    /// What it writes is not of the form that documents have; [`config::Catalog::explain`] says why.
    Unreadable(Vec<JsonEdit>),
}

impl From<Vec<Refusal>> for NoPlan {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self::Refused(refusals)
    }
}

/// Returns what a change does to this state.
///
/// # Errors
/// Everything that stands against it.
pub fn plan(state: &State, request: &Request, policy: &Policy, facts: &dyn Facts) -> Result<Plan, NoPlan> {
    plan_excluding(state, request, policy, facts, BTreeMap::new())
}

/// Returns the same of an import without the tenants whose records are invalid_tenants.
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

/// What is remembered of a change that was refused.
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
