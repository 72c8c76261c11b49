//! The checks of a rollout plan that concern several of its fields. They need neither the flag nor the policy.

use std::collections::BTreeMap;

use rules::{Decimal, Lifecycle};
use serde_json::Value;

use crate::form::Placed;
use crate::node::Span;
use crate::rollout_plan::{Bound, Check, CheckAction, Finish, Metric, RolloutPlan, Stage};
use crate::validate::Validator;
use crate::value_json::ToJson as _;

/// Checks with their places; none for one that was refused.
pub(crate) type PlacedChecks = Vec<Option<Placed<Check>>>;

/// The parts of a plan with their places.
pub(crate) struct PlacedPlan {
    pub(crate) stages: Vec<Placed<PlacedStage>>,
    /// None if they are omitted; one of them is none if it was refused.
    pub(crate) checks: Option<PlacedChecks>,
    pub(crate) approvals: Vec<Placed<Box<str>>>,
    pub(crate) checklist: Vec<Placed<Box<str>>>,
    pub(crate) finish: Option<Placed<Finish>>,
}

/// A stage with the places of its fields.
#[derive(Debug)]
pub(crate) struct PlacedStage {
    pub(crate) name: Span,
    pub(crate) lifecycle: Option<Span>,
    pub(crate) percentage: Span,
    /// The checks that it adds.
    pub(crate) checks: PlacedChecks,
    pub(crate) stage: Stage,
}

/// Makes a plan of its parts and its other fields, and reports the parts that do not fit each other.
pub(crate) fn plan(placed: PlacedPlan, rest: RolloutPlan, validator: &mut Validator<'_>) -> RolloutPlan {
    refuse_repeated(&placed, validator);
    refuse_falling_percentages(&placed.stages, validator);
    refuse_lifecycles(&placed.stages, validator);
    refuse_unchecked(&placed, validator);
    refuse_partial_finish(&placed, validator);
    let values = |checks: PlacedChecks| checks.into_iter().flatten().map(|check| check.value).collect();
    let texts = |texts: Vec<Placed<Box<str>>>| texts.into_iter().map(|text| text.value).collect();
    let stages = placed.stages.into_iter().map(|placed| Stage {
        checks: values(placed.value.checks),
        ..placed.value.stage
    });
    RolloutPlan {
        stages: stages.collect(),
        checks: placed.checks.map_or_else(default_checks, values),
        approvals: texts(placed.approvals),
        checklist: texts(placed.checklist),
        finish: placed.finish.map(|finish| finish.value),
        ..rest
    }
}

/// Returns the checks of a plan that omits them.
fn default_checks() -> Vec<Check> {
    vec![Check {
        name: "errors".into(),
        metric: Metric::ErrorRate(Bound::Above(Decimal::from(1_u64))),
        then: CheckAction::Pause,
    }]
}

fn refuse_repeated(placed: &PlacedPlan, validator: &mut Validator<'_>) {
    let stages = placed.stages.iter();
    refuse_twice(
        "stages",
        stages.map(|stage| (&*stage.value.stage.name, stage.value.name)),
        validator,
    );
    fn names(checks: &[Option<Placed<Check>>]) -> impl Iterator<Item = (&str, Span)> {
        checks
            .iter()
            .flatten()
            .map(|check| (&*check.value.name, check.span))
    }
    let common = || names(placed.checks.as_deref().unwrap_or_default());
    refuse_twice("checks", common(), validator);
    for stage in &placed.stages {
        // The checks of the plan come first, so that the place is that of the check of the stage.
        let own: Vec<(&str, Span)> = names(&stage.value.checks).collect();
        let repeated = common().filter(|(name, _)| own.iter().any(|(other, _)| other == name));
        refuse_twice("checks", repeated.chain(own.iter().copied()), validator);
    }
    for (field, texts) in [("approvals", &placed.approvals), ("checklist", &placed.checklist)] {
        refuse_twice(
            field,
            texts.iter().map(|text| (&*text.value, text.span)),
            validator,
        );
    }
}

fn refuse_twice<'n>(
    field: &str,
    names: impl Iterator<Item = (&'n str, Span)>,
    validator: &mut Validator<'_>,
) {
    let mut seen = std::collections::BTreeSet::new();
    for (name, span) in names {
        if !seen.insert(name) {
            let title = format!("`{name}` is twice in `{field}`");
            validator.error(
                "duplicate",
                title,
                span,
                "use another name, or remove one of them",
            );
        }
    }
}

/// Reports stages that admit nobody whom an earlier stage has not admitted: within one audience a percentage only
/// rises. A promotion makes more tenants eligible, so with one the percentage may stay.
fn refuse_falling_percentages(stages: &[Placed<PlacedStage>], validator: &mut Validator<'_>) {
    let mut reached: BTreeMap<String, (Decimal, &str)> = BTreeMap::new();
    let everyone = Value::Null.to_string();
    for placed in stages {
        let stage = &placed.value.stage;
        let audience = stage.audience.as_ref();
        // Compared as JSON, which has no sites.
        let audience = audience.map_or(Value::Null, |audience| audience.value.to_json());
        let percentage = stage.percentage.value;
        let is_full = |(reached, _): &&(Decimal, &str)| *reached == Decimal::from(100_u64);
        let before = reached
            .get(&audience.to_string())
            .filter(|(reached, _)| {
                percentage < *reached || (percentage == *reached && stage.lifecycle.is_none())
            })
            .or_else(|| {
                let all = reached.get(&everyone).filter(is_full);
                all.filter(|_| stage.lifecycle.is_none())
            });
        if let Some((before, name)) = before {
            let title = format!(
                "stage `{}` admits nobody: stage `{name}` has {before} % of the same subjects",
                stage.name
            );
            let help = "within one audience write a higher percentage, or remove the stage";
            validator.error("out-of-range", title, placed.value.percentage, help);
        }
        let entry = reached
            .entry(audience.to_string())
            .or_insert((percentage, &*stage.name));
        if percentage >= entry.0 {
            *entry = (percentage, &*stage.name);
        }
    }
}

/// Reports lifecycles that do not follow each other, and `retired`, which ends a rollout.
fn refuse_lifecycles(stages: &[Placed<PlacedStage>], validator: &mut Validator<'_>) {
    let mut reached: Option<(Lifecycle, &str)> = None;
    for placed in stages {
        let (Some(lifecycle), Some(span)) = (placed.value.stage.lifecycle, placed.value.lifecycle) else {
            continue;
        };
        let name = &placed.value.stage.name;
        if lifecycle == Lifecycle::Retired {
            let title = format!("stage `{name}` can't retire the flag: a plan ends before");
            validator.error(
                "out-of-range",
                title,
                span,
                "remove it; retire the flag when the plan is completed",
            );
            continue;
        }
        if let Some((before, other)) = reached.filter(|(before, _)| lifecycle <= *before) {
            let title =
                format!("stage `{name}` promotes to {lifecycle}, but stage `{other}` has reached {before}");
            validator.error(
                "out-of-range",
                title,
                span,
                "remove it: the lifecycle stays until a later stage promotes",
            );
        }
        reached = Some((lifecycle, name));
    }
}

/// Reports stages to which no check applies: nothing would measure them.
fn refuse_unchecked(placed: &PlacedPlan, validator: &mut Validator<'_>) {
    // Default checks apply to every stage.
    let Some(common) = &placed.checks else { return };
    for stage in &placed.stages {
        let has_control = stage.value.stage.has_control();
        let all = || common.iter().chain(&stage.value.checks);
        // A check that was refused may apply.
        let may_apply = |check: &Option<Placed<Check>>| match check {
            Some(check) => has_control || !check.value.metric.is_comparison(),
            None => true,
        };
        if all().any(may_apply) {
            continue;
        }
        let name = &stage.value.stage.name;
        let (title, help) = if all().next().is_some() {
            (
                format!(
                    "no check applies to stage `{name}`: at 100 % there is no control arm to compare with"
                ),
                "add a check with `above` to it, such as `error_rate: { above: 1% }`",
            )
        } else {
            (
                format!("stage `{name}` has no check"),
                "add a check to it or to the plan, such as `error_rate: { above: 1% }`",
            )
        };
        validator.error("empty", title, stage.value.name, help);
    }
}

/// Reports a last step that gives the flag to subjects whom no stage has measured.
fn refuse_partial_finish(placed: &PlacedPlan, validator: &mut Validator<'_>) {
    let (Some(finish), Some(last)) = (&placed.finish, placed.stages.last()) else {
        return;
    };
    let stage = &last.value.stage;
    if stage.audience.is_none() && !stage.has_control() {
        return;
    }
    let title = format!(
        "`finish` writes the default for everyone, but the last stage, `{}`, has only a part of them",
        stage.name
    );
    let help = "add a last stage without an audience, with `percentage: 100`; or remove `finish`, and the stages stay \
                in force";
    validator.error("out-of-range", title, finish.span, help);
}
