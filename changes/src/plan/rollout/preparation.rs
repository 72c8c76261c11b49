//! The preparation of a plan: setting, editing and removing it, approvals and the checklist.

use config::{JsonEdit, RolloutPlan, ToJson as _, read_exposure, read_plan};
use rules::{Eligibility, FlagDefinition, FlagsDefinition, Names, Site, Sited, Timestamp};
use serde_json::{Map, Value};

use super::{ended_help, mark, planned_flag, running, write, wrong_state};
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::plan::builder::{PlanBuilder, PlanStep};
use crate::plan::facts::Facts;
use crate::plan::note::Note;
use crate::plan::planned::NoPlan;
use crate::policy::LifecyclePolicy;
use crate::refusal::{Code, Refusal};
use crate::rollout::{
    Approval, CheckedItem, ManagedPlan, Surroundings, doubts, exposure_at, run_id, unsuitable,
};
use crate::state::State;

/// Sets the plan of a flag, or edits the later stages of an active one.
pub(in crate::plan) fn set(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    written: &Value,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> PlanStep {
    let flag = builder.flag(key)?;
    let Some(plan) = read_plan(written) else {
        return Err(malformed(key, &flag, written));
    };
    let state = builder.state;
    let mut reasons = check(state, (key, &flag), &plan, (policy, facts), builder.at());
    let before = flag.state.plan.as_deref().cloned();
    let active = before.as_ref().filter(|before| before.state().is_active());
    if let Some(active) = active {
        reasons.extend(edits_present(active, &plan));
    }
    if !reasons.is_empty() {
        return Err(reasons.into());
    }
    if let Some(staged) = uncompilable(state, &flag, &plan) {
        let edit = JsonEdit::Flag(key.to_owned(), Some(staged.to_json()));
        return Err(NoPlan::Unreadable(vec![edit]));
    }
    builder.summary().notes.extend(notes(state, &plan, facts));
    let details = Map::from_iter([("plan".to_owned(), written.clone())]);
    let managed = match before {
        Some(before)
            if *before.plan == plan && (before.state().is_active() || before.state().is_prepared()) =>
        {
            // The same plan again: its approvals stay valid.
            return Ok(());
        }
        Some(mut before) if before.state().is_active() || before.state().is_prepared() => {
            before.edit(plan, mark(builder));
            before
        }
        Some(_) | None => {
            let id = run_id(&plan, builder.run_facts(key));
            ManagedPlan::new(plan, id, mark(builder))
        }
    };
    write(builder, Event::PlanSet, key, flag, Some(managed), details);
    Ok(())
}

/// Returns the reasons for which the plan cannot advance with the segments and tenants of this state.
pub(in crate::plan) fn check(
    state: &State,
    (key, flag): (&str, &ManagedFlag),
    plan: &RolloutPlan,
    (policy, facts): (&LifecyclePolicy, &dyn Facts),
    at: Timestamp,
) -> Vec<Refusal> {
    let segments = &state.document.segments;
    let segment = |name: &str| segments.get(name).cloned();
    let entered = flag.state.plan.as_deref();
    let entered = entered.filter(|managed| managed.state().is_active());
    let entered = entered.and_then(|managed| managed.run.stage);
    unsuitable(
        plan,
        &Surroundings {
            key,
            flag,
            tenants: state,
            segment: &segment,
            segments: segments.keys().map(|name| &**name).collect(),
            policy,
            entered: entered.map_or(0, |stage| stage.saturating_add(1)),
            has_operators: facts.has_operators(),
            at,
        },
    )
}

/// Returns the notes about a plan that is probably not as intended.
pub(in crate::plan) fn notes(state: &State, plan: &RolloutPlan, facts: &dyn Facts) -> Vec<Note> {
    let segments = &state.document.segments;
    let requested = facts.request_attributes();
    doubts(
        plan,
        state,
        &|name| segments.get(name).cloned(),
        requested.as_deref(),
    )
}

/// Returns the flag with a plan that does not have its form, to be explained.
fn malformed(key: &str, flag: &ManagedFlag, written: &Value) -> NoPlan {
    let mut definition = flag.definition.to_json();
    if let Some(fields) = definition.as_object_mut() {
        fields.insert("plan".to_owned(), written.clone());
    }
    NoPlan::Unreadable(vec![JsonEdit::Flag(key.to_owned(), Some(definition))])
}

/// Returns the flag with all stages of the plan in force, if it does not compile: otherwise an invalid audience or split
/// would be found only when its stage is entered.
pub(in crate::plan) fn uncompilable(
    state: &State,
    flag: &ManagedFlag,
    plan: &RolloutPlan,
) -> Option<FlagDefinition> {
    let document = &state.document;
    let exposure = exposure_at(plan, plan.stages.len());
    let mut staged = flag.definition.as_ref().clone();
    staged.exposure = read_exposure(&exposure);
    // Without its references to other flags and to tiers, which are valid already.
    let alone = FlagDefinition {
        requires: Vec::new(),
        tiers: Vec::new(),
        ..staged.clone()
    };
    let tiers = document.head.fields().get("tiers").and_then(Value::as_array);
    let tiers = tiers.into_iter().flatten().filter_map(Value::as_str);
    let definition = FlagsDefinition {
        tiers: tiers
            .map(|tier| Sited::new(tier.to_owned().into(), Site::default()))
            .collect(),
        segments: document.segments.values().cloned().collect(),
        flags: vec![alone.into()],
        ..FlagsDefinition::default()
    };
    let names = Names::new(&definition);
    let compiled = rules::compile(&definition, &names, Eligibility::default());
    compiled.is_err().then_some(staged)
}

/// Returns a reason for each part of an active plan that an edit changes and that is in force: everything but the later
/// stages.
fn edits_present(active: &ManagedPlan, edited: &RolloutPlan) -> Vec<Refusal> {
    let entered = active.run.stage.map_or(0, |stage| stage.saturating_add(1));
    let (before, after) = (active.plan.to_json(), edited.to_json());
    let fields = crate::plan::difference::fields(&before, &after);
    let mut changed: Vec<String> = fields.into_iter().filter(|field| field != "stages").collect();
    for (index, stage) in active.plan.stages.iter().take(entered).enumerate() {
        if edited.stages.get(index) != Some(stage) {
            changed.push(format!("stages[{index}]"));
        }
    }
    let refusals = changed.into_iter().map(|field| {
        let state = active.state().as_str();
        let detail =
            format!("the plan is {state}: `{field}` can't be changed, only stages after the present one");
        Refusal::new(Code::InvalidPlan, detail)
            .help("write the change into the later stages, or cancel the plan and set another one")
            .fact("field", field)
    });
    refusals.collect()
}

/// Removes the plan of a flag with its stages.
pub(in crate::plan) fn remove(builder: &mut PlanBuilder<'_>, key: &str) -> PlanStep {
    let (flag, managed) = planned_flag(builder, key)?;
    if managed.state().is_active() && !builder.request.force {
        return Err(vec![running(key, &managed, "removes")].into());
    }
    let details = Map::from_iter([("run".to_owned(), managed.run.id.into())]);
    write(builder, Event::PlanRemoved, key, flag, None, details);
    Ok(())
}

/// Adds the actor's approval for one role, in place of an earlier one for that role. An actor approves for one role only.
pub(in crate::plan) fn approve(builder: &mut PlanBuilder<'_>, key: &str, as_role: &str) -> PlanStep {
    let (flag, mut managed) = planned_flag(builder, key)?;
    let actor = &builder.request.actor;
    let mut refusals = Vec::new();
    if let Some(help) = ended_help(key, managed.state()) {
        refusals.extend(wrong_state(key, &managed, help));
    }
    let roles = &managed.plan.approvals;
    if !roles.iter().any(|role| **role == *as_role) {
        let names: Vec<&str> = roles.iter().map(|role| &**role).collect();
        let detail = match names.as_slice() {
            [] => "the plan asks for no approvals".to_owned(),
            names => format!(
                "{as_role} is not a role of the plan; its roles are {}",
                names.join(", ")
            ),
        };
        let names: Vec<Value> = names.into_iter().map(Value::from).collect();
        refusals.push(Refusal::new(Code::UnknownApproval, detail).fact("roles", names));
    }
    let mut given = managed.run.approvals.iter();
    if let Some(taken) = given.find(|given| given.by == actor.name && given.role != as_role) {
        let detail = format!("{} has approved the plan for {} already", actor.name, taken.role);
        let help = format!("have somebody else approve for {as_role}: one person approves for one role");
        let refusal = Refusal::new(Code::ApprovalTaken, detail).help(help);
        refusals.push(refusal.fact("approved_as", taken.role.as_str()));
    }
    if !refusals.is_empty() {
        return Err(refusals.into());
    }
    let mut given = managed.run.approvals.iter();
    if given.any(|given| given.role == as_role && given.by == actor.name) {
        return Ok(());
    }
    managed.run.approvals.retain(|given| given.role != as_role);
    managed.run.approvals.push(Approval {
        role: as_role.to_owned(),
        by: actor.name.clone(),
        at: builder.at(),
    });
    managed.approved(as_role, mark(builder));
    managed.settle_approval();
    let details = Map::from_iter([("role".to_owned(), as_role.into())]);
    write(builder, Event::PlanApproved, key, flag, Some(managed), details);
    Ok(())
}

/// Marks an item of the checklist as done, or as open again.
pub(in crate::plan) fn check_item(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    item: &str,
    is_done: bool,
) -> PlanStep {
    let (flag, mut managed) = planned_flag(builder, key)?;
    if !managed.state().is_prepared() {
        let help = ended_help(key, managed.state())
            .unwrap_or_else(|| "the checklist is complete once the plan was started".to_owned());
        return Err(wrong_state(key, &managed, help).into());
    }
    let items = &managed.plan.checklist;
    if !items.iter().any(|known| **known == *item) {
        let known = items.iter().map(|known| &**known);
        let meant = config::closest(item, known.clone());
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write an item as in the plan".to_owned(),
        };
        let known: Vec<Value> = known.map(Value::from).collect();
        let refusal = Refusal::new(Code::UnknownItem, format!("the checklist has no item `{item}`"));
        return Err(vec![refusal.help(help).fact("items", known)].into());
    }
    let was_done = managed.run.checked.iter().any(|checked| checked.item == item);
    if was_done == is_done {
        return Ok(());
    }
    if is_done {
        managed.run.checked.push(CheckedItem {
            item: item.to_owned(),
            by: builder.request.actor.name.clone(),
            at: builder.at(),
        });
    } else {
        managed.run.checked.retain(|checked| checked.item != item);
    }
    let details = [("item", Value::from(item)), ("done", is_done.into())];
    let details = details.map(|(name, value)| (name.to_owned(), value));
    write(
        builder,
        Event::PlanItemChecked,
        key,
        flag,
        Some(managed),
        Map::from_iter(details),
    );
    Ok(())
}
