//! A stage of a rollout plan.

use rules::{ConditionDefinition, Decimal, Lifecycle, Sited, Spelled};

use super::check::{Check, double};
use super::window::Window;

/// A stage of a rollout plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The name, unique in the plan.
    pub name: Box<str>,
    /// The lifecycle that the flag is promoted to when the stage is entered.
    pub lifecycle: Option<Lifecycle>,
    /// The condition of the subjects that take part; none for everyone.
    pub audience: Option<Sited<ConditionDefinition>>,
    /// The percentage of the audience, over 0 and up to 100.
    pub percentage: Spelled<Decimal>,
    /// The duration, in milliseconds.
    pub for_ms: u64,
    /// The end of the stage: by itself or by a person.
    pub advance: Advance,
    /// The checks that the stage adds to those of the plan.
    pub checks: Vec<Check>,
    /// The times at which it may be entered; empty for those of the plan.
    pub window: Vec<Window>,
}

/// The end of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Advance {
    /// The next stage is entered when the conditions are met.
    #[default]
    Auto,
    /// A person enters the next stage.
    Manual,
}

impl Advance {
    /// Both ends.
    pub const ALL: [Self; 2] = [Self::Auto, Self::Manual];

    /// Returns the name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}

impl Stage {
    /// Returns true if a part of the audience is not admitted, so that there is a control arm.
    #[must_use]
    pub fn has_control(&self) -> bool {
        self.percentage.value != Decimal::from(100_u64)
    }

    /// Returns the percentage as a share: `25` is 0.25.
    #[must_use]
    pub fn share(&self) -> f64 {
        double(self.percentage.value) / 100.0
    }
}
