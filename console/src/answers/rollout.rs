//! Rollout plans and their evidence, as pages show them.

use control::duration_text;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chart::{self, Svg};

/// A page of rollout plans.
#[derive(Debug, Deserialize)]
pub(crate) struct RolloutList {
    pub(crate) rollouts: Vec<Rollout>,
    /// The key after which the next page starts.
    pub(crate) next: Option<String>,
}

/// A rollout plan with its state. Lists have no more than the state.
#[derive(Debug, Deserialize)]
pub(crate) struct Rollout {
    pub(crate) flag: String,
    /// `draft`, `approved`, `running`, `paused`, `rolled_back`, `cancelled` or `completed`.
    pub(crate) state: String,
    pub(crate) ticket: Option<String>,
    /// The stage that was entered last.
    pub(crate) stage: Option<PresentStage>,
    /// The number of stages.
    pub(crate) stages: usize,
    pub(crate) next_stage: Option<String>,
    pub(crate) halt: Option<Halt>,
    pub(crate) waits: Vec<Wait>,
    #[serde(default)]
    pub(crate) tenants: Vec<TenantErrors>,
    #[serde(default)]
    pub(crate) confounded: Vec<Confounded>,
    #[serde(default)]
    pub(crate) approvals: Vec<Approval>,
    #[serde(default)]
    pub(crate) checklist: Vec<Item>,
    #[serde(default)]
    pub(crate) stages_without_control: Vec<String>,
    #[serde(default)]
    pub(crate) course: Vec<Turn>,
    /// The stages in force; none if the flag is decided as without a plan.
    exposure: Option<Exposure>,
    /// The plan, as in a file.
    #[serde(default)]
    pub(crate) plan: Value,
}

/// The stages in force.
#[derive(Debug, Deserialize)]
struct Exposure {
    stages: Vec<ExposedStage>,
}

/// A stage in force.
#[derive(Debug, Deserialize)]
struct ExposedStage {
    name: String,
    percentage: f64,
}

/// The stage that was entered last.
#[derive(Debug, Deserialize)]
pub(crate) struct PresentStage {
    pub(crate) name: String,
    /// Its number, from 1.
    pub(crate) number: usize,
    pub(crate) percentage: f64,
    duration_ms: u64,
    passed_ms: u64,
    remaining_ms: u64,
}

/// The reason of a pause, a rollback or a cancellation.
#[derive(Debug, Deserialize)]
pub(crate) struct Halt {
    pub(crate) by: String,
    pub(crate) at: String,
    /// The change of the flag that paused the plan: `kill` or `lifecycle`.
    pub(crate) change: Option<String>,
    /// The check that failed.
    pub(crate) check: Option<String>,
    pub(crate) why: Option<String>,
}

/// A reason for which a plan waits.
#[derive(Debug, Deserialize)]
pub(crate) struct Wait {
    pub(crate) reason: String,
    #[serde(deserialize_with = "crate::sentence::read")]
    pub(crate) detail: String,
    pub(crate) check: Option<String>,
}

/// The errors of a tenant in a stage.
#[derive(Debug, Deserialize)]
pub(crate) struct TenantErrors {
    /// None for requests without a tenant.
    pub(crate) tenant: Option<String>,
    pub(crate) errors: u64,
    /// The number by which `errors` may be too high.
    pub(crate) surplus: u64,
}

/// Another planned flag on a route of the flag.
#[derive(Debug, Deserialize)]
pub(crate) struct Confounded {
    pub(crate) flag: String,
    /// The share of the requests that both plans treat.
    pub(crate) share: f64,
}

/// A role that approves a plan; without `by` if it has not.
#[derive(Debug, Deserialize)]
pub(crate) struct Approval {
    pub(crate) role: String,
    pub(crate) by: Option<String>,
    pub(crate) at: Option<String>,
}

/// An item of the checklist; without `by` if it is open.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) item: String,
    pub(crate) by: Option<String>,
    pub(crate) at: Option<String>,
}

/// A turn of a plan.
#[derive(Debug, Deserialize)]
pub(crate) struct Turn {
    pub(crate) at: String,
    pub(crate) by: String,
    pub(crate) turn: String,
    /// The role of an approval.
    pub(crate) role: Option<String>,
    /// The stage that was entered last, afterwards.
    pub(crate) stage: Option<String>,
    pub(crate) why: Option<String>,
}

/// The evidence about the stage in force.
#[derive(Debug, Deserialize)]
pub(crate) struct RolloutEvidence {
    since: Option<String>,
    looked_at: Option<String>,
    pub(crate) checks: Vec<CheckEvidence>,
    pub(crate) arms: Option<Arms>,
    pub(crate) sample_ratio: Option<SampleRatio>,
    pub(crate) excluded: Vec<Excluded>,
    #[serde(default)]
    pub(crate) minutes: Vec<Minute>,
    uncounted: Map<String, Value>,
}

/// The evidence of one check.
#[derive(Debug, Deserialize)]
pub(crate) struct CheckEvidence {
    pub(crate) check: String,
    pub(crate) metric: String,
    /// `notify`, `pause` or `rollback`.
    pub(crate) then: String,
    /// `pass`, `fail`, `inconclusive` or `not_applicable`.
    pub(crate) verdict: String,
    /// The reason of the verdict.
    #[serde(default, deserialize_with = "crate::sentence::read_some")]
    pub(crate) detail: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) value: Option<f64>,
    pub(crate) bound: Option<f64>,
    /// `share`, `seconds`, `ratio`, `number` or `orgs`.
    pub(crate) unit: String,
    /// The evidence against the bound, from 1.
    pub(crate) evidence: Option<f64>,
    /// The evidence at which the check fails.
    pub(crate) evidence_needed: Option<f64>,
    pub(crate) sample: Option<Samples>,
}

/// The requests that count for a check.
#[derive(Debug, Deserialize)]
pub(crate) struct Samples {
    pub(crate) treatment: Sample,
    pub(crate) control: Sample,
}

/// The requests of one arm that count for a check.
#[derive(Debug, Deserialize)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
}

/// The requests of the arms.
#[derive(Debug, Deserialize)]
pub(crate) struct Arms {
    pub(crate) treatment: Arm,
    pub(crate) control: Option<Arm>,
}

/// The requests of one arm.
#[derive(Debug, Deserialize)]
pub(crate) struct Arm {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) tenants: u64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

/// The subjects of the arms.
#[derive(Debug, Deserialize)]
pub(crate) struct SampleRatio {
    pub(crate) treatment: u64,
    pub(crate) control: u64,
    pub(crate) expected_share: f64,
    pub(crate) tested: bool,
    pub(crate) mismatch: bool,
}

/// Requests in neither arm.
#[derive(Debug, Deserialize)]
pub(crate) struct Excluded {
    /// `opted_in` or `other`.
    pub(crate) reason: String,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
}

/// The counts of the arms in one minute.
#[derive(Debug, Deserialize)]
pub(crate) struct Minute {
    pub(crate) start: String,
    pub(crate) arms: Vec<ArmMinute>,
}

/// The counts of one arm in one minute.
#[derive(Debug, Deserialize)]
pub(crate) struct ArmMinute {
    /// `treatment`, `control`, `opted_in` or `excluded`.
    pub(crate) arm: String,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

impl Rollout {
    /// Returns true while stages follow each other: the plan runs, or continues when it is resumed.
    pub(crate) fn is_active(&self) -> bool {
        matches!(&*self.state, "running" | "paused")
    }

    /// Returns true before the start.
    pub(crate) fn is_before_start(&self) -> bool {
        matches!(&*self.state, "draft" | "approved")
    }

    /// Returns true after the end.
    pub(crate) fn is_ended(&self) -> bool {
        !self.is_active() && !self.is_before_start()
    }

    /// Returns true if a rollback set this stage to 0 %.
    pub(crate) fn is_withdrawn(&self, stage: &str) -> bool {
        let mut exposed = self.exposure.iter().flat_map(|exposure| &exposure.stages);
        self.state == "rolled_back"
            && exposed.any(|exposed| exposed.name == stage && exposed.percentage == 0.0)
    }

    /// Returns the stage that was in force when the plan was rolled back: the one before the last turn.
    pub(crate) fn rolled_back_stage(&self) -> Option<&str> {
        let at = self.course.iter().rposition(|turn| turn.turn == "rolled_back")?;
        let before = self.course.get(..at)?;
        before.iter().rev().find_map(|turn| turn.stage.as_deref())
    }

    /// Returns the class of its state: the colour that a word has.
    pub(crate) fn state_class(&self) -> &'static str {
        state_class(&self.state)
    }

    /// Draws the errors of a tenant as a part of those of the tenant with the most; none if all have the same number.
    pub(crate) fn share_of_most(&self, tenant: &TenantErrors) -> Option<Svg> {
        let errors = || self.tenants.iter().map(|tenant| tenant.errors);
        let (least, most) = (errors().min()?, errors().max()?);
        (least < most).then(|| chart::progress(chart::number(tenant.errors) / chart::number(most)))
    }

    /// Returns the id of the word of its state.
    pub(crate) fn state_text(&self) -> String {
        format!("plan-{}", self.state)
    }

    /// Returns the path of its page.
    pub(crate) fn path(&self) -> String {
        format!("{}/rollout", crate::pages::flag_path(&self.flag))
    }
}

impl RolloutEvidence {
    /// Returns the first and the last time of the requests that the checks consider.
    pub(crate) fn span(&self) -> Option<(&str, &str)> {
        self.since.as_deref().zip(self.looked_at.as_deref())
    }

    /// Returns the number of counts that were not used.
    pub(crate) fn uncounted(&self) -> u64 {
        let counts = self.uncounted.values().filter_map(Value::as_u64);
        counts.fold(0, u64::saturating_add)
    }
}

fn state_class(state: &str) -> &'static str {
    match state {
        "running" | "completed" => "good",
        "rolled_back" => "bad",
        "paused" => "waiting",
        _ => "none",
    }
}

impl PresentStage {
    /// Returns the time that is left; none if it is over.
    pub(crate) fn left(&self) -> Option<String> {
        (self.remaining_ms > 0).then(|| duration(self.remaining_ms))
    }

    /// Returns its whole time.
    pub(crate) fn whole(&self) -> String {
        duration(self.duration_ms)
    }

    /// Returns the part of its time that has passed, from 0 to 1.
    pub(crate) fn passed_share(&self) -> f64 {
        match self.duration_ms {
            0 => 1.0,
            whole => (chart::number(self.passed_ms) / chart::number(whole)).min(1.0),
        }
    }
}

fn duration(milliseconds: u64) -> String {
    duration_text(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}
