//! The reasons for which a rollout plan waits: those of its stage, or those before its start.

use changes::{
    CheckResult, ManagedPlan, Refusal, RolloutState, Wait, is_open, next_opening, timestamp, waits,
};
use rules::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A reason for which a rollout plan waits; further members are the facts of the reason.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutWait)]
pub(crate) struct WaitBody {
    /// `time`, `check`, `unmeasured`, `approval`, `checklist`, `window`, `person`, or `condition`: a condition of a promotion.
    reason: &'static str,
    /// The reason as a sentence.
    detail: String,
    /// Its facts, by name: `remaining_ms` and `until`, `check` and `verdict`, `roles`, `items`, `opens`.
    #[serde(flatten)]
    facts: Map<String, Value>,
}

impl WaitBody {
    /// Returns a condition that holds up the step of the controller.
    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        Self::new("condition", refusal.detail.clone()).fact("code", refusal.code.as_str())
    }

    /// Returns the reason as a sentence.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        let (detail, facts) = (detail.into(), Map::new());
        Self {
            reason,
            detail,
            facts,
        }
    }

    fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    fn approval(roles: Vec<String>) -> Self {
        let detail = format!("these roles have not approved the plan: {}", roles.join(", "));
        Self::new("approval", detail).fact("roles", roles)
    }

    fn window(opens: Option<Timestamp>) -> Self {
        match opens {
            Some(opens) => {
                let detail = format!("the window is closed; it opens at {}", timestamp::minute(opens));
                Self::new("window", detail).fact("opens", timestamp::text(opens))
            }
            None => Self::new(
                "window",
                "the window is closed, and does not open within two weeks",
            ),
        }
    }

    fn of_stage(wait: Wait, now: Timestamp) -> Self {
        match wait {
            Wait::NotRunning => Self::new("person", "a person has to resume the plan"),
            Wait::Time { remaining_ms } => {
                let until = Timestamp(now.0.saturating_add(remaining_ms));
                let left = timestamp::duration(remaining_ms);
                let until_minute = timestamp::minute(until);
                Self::new(
                    "time",
                    format!("{left} of the stage are left, until {until_minute}"),
                )
                .fact("remaining_ms", remaining_ms)
                .fact("until", timestamp::text(until))
            }
            Wait::Check { check, verdict } => {
                let verdict = verdict.as_str();
                Self::new("check", format!("the check `{check}` is {verdict}"))
                    .fact("check", check)
                    .fact("verdict", verdict)
            }
            Wait::Unmeasured => Self::new(
                "unmeasured",
                "no check applies, so that nothing measured the stage",
            ),
            Wait::Approval { roles } => Self::approval(roles),
            Wait::Window { opens } => Self::window(opens),
            Wait::Person => Self::new("person", "a person has to advance the plan"),
        }
    }
}

/// Returns the reasons for which the plan waits: to be started, resumed, or to end its stage. An ended plan waits for
/// nothing.
pub(super) fn waits_of(managed: &ManagedPlan, verdicts: &[CheckResult], now: Timestamp) -> Vec<WaitBody> {
    match managed.state() {
        RolloutState::Draft | RolloutState::Approved => waits_for_start(managed, now),
        RolloutState::Running | RolloutState::Paused => {
            let waits = waits(managed, verdicts, now).into_iter();
            waits.map(|wait| WaitBody::of_stage(wait, now)).collect()
        }
        RolloutState::RolledBack | RolloutState::Cancelled | RolloutState::Completed => Vec::new(),
    }
}

fn waits_for_start(managed: &ManagedPlan, now: Timestamp) -> Vec<WaitBody> {
    let owned = |names: Vec<&str>| -> Vec<String> { names.into_iter().map(str::to_owned).collect() };
    let mut waits = Vec::new();
    let roles = owned(managed.missing_approvals());
    if !roles.is_empty() {
        waits.push(WaitBody::approval(roles));
    }
    let items = owned(managed.open_items());
    if !items.is_empty() {
        let detail = format!("these items of the checklist are open: {}", items.join(", "));
        waits.push(WaitBody::new("checklist", detail).fact("items", items));
    }
    let windows = managed.plan.window_of(0);
    if !is_open(windows, now) {
        waits.push(WaitBody::window(next_opening(windows, now)));
    }
    waits.push(WaitBody::new("person", "a person has to start the plan"));
    waits
}
