//! The stages of a plan as a row of steps.

use serde_json::Value;

use crate::answers::Rollout;

/// A stage.
pub(super) struct StageStep {
    pub(super) name: String,
    /// Its percentage, as in the plan; 0 after a rollback to 0 %.
    pub(super) percentage: String,
    /// Its duration, as in the plan.
    pub(super) duration: String,
    pub(super) lifecycle: Option<String>,
    /// True if a person ends it.
    pub(super) is_manual: bool,
    pub(super) has_control: bool,
    pub(super) progress: Progress,
    /// The time that is left of the present stage.
    pub(super) left: Option<String>,
}

/// The progress of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Done,
    Now,
    /// The present stage of a paused plan.
    Held,
    RolledBack,
    ToCome,
}

impl Progress {
    /// Returns the class of its step.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now | Self::Held => "now",
            Self::RolledBack => "bad",
            Self::ToCome => "",
        }
    }

    /// Returns the id of its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "stage-done",
            Self::Now => "stage-now",
            Self::Held => "stage-held",
            Self::RolledBack => "stage-rolled-back",
            Self::ToCome => "stage-to-come",
        }
    }
}

impl StageStep {
    /// Returns the stages of a plan.
    pub(super) fn of(rollout: &Rollout) -> Vec<Self> {
        let present = rollout.stage.as_ref();
        let rolled_back = rollout.rolled_back_stage();
        let stages = rollout.plan.get("stages").and_then(Value::as_array);
        let stages = stages.map_or(&[][..], Vec::as_slice).iter().enumerate();
        let steps = stages.map(|(index, stage)| {
            let plan = |field: &str| stage.get(field).map(plain).unwrap_or_default();
            let name = plan("name");
            let number = present.map_or(0, |present| present.number);
            let is_present = index.saturating_add(1) == number;
            let progress = match &*rollout.state {
                "rolled_back" if rolled_back == Some(&*name) => Progress::RolledBack,
                "completed" => Progress::Done,
                _ if index.saturating_add(1) < number => Progress::Done,
                "running" if is_present => Progress::Now,
                "paused" if is_present => Progress::Held,
                // The stage before is in force again.
                "rolled_back" if is_present => Progress::Done,
                _ => Progress::ToCome,
            };
            let left = present.filter(|_| is_present && rollout.is_active());
            Self {
                percentage: match rollout.is_withdrawn(&name) {
                    true => "0".to_owned(),
                    false => plan("percentage"),
                },
                duration: plan("for"),
                lifecycle: stage.get("lifecycle").map(plain),
                is_manual: plan("advance") == "manual",
                has_control: !rollout.stages_without_control.contains(&name),
                left: left.and_then(|present| present.left()),
                progress,
                name,
            }
        });
        steps.collect()
    }
}

/// Returns a text or a number of a plan.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
