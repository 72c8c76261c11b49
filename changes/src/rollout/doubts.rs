//! Doubts about a plan that is set: it is probably not as intended, but it is not certain that it cannot advance. Records of
//! tenants and settings can change until a stage is entered, so that a doubt is a note and no refusal.

use std::collections::BTreeSet;

use config::{Metric, RolloutPlan, Stage, closest};
use rules::RESERVED_ATTRIBUTES;

use super::audience::{self, FindSegment};
use crate::condition_names::attributes_of;
use crate::plan::{Note, NoteCode};
use crate::state::State;

/// Returns a note for each doubt. `requested` has the attributes that tokens and requests can have; none if they are not
/// known.
pub(crate) fn doubts(
    plan: &RolloutPlan,
    state: &State,
    segment: FindSegment<'_>,
    requested: Option<&[String]>,
) -> Vec<Note> {
    let attributes = requested.map(|requested| known_attributes(state, requested));
    let mut notes = Vec::new();
    for (index, stage) in plan.stages.iter().enumerate() {
        if let Some(known) = &attributes {
            notes.extend(unknown_attributes(stage, known));
        }
        notes.extend(few_tenants(plan, (index, stage), state, segment));
    }
    notes.extend(no_error_check(plan));
    notes
}

/// Returns a note for the stages in which no check measures errors.
fn no_error_check(plan: &RolloutPlan) -> Option<Note> {
    let measures = |index: usize| {
        let mut checks = plan.applicable_checks(index);
        checks.any(|check| matches!(check.metric, Metric::ErrorRate(_)))
    };
    let stages = plan.stages.iter().enumerate();
    let unmeasured = stages.filter(|(index, _)| !measures(*index));
    let names: Vec<String> = unmeasured.map(|(_, stage)| format!("`{}`", stage.name)).collect();
    let (which, ends) = match names.len() {
        0 => return None,
        1 => ("stage", "the stage ends"),
        _ => ("stages", "each of them ends"),
    };
    Some(Note {
        code: NoteCode::NoErrorCheck,
        detail: format!(
            "no check of {which} {} measures errors: {ends} only while the requests of the flag met no more errors than \
             `control.promotion` allows, by default none in 24 h",
            names.join(", ")
        ),
        help: "add a check such as `{ name: errors, error_rate: { above: 1% }, then: pause }`".to_owned(),
    })
}

/// Returns the attributes that a subject can have: the reserved ones, those of records, and those of requests.
fn known_attributes<'k>(state: &'k State, requested: &'k [String]) -> BTreeSet<&'k str> {
    let records = state
        .tenants()
        .filter_map(|(_, record)| record.attributes.as_deref());
    let records = records.flatten().map(|(name, _)| &*name.value);
    let requested = requested.iter().map(String::as_str);
    records.chain(requested).chain(RESERVED_ATTRIBUTES).collect()
}

fn unknown_attributes(stage: &Stage, known: &BTreeSet<&str>) -> impl Iterator<Item = Note> {
    let audience = stage.audience.iter();
    let attributes = audience.flat_map(|audience| attributes_of(&audience.value));
    let unknown = attributes.filter(|attribute| !known.contains(attribute));
    unknown.map(|attribute| {
        let help = closest(attribute, known.iter().copied()).map_or_else(
            || {
                "add it to the records of tenants, or to `claims.attributes` or `identity.attributes` in sluice.yaml"
                    .to_owned()
            },
            |meant| format!("did you mean `{meant}`?"),
        );
        Note {
            code: NoteCode::UnknownAttribute,
            detail: format!(
                "the audience of stage `{}` reads the attribute `{attribute}`, which no tenant record, token or request has",
                stage.name
            ),
            help,
        }
    })
}

/// Compares the minimum of tenants with those that can be in the smaller arm. The share is an estimate, since the bucket of
/// each tenant decides.
fn few_tenants(
    plan: &RolloutPlan,
    (index, stage): (usize, &Stage),
    state: &State,
    segment: FindSegment<'_>,
) -> Option<Note> {
    let audience = &stage.audience.as_ref()?.value;
    let is_counted = |metric: &Metric| !matches!(metric, Metric::Prometheus { .. } | Metric::Reports { .. });
    plan.applicable_checks(index)
        .find(|check| is_counted(&check.metric))?;
    let tenants = u64::try_from(audience::number_of_tenants(audience, state, segment)?).ok()?;
    let is_by_tenant = plan.by.as_ref().is_none_or(|by| &*by.value == "tenant");
    let in_treatment = plan.share_of(index);
    let smaller_arm = match stage.has_control() {
        true => in_treatment.min(1.0 - in_treatment),
        false => in_treatment,
    };
    // Tenants that an earlier stage has admitted are in neither arm.
    let share = (1.0 - plan.admitted_before(index)) * smaller_arm;
    let smaller = match is_by_tenant || share <= 0.0 {
        true => part_of(tenants, share),
        false => tenants,
    };
    let needed = plan.minimum.tenants;
    let in_arms = match smaller == tenants {
        true => String::new(),
        false => format!(", about {smaller} of them in the smaller arm"),
    };
    (smaller < needed).then(|| Note {
        code: NoteCode::FewTenants,
        detail: format!(
            "the checks of stage `{}` cannot pass now: {tenants} of the tenants can meet its audience{in_arms}, and \
             `minimum.tenants` is {needed}",
            stage.name
        ),
        help: "lower `minimum.tenants`, widen the audience, or add tenants before the stage is entered".to_owned(),
    })
}

/// The error of a number of tenants by the arithmetic of shares, at most.
const ROUNDING: f64 = 1e-6;

/// Returns a share of the tenants, rounded up.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate of a number of tenants, which is small and not negative"
)]
fn part_of(tenants: u64, share: f64) -> u64 {
    (tenants as f64 * share - ROUNDING).ceil() as u64
}
