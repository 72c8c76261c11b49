//! Plans a change: the records it writes and the audit entries it adds, or all reasons to reject it. Pure: nothing is
//! compiled or stored here, and the time is that of the request.

mod builder;
mod dependency;
mod difference;
mod document;
mod error_condition;
mod facts;
mod flag;
mod flag_lists;
mod import;
mod incident;
mod item;
mod lifecycle;
mod note;
mod planned;
mod promotion;
mod raise;
mod record_steps;
mod report;
mod request;
mod rollout;
mod sign_off;
mod tenant;
mod watch;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::audit::{Entry, Outcome};
use crate::change::{Change, NewFlags};
use crate::policy::LifecyclePolicy;
use crate::refusal::Refusal;
use crate::state::State;
use crate::urgent::{self, Urgent};

use self::builder::{PlanBuilder, PlanStep};
pub use self::difference::{Difference, Part, PartFields, Section};
pub use self::facts::{Facts, Pilots, Standing};
pub use self::import::{MAX_IMPORT, MAX_IMPORT_ENTRIES};
pub use self::item::{ItemOutcome, ItemResult};
pub(crate) use self::lifecycle::kept_off as tiers_off;
pub use self::lifecycle::next_step;
pub use self::note::{Note, NoteCode};
pub use self::planned::{NoPlan, Plan, Summary};
pub use self::promotion::{Condition, NextStep};
pub use self::request::Request;

/// Plans a change of the state.
///
/// # Errors
/// All reasons to reject it.
pub fn plan(
    state: &State,
    request: &Request,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> Result<Plan, NoPlan> {
    plan_excluding(state, request, policy, facts, BTreeMap::new())
}

/// Plans a change; of an import, the tenants in `invalid_tenants` are rejected with the given reasons.
///
/// # Errors
/// All reasons to reject it.
pub fn plan_excluding(
    state: &State,
    request: &Request,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
    invalid_tenants: BTreeMap<String, Refusal>,
) -> Result<Plan, NoPlan> {
    let permission = request.change.permission();
    if !permission.is_held_by(&request.actor, request.change.org()) {
        return Err(vec![permission.refusal(&request.actor)].into());
    }
    let request = &request.trimmed()?;
    let mut builder = PlanBuilder::new(state, request, invalid_tenants);
    add_change(&mut builder, &request.change, policy, facts)?;
    Ok(builder.finish())
}

/// Adds the edits and audit entries of a change to the plan.
fn add_change(
    builder: &mut PlanBuilder<'_>,
    change: &Change,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> PlanStep {
    match change {
        Change::SetState {
            flag,
            to,
            cascade,
            ga_default,
            urgent,
        } => {
            // First, so that an invalid justification is rejected alone, without the conditions that it would skip.
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
            lifecycle::set_state(builder, &transition, policy, facts)?;
        }
        Change::Kill { flag } => flag::kill(builder, flag)?,
        Change::Restore { flag } => flag::restore(builder, flag)?,
        Change::SetTiers { flag, tiers } => flag::set_tiers(builder, flag, tiers, (policy, facts))?,
        Change::SetRollout { flag, rollout } => {
            flag::set_rollout(builder, flag, rollout.as_ref(), (policy, facts))?;
        }
        Change::OpenIncident { flag, incident } => incident::open(builder, flag, incident)?,
        Change::CloseIncident { flag, incident } => incident::close(builder, flag, incident)?,
        Change::EndWatch { flag } => watch::end(builder, flag, facts)?,
        Change::CorrectStageTime {
            flag,
            run,
            stage,
            passed_ms,
        } => rollout::correct_stage_time(builder, flag, (*run, *stage), *passed_ms)?,
        Change::SignOff { flag, as_role } => sign_off::sign_off(builder, flag, as_role, policy)?,
        Change::SetPlan { flag, plan } => rollout::set(builder, flag, plan, policy, facts)?,
        Change::RemovePlan { flag } => rollout::remove(builder, flag)?,
        Change::ApprovePlan { flag, as_role } => rollout::approve(builder, flag, as_role)?,
        Change::CheckPlanItem { flag, item, is_done } => rollout::check_item(builder, flag, item, *is_done)?,
        Change::StartRollout { flag } => rollout::start(builder, flag, policy, facts)?,
        Change::PauseRollout { flag } => rollout::pause(builder, flag)?,
        Change::ResumeRollout { flag } => rollout::resume(builder, flag)?,
        Change::AdvanceRollout { flag, evidence } => {
            rollout::advance(builder, flag, evidence, policy, facts)?
        }
        Change::RollBackRollout { flag, to } => rollout::roll_back(builder, flag, *to)?,
        Change::CancelRollout { flag } => rollout::cancel(builder, flag)?,
        Change::TakeStep { flag, step, evidence } => {
            rollout::take_step(builder, flag, (step, evidence), policy, facts)?;
        }
        Change::Report {
            flag,
            org,
            cause,
            ticket,
            text,
        } => report::open(builder, flag, org, (cause, ticket.as_deref(), text.as_deref()))?,
        Change::CloseReport { flag, report } => report::close(builder, flag, *report)?,
        Change::SetOverride { org, flag, variant } => {
            tenant::set_override(builder, org, flag, variant.as_ref())?;
        }
        Change::PutTenant { org, record } => tenant::put(builder, org, record)?,
        Change::PatchTenant { org, patch } => tenant::patch(builder, org, patch)?,
        Change::DeleteTenant { org } => tenant::delete(builder, org)?,
        Change::Allow { org, flag } => tenant::allow(builder, org, flag)?,
        Change::Disallow { org, flag } => tenant::disallow(builder, org, flag)?,
        Change::OptIn { org, flag } => tenant::opt_in(builder, org, flag)?,
        Change::OptOut { org, flag } => tenant::opt_out(builder, org, flag)?,
        Change::ImportTenants { mode, tenants } => import::import(builder, *mode, tenants)?,
        Change::ApplyDocument {
            document,
            prune,
            new_flags,
        } => {
            let missing_parts = if *prune {
                document::MissingParts::Removed
            } else {
                document::MissingParts::Kept
            };
            let options = document::Options {
                missing_parts,
                new_flags: new_flags.validated()?,
                policy,
                facts,
            };
            document::apply(builder, document, &options)?;
        }
    }
    Ok(())
}

/// Returns the audit entry of a rejected change.
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
    details.extend(request.incident_detail());
    let mut entry = Entry {
        outcome: Outcome::Refused,
        flag: request.change.flag().map(str::to_owned),
        org: request.change.org().map(str::to_owned),
        urgent: urgent_of(&request.change).cloned(),
        details,
        ..builder::entry(request, request.change.event())
    };
    entry.set_actor(&request.actor);
    entry
}

fn urgent_of(change: &Change) -> Option<&Urgent> {
    match change {
        Change::SetState { urgent, .. }
        | Change::ApplyDocument {
            new_flags: NewFlags::Adopted { urgent },
            ..
        } => urgent.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
