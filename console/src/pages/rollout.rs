//! The rollout plan of a flag: its stages, its checks, both arms over time, what it waits for, and its history.

mod check_row;
mod curves;
mod first_plan;
mod stage_step;

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use control::Template as PlanTemplate;

use crate::admin_api::Call;
use crate::answers::{Arm, Flag, Rollout, RolloutEvidence};
use crate::change::{NO_PLAN, plan_digest};
use crate::chart::{self, Look, Unit};
use crate::console::Console;
use crate::filters::{self, shown_bytes};
use crate::form::Form;
use crate::interval;
use crate::page::{self, Page, Section};
use crate::texts::text;
use crate::visitor::Visitor;

use self::check_row::CheckRow;
use self::curves::{Bounds, Curves, Range};
use self::stage_step::{Progress, StageStep};
use super::flag_header::{FlagHeader, Tab};

#[derive(Template)]
#[template(path = "rollout.html")]
struct RolloutPage {
    page: Page,
    header: FlagHeader,
    rollout: Rollout,
    evidence: Option<RolloutEvidence>,
    stages: Vec<StageStep>,
    checks: Vec<CheckRow>,
    curves: Curves,
    /// The plan, to be read and edited.
    plan: String,
    /// True if the plan is too long for the page, which then does not show it.
    is_plan_long: bool,
    /// Names the plan that the page shows, in its form.
    plan_digest: String,
    may: Permissions,
}

/// The page of a flag without a plan.
#[derive(Template)]
#[template(path = "rollout_none.html")]
struct NoRolloutPage {
    page: Page,
    header: FlagHeader,
    /// The template of the plan in the form.
    template: PlanTemplate,
    /// The plan in the form.
    plan: Cow<'static, str>,
    may_set: bool,
}

/// The operations that the visitor may use.
struct Permissions {
    set: bool,
    remove: bool,
    approve: bool,
    check: bool,
    start: bool,
    pause: bool,
    resume: bool,
    advance: bool,
    roll_back: bool,
    cancel: bool,
    tick: bool,
}

impl Permissions {
    /// Returns the operations that the visitor may use in the state of the plan.
    fn new(visitor: &Visitor, rollout: &Rollout) -> Self {
        let may = |is_possible: bool, operation: &str| is_possible && visitor.may(operation);
        let (is_before, is_active) = (rollout.is_before_start(), rollout.is_active());
        let (is_running, is_paused) = (rollout.state == "running", rollout.state == "paused");
        Self {
            set: may(true, "setRolloutPlan"),
            remove: may(!is_active, "removeRolloutPlan"),
            approve: may(is_before, "approveRolloutPlan"),
            check: may(is_before, "checkRolloutItem"),
            start: may(is_before, "startRollout"),
            pause: may(is_running, "pauseRollout"),
            resume: may(is_paused, "resumeRollout"),
            advance: may(is_running, "advanceRollout"),
            roll_back: may(is_active, "rollBackRollout"),
            cancel: may(is_active, "cancelRollout"),
            tick: may(is_running, "tickRollout"),
        }
    }

    /// Returns true if the plan can be operated at all.
    fn any(&self) -> bool {
        [
            self.start,
            self.pause,
            self.resume,
            self.advance,
            self.roll_back,
            self.cancel,
            self.tick,
            self.remove,
        ]
        .contains(&true)
    }
}

/// The longest plan that the page shows, in bytes with its escapes.
const MAX_PLAN_BYTES: usize = 48 * 1_024;
/// The number of turns of the history that the page shows.
const MAX_TURNS: usize = 50;

/// The other effects of a rollback; the id of the text of each follows `rollback-`.
const ROLLBACKS: &[&str] = &["kill", "exposure", "previous"];

/// A button: whether it is offered, its operation, the id of its text, its class.
type Button = (bool, &'static str, &'static str, &'static str);

impl RolloutPage {
    /// Returns the buttons without further fields.
    fn buttons(&self) -> [Button; 4] {
        let may = &self.may;
        [
            (may.start, "rollout-start", "button-rollout-start", "primary"),
            (may.resume, "rollout-resume", "button-rollout-resume", "primary"),
            (may.pause, "rollout-pause", "button-rollout-pause", ""),
            (may.tick, "rollout-tick", "button-rollout-tick", ""),
        ]
    }

    /// Returns the buttons that end the plan.
    fn ends(&self) -> [Button; 2] {
        let may = &self.may;
        [
            (may.cancel, "rollout-cancel", "button-rollout-cancel", "quiet"),
            (
                may.remove,
                "rollout-remove-plan",
                "button-rollout-remove",
                "quiet",
            ),
        ]
    }

    /// Returns the id of the word for a pause or an end. A rollback says what it did.
    fn halt_text(&self) -> String {
        let rollout = &self.rollout;
        let present = rollout.stage.as_ref().map(|stage| &*stage.name);
        match (&*rollout.state, present) {
            ("rolled_back", Some(stage)) if rollout.is_withdrawn(stage) => "halt-to-zero".to_owned(),
            ("rolled_back", _) if rollout.rolled_back_stage() != present => "halt-to-previous".to_owned(),
            ("rolled_back", _) if !self.header.flag.enabled => "halt-to-kill".to_owned(),
            (state, _) => format!("halt-{state}"),
        }
    }

    /// Returns true if a check is a statistical test.
    fn has_evidence(&self) -> bool {
        self.checks.iter().any(|check| check.evidence.is_some())
    }

    /// Returns the effect that the plan has for a rollback, in words.
    fn planned_rollback(&self) -> Cow<'static, str> {
        let planned = self
            .rollout
            .plan
            .get("rollback")
            .and_then(|effect| effect.as_str());
        // A plan without one kills the flag.
        text(&format!("rollback-{}", planned.unwrap_or("kill")))
    }

    /// Returns an arm's share of errors with its interval: `0.4 % (0.1 to 0.9 %)`.
    fn rate(arm: &Arm) -> String {
        if arm.requests == 0 {
            return "-".to_owned();
        }
        let share = chart::number(arm.errors) / chart::number(arm.requests);
        let (low, high) = interval::share(arm.errors, arm.requests);
        let [share, low, high] = [share, low, high].map(|share| Unit::Share.format(share));
        format!("{share} ({low} – {high})")
    }

    /// Returns a latency; `-` without one.
    fn latency(milliseconds: Option<&f64>) -> String {
        milliseconds.map_or_else(|| "-".to_owned(), |value| Unit::Milliseconds.format(*value))
    }

    /// Returns a share in percent.
    fn percent(share: &f64) -> String {
        Unit::Share.format(*share)
    }
}

/// Returns the absolute bounds of the checks, for the charts.
fn bounds(evidence: Option<&RolloutEvidence>) -> Bounds {
    let find = |metric: &str, unit: &str| {
        let mut checks = evidence.into_iter().flat_map(|evidence| &evidence.checks);
        let found = checks.find(|check| check.metric == metric && check.unit == unit);
        found.and_then(|check| check.bound)
    };
    Bounds {
        error_rate: find("error_rate", "share"),
        p95_ms: find("p95", "seconds").map(|seconds| seconds * 1_000.0),
    }
}

/// Shows the plan.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &key);
    let call = Call::get(&["platform", "feature-flags", &key]);
    let flag = match console.api.request::<Flag>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let header = FlagHeader::new(&visitor, flag, Tab::Rollout);
    let query = Form::of_query(&uri);
    let call = Call::get(&["platform", "feature-flags", &key, "rollout"]);
    let rollout = match console.api.request::<Rollout>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) if problem.code == "PLAN_NOT_FOUND" => {
            let template = first_plan::template(header.flag.lifecycle.as_deref());
            let plan = first_plan::text(template, !visitor.is_local());
            let may_set = visitor.may("setRolloutPlan");
            let page = NoRolloutPage {
                page,
                header,
                template,
                plan,
                may_set,
            };
            return page::render(StatusCode::OK, &page);
        }
        Err(problem) => return page::problem(page, &problem),
    };
    let call = Call::get(&["platform", "feature-flags", &key, "rollout", "evidence"]).with("minutes", "true");
    // A plan without evidence is shown all the same.
    let evidence = console.api.request::<RolloutEvidence>(&visitor, call).await;
    let evidence = evidence.ok().map(|answer| answer.body);
    let range = Range::read(&query);
    let minutes = evidence.as_ref().map_or(&[][..], |evidence| &evidence.minutes);
    let checks = evidence.iter().flat_map(|evidence| &evidence.checks);
    let plan = serde_json::to_string_pretty(&rollout.plan).unwrap_or_default();
    let template = RolloutPage {
        stages: StageStep::of(&rollout),
        checks: checks.map(CheckRow::new).collect(),
        curves: Curves::new(minutes, range, (console.clock)(), bounds(evidence.as_ref())),
        is_plan_long: shown_bytes(&plan) > MAX_PLAN_BYTES,
        plan,
        plan_digest: plan_digest(&rollout.plan),
        may: Permissions::new(&visitor, &rollout),
        page,
        header,
        rollout,
        evidence,
    };
    page::render(StatusCode::OK, &template)
}
