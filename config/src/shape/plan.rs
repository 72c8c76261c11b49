//! The form of a rollout plan: its stages and its other fields. `lower::plan` checks what several fields decide.

mod check;
mod text;
mod window;

use rules::{Breaker, Decimal, Lifecycle, Spelled};

use self::check::CheckForm;
use self::text::{Item, PlanName, invalid_percentage, percent};
use self::window::Windows;
use super::Shape;
use super::condition::Condition;
use super::serve::{Identifier, Serve};
use crate::form::{
    Boolean, Boxed, Duration, Form, List, Number, Owned, Percentage, Placed, Prose, VariantWord, Whole,
    object, parsed, words,
};
use crate::json;
use crate::lower::plan::{PlacedPlan, PlacedStage, plan};
use crate::node::Node;
use crate::rollout_plan::{
    Advance, DEFAULT_ALPHA, DEFAULT_CAP, DEFAULT_PATIENCE_MS, Finish, MAX_APPROVALS, MAX_CHECKLIST,
    MAX_CHECKS, MAX_ERRORS, MAX_STAGES, Minimum, Rollback, RolloutPlan, Stage,
};
use crate::validate::{InvalidValue, Slot, Validator};

/// The durations of a stage, in milliseconds: 1 s to 365 days.
const STAGE_MS: std::ops::RangeInclusive<u64> = 1_000..=365 * 86_400_000;
/// The default of `requests` of a breaker.
const BREAKER_REQUESTS: u32 = 20;
/// The default of `for` of a breaker, in milliseconds: 15 min.
const BREAKER_MS: u64 = 900_000;

object! {
    /// Rollout of a flag in stages, which are measured and advance, pause or roll back by themselves.
    PlanForm("a rollout plan"): RolloutPlan {
        /// Ticket of the release.
        ticket: optional Boxed<Prose>,
        /// Stages, in their order.
        stages: required List<Placed<StageForm>, 1, MAX_STAGES>,
        /// Checks of every stage. Default: more than 1 % of errors pauses the plan.
        checks: optional List<Option<Placed<CheckForm>>, 0, MAX_CHECKS>,
        /// Sample that a check needs in each arm to pass. It is not needed to fail.
        minimum: optional MinimumForm,
        /// Times at which a stage may be entered. Default: any time.
        window: default Windows,
        /// Roles that must approve the plan before the start, each by another person. Default: none.
        approvals: default List<Placed<PlanName>, 0, MAX_APPROVALS>,
        /// Items that must be checked off before the start. Default: none.
        checklist: default List<Placed<Item>, 0, MAX_CHECKLIST>,
        /// Effect of a rollback: `kill` kills the flag, `exposure` sets the percentage to 0, `previous` goes back one
        /// stage. Default: kill.
        rollback: default Rollback,
        /// Last step, after the last stage. Default: none; the stages stay in force.
        finish: optional Placed<FinishForm>,
        /// Attribute that selects the bucket: `tenant`, `user` or the name of another. Default: tenant.
        by: optional Placed<Owned<Identifier>>,
        /// Variant or split that admitted subjects are served. Default: the variant `on`.
        serve: optional Serve,
        /// Statuses that are errors, besides those from 500. Default: none.
        errors: default ErrorStatuses,
        /// Probability of a false alarm, for the whole plan. Default: 0.005.
        alpha: optional Alpha,
        /// Number of requests that count of one unit, arm and 5 s at most. Default: 20.
        cap: optional Whole<u32, 1, 100_000>,
        /// Time after which people are notified of a stage that cannot end. Default: 2d.
        patience: optional Patience,
        /// Circuit breaker: turns the flag off for one tenant whose requests fail. Default: none.
        breaker: optional BreakerForm,
    } with validator => {
        let default_alpha = Decimal::parse(DEFAULT_ALPHA).unwrap_or(Decimal::ZERO);
        let placed = PlacedPlan { stages, checks, approvals, checklist, finish };
        let rest = RolloutPlan {
            ticket,
            stages: Vec::new(),
            checks: Vec::new(),
            minimum: minimum.unwrap_or_default(),
            window,
            approvals: Vec::new(),
            checklist: Vec::new(),
            rollback,
            finish: None,
            by: by.map(|by| rules::Sited::new(by.value, rules::Site::default())),
            serve,
            errors,
            alpha: alpha.unwrap_or(default_alpha),
            cap: cap.unwrap_or(DEFAULT_CAP),
            patience_ms: patience.unwrap_or(DEFAULT_PATIENCE_MS),
            breaker,
        };
        plan(placed, rest, validator)
    }
}

/// Statuses that are errors.
pub(crate) type ErrorStatuses = List<Whole<u16, 100, 599>, 0, MAX_ERRORS>;

/// A plan as JSON text, for definitions, which do not read it.
pub(crate) enum PlanText {}

impl Form for PlanText {
    type Value<'s> = Box<str>;

    const SHAPE: Shape = PlanForm::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Box<str>> {
        PlanForm::read(node, slot, validator)?;
        Some(json::value(node).to_string().into_boxed_str())
    }
}

object! {
    /// Stage of a rollout plan: a percentage of an audience, for a duration.
    StageForm("a stage"): PlacedStage {
        /// Name, unique in the plan.
        name: required Placed<PlanName>,
        /// Lifecycle to which the flag is promoted when the stage begins. Default: it stays.
        lifecycle: optional Placed<Lifecycle>,
        /// Condition of the subjects that take part. Default: everyone.
        audience: optional rules::Sited<Condition>,
        /// Percentage of the audience, over 0 and up to 100, in steps of 0.001.
        percentage: required Placed<StagePercentage>,
        /// Duration of the stage. It ends when this time has passed, its checks pass and the window is open.
        duration("for"): required StageDuration,
        /// `auto`: the next stage begins by itself. `manual`: a person advances the plan. Default: auto.
        advance: default Advance,
        /// Checks that the stage adds to those of the plan. Default: none.
        checks: default List<Option<Placed<CheckForm>>, 0, MAX_CHECKS>,
        /// Times at which the stage may begin. Default: those of the plan.
        window: default Windows,
    } => PlacedStage {
        name: name.span,
        lifecycle: lifecycle.as_ref().map(|lifecycle| lifecycle.span),
        percentage: percentage.span,
        checks,
        stage: Stage {
            name: name.value,
            lifecycle: lifecycle.map(|lifecycle| lifecycle.value),
            audience,
            percentage: percentage.value,
            for_ms: duration,
            advance,
            checks: Vec::new(),
            window,
        },
    }
}

object! {
    /// Sample that a check needs in each arm to pass.
    MinimumForm("a minimum"): Minimum {
        /// Number of requests. Default: 500.
        requests: optional Whole<u64, 0, 1_000_000_000>,
        /// Number of tenants. Default: 3.
        tenants: optional Whole<u64, 0, 1_000_000>,
    } => {
        let left_out = Minimum::default();
        Minimum { requests: requests.unwrap_or(left_out.requests), tenants: tenants.unwrap_or(left_out.tenants) }
    }
}

object! {
    /// Last step of a rollout plan: the stages are replaced by a default.
    FinishForm("a finish"): Finish {
        /// Variant that is served if nothing else decides.
        default: required rules::Sited<Owned<VariantWord>>,
    } => Finish { default }
}

object! {
    /// Circuit breaker, which turns the flag off for a tenant whose requests fail.
    BreakerForm("a breaker"): Breaker {
        /// Percentage of the tenant's requests that must fail, within 60 s.
        errors: required Share,
        /// Number of requests within 60 s from which it counts. Default: 20.
        requests: optional Whole<u32, 1, 1_000_000>,
        /// Time that the flag is off for the tenant. Default: 15m.
        duration("for"): optional StageDuration,
        /// `true`: only report when it would turn the flag off. Default: false.
        dry_run: optional Boolean,
    } => Breaker {
        errors,
        requests: requests.unwrap_or(BREAKER_REQUESTS),
        for_ms: duration.unwrap_or(BREAKER_MS),
        dry_run: dry_run.unwrap_or_default(),
    }
}

words! { Advance::ALL }
words! { Rollback::ALL }

parsed! {
    Share("a percentage such as `50%`", "invalid-percentage"): Decimal = |text| {
        let share = percent(text).filter(|share| *share > Decimal::ZERO && *share <= Decimal::from(100_u64));
        share.ok_or_else(|| invalid_percentage(text, "write a percentage over 0 and up to 100, such as `50%`"))
    };
}

parsed! {
    /// The percentage of a stage.
    StagePercentage: Percentage, "invalid-percentage", Spelled<Decimal> = |percentage, _| {
        let text = percentage.value.to_string();
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let is_within = percentage.value > Decimal::ZERO && percentage.value <= Decimal::from(100_u64);
        if is_within && decimals <= 3 && !text.contains('e') {
            return Ok(percentage);
        }
        let title = format!("a stage can't have {text} % of its audience");
        Err(InvalidValue::new(title, "write a number over 0 and up to 100, with at most three decimals"))
    };
    /// The duration of a stage.
    StageDuration: Duration, "out-of-range", u64 = |ms, field| {
        let title = || format!("`{field}` is shorter than 1 s or longer than 365 days");
        STAGE_MS.contains(&ms).then_some(ms).ok_or_else(|| InvalidValue::new(title(), "write a duration such as `2d`"))
    };
    /// The time after which people are notified.
    Patience: Duration, "out-of-range", u64 = |ms, field| {
        let title = || format!("`{field}` is shorter than 1 s or longer than 365 days");
        STAGE_MS.contains(&ms).then_some(ms).ok_or_else(|| InvalidValue::new(title(), "write a duration such as `2d`"))
    };
    /// The probability of a false alarm.
    Alpha: Number, "out-of-range", Decimal = |alpha, _| {
        let half = Decimal::parse("0.5").unwrap_or(Decimal::ZERO);
        let least = Decimal::parse("1e-9").unwrap_or(Decimal::ZERO);
        let title = || format!("`alpha` can't be {}", alpha.value);
        let is_within = alpha.value >= least && alpha.value <= half;
        is_within.then_some(alpha.value)
            .ok_or_else(|| InvalidValue::new(title(), "write a probability from 0.000000001 to 0.5, such as 0.005"))
    };
}
