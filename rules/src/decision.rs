//! Decisions: the served variant, and the reason for it. Reasons are those of OpenFeature (specification,
//! types.md); causes name the line of the decision table (docs/flags.md).

use std::fmt;

use crate::VariantId;

/// The variant that a flag serves to a subject, and the reason for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The served variant, an id of the evaluated flag.
    pub variant: VariantId,
    /// The reason in OpenFeature's terms.
    pub reason: Reason,
    /// The line of the decision table.
    pub cause: Cause,
    /// For [`Cause::Rule`] the rule's place in the flag, for [`Cause::Prerequisite`] the requirement's. For
    /// [`Cause::Rollout`] the place of the stage that admits the subject, and for [`Cause::HeldBack`] of the last stage
    /// that has it in its audience, or `u16::MAX` if it has no id for its bucket. Else 0.
    pub place: u16,
}

/// The reasons of OpenFeature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The same for everyone.
    Static,
    /// No other line decided.
    Default,
    /// A property of the subject matched.
    TargetingMatch,
    /// The subject's bucket.
    Split,
    /// The flag is off for now, or for this subject.
    Disabled,
    /// The flag could not be decided.
    Error,
}

/// The line of the decision table that applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The flag is not in the snapshot.
    UnknownFlag,
    /// The flag is retired.
    Retired,
    /// The flag is killed.
    Killed,
    /// The time is outside the flag's schedule.
    Schedule,
    /// The flag's circuit breaker is open for the subject.
    Breaker,
    /// A required flag is not on.
    Prerequisite,
    /// The tenant's override.
    Override,
    /// The tenant opted out.
    OptOut,
    /// The tenant is not eligible at this lifecycle.
    Lifecycle,
    /// A rule matched.
    Rule,
    /// The tenant opted in.
    OptIn,
    /// The subject is in the rollout.
    Rollout,
    /// The subject is in the audience of a stage of the rollout plan, and no stage admits it.
    HeldBack,
    /// The tier default.
    Tier,
    /// No other line decided.
    Default,
}

/// The lines of the decision table (docs/flags.md) in their order, each with its number and its cause.
pub const DECISION_LINES: [(&str, Cause); 16] = [
    ("1", Cause::UnknownFlag),
    ("2", Cause::Retired),
    ("3", Cause::Killed),
    ("4", Cause::Schedule),
    ("4a", Cause::Breaker),
    ("5", Cause::Prerequisite),
    (OVERRIDE_TO_OFF, Cause::Override),
    ("7", Cause::OptOut),
    ("8", Cause::Lifecycle),
    ("9", Cause::Override),
    ("10", Cause::Rule),
    ("11", Cause::OptIn),
    ("12", Cause::Rollout),
    ("12", Cause::HeldBack),
    ("13", Cause::Tier),
    ("14", Cause::Default),
];
/// The line of overrides to the off variant, which others have to pass.
const OVERRIDE_TO_OFF: &str = "6";

impl Decision {
    /// Returns the place in [`DECISION_LINES`] of the line that decided. `off` is the off variant of the flag.
    #[must_use]
    pub fn line_place(&self, off: VariantId) -> usize {
        let is_off = self.variant == off;
        let mut lines = DECISION_LINES.iter();
        let place =
            lines.position(|(line, cause)| *cause == self.cause && (is_off || *line != OVERRIDE_TO_OFF));
        place.unwrap_or_default()
    }
}

impl Reason {
    /// Returns the name in OpenFeature, in upper case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Default => "DEFAULT",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Error => "ERROR",
        }
    }
}

impl Cause {
    /// Returns true if the cause depends on the tenant and the flag alone. Every request of the tenant is
    /// then decided alike.
    #[must_use]
    pub fn holds_for_every_request(self) -> bool {
        match self {
            Self::UnknownFlag
            | Self::Retired
            | Self::Killed
            | Self::Schedule
            | Self::Override
            | Self::OptOut
            | Self::Lifecycle => true,
            // A breaker that is half-open lets some requests of its tenant try.
            Self::Breaker
            | Self::Prerequisite
            | Self::Rule
            | Self::OptIn
            | Self::Rollout
            | Self::HeldBack
            | Self::Tier
            | Self::Default => false,
        }
    }

    /// All causes, in the order of the decision table.
    pub const ALL: [Self; 15] = [
        Self::UnknownFlag,
        Self::Retired,
        Self::Killed,
        Self::Schedule,
        Self::Breaker,
        Self::Prerequisite,
        Self::Override,
        Self::OptOut,
        Self::Lifecycle,
        Self::Rule,
        Self::OptIn,
        Self::Rollout,
        Self::HeldBack,
        Self::Tier,
        Self::Default,
    ];

    /// Returns the name in logs, metrics and explanations, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownFlag => "unknown_flag",
            Self::Retired => "retired",
            Self::Killed => "killed",
            Self::Schedule => "schedule",
            Self::Breaker => "breaker",
            Self::Prerequisite => "prerequisite",
            Self::Override => "override",
            Self::OptOut => "opt_out",
            Self::Lifecycle => "lifecycle",
            Self::Rule => "rule",
            Self::OptIn => "opt_in",
            Self::Rollout => "rollout",
            Self::HeldBack => "held_back",
            Self::Tier => "tier",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
