//! What a decision says: the variant, and why. Reasons are OpenFeature's (specification, types.md),
//! causes name the line of the decision table (docs/flags.md).

use std::fmt;

use crate::VariantId;

/// What a flag serves to a subject, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The served variant, an id of the flag that was asked.
    pub variant: VariantId,
    /// Why, in OpenFeature's words.
    pub reason: Reason,
    /// The line of the decision table.
    pub cause: Cause,
    /// For [`Cause::Rule`] the rule's place in the flag, for [`Cause::Prerequisite`] the requirement's; else 0.
    pub place: u16,
}

/// Why, in OpenFeature's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The same for everyone.
    Static,
    /// Nothing else decided.
    Default,
    /// Something about the subject matched.
    TargetingMatch,
    /// The subject's bucket.
    Split,
    /// The flag is off for now, or for this subject.
    Disabled,
    /// It could not be decided.
    Error,
}

/// The line of the decision table that applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The flag is not in the snapshot.
    UnknownFlag,
    /// It is retired.
    Retired,
    /// It is killed.
    Killed,
    /// It is outside its schedule.
    Schedule,
    /// A flag it requires is not on.
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
    /// The tier default.
    Tier,
    /// Nothing else.
    Default,
}

impl Reason {
    /// As OpenFeature writes it, upper-case.
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
    /// Whether it lies in what the tenant is, was given or chose, or in the flag being closed to it, so that no request
    /// of its could have been decided otherwise.
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
            Self::Prerequisite | Self::Rule | Self::OptIn | Self::Rollout | Self::Tier | Self::Default => {
                false
            }
        }
    }

    /// Every cause, in the order of the decision table.
    pub const ALL: [Self; 13] = [
        Self::UnknownFlag,
        Self::Retired,
        Self::Killed,
        Self::Schedule,
        Self::Prerequisite,
        Self::Override,
        Self::OptOut,
        Self::Lifecycle,
        Self::Rule,
        Self::OptIn,
        Self::Rollout,
        Self::Tier,
        Self::Default,
    ];

    /// In logs, metrics and explanations, snake_case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownFlag => "unknown_flag",
            Self::Retired => "retired",
            Self::Killed => "killed",
            Self::Schedule => "schedule",
            Self::Prerequisite => "prerequisite",
            Self::Override => "override",
            Self::OptOut => "opt_out",
            Self::Lifecycle => "lifecycle",
            Self::Rule => "rule",
            Self::OptIn => "opt_in",
            Self::Rollout => "rollout",
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
