//! Kinds and lifecycles of flags, and release channels of tenants.

use std::fmt;

/// The purpose of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// A feature on its way from alpha to ga.
    #[default]
    Release,
    /// Variants compared with each other.
    Experiment,
    /// An entitlement; has no lifecycle.
    Permission,
    /// An operator's switch; has no lifecycle.
    Ops,
}

/// The lifecycle state of a release or experiment flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Lifecycle {
    /// Internal tenants only.
    #[default]
    Alpha,
    /// Tenants that were let in, or let themselves in.
    Beta,
    /// Everyone.
    Ga,
    /// Done: serves its final variant to everyone until its usage points are gone.
    Retired,
}

/// The release channel a tenant follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channel {
    /// Sees flags that are ga.
    #[default]
    Stable,
    /// Also sees beta flags on the tenant's allowlist.
    Latest,
}

/// The enforcement of lifecycles in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eligibility {
    /// The lifecycle is enforced, as in production.
    #[default]
    Enforced,
    /// Everyone is eligible, as in development and staging.
    Relaxed,
}

impl Eligibility {
    /// Returns the default of the environment `name`: relaxed for development and staging.
    #[must_use]
    pub fn of_environment(name: &str) -> Self {
        if matches!(name, "development" | "staging") {
            Self::Relaxed
        } else {
            Self::Enforced
        }
    }
}

impl Kind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Release, Self::Experiment, Self::Permission, Self::Ops];

    /// Returns true if flags of this kind have a lifecycle.
    #[must_use]
    pub fn has_lifecycle(self) -> bool {
        matches!(self, Self::Release | Self::Experiment)
    }

    /// Returns its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Experiment => "experiment",
            Self::Permission => "permission",
            Self::Ops => "ops",
        }
    }
}

impl Lifecycle {
    /// All states, in order.
    pub const ALL: [Self; 4] = [Self::Alpha, Self::Beta, Self::Ga, Self::Retired];

    /// Returns its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Ga => "ga",
            Self::Retired => "retired",
        }
    }
}

impl Channel {
    /// All channels, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Stable, Self::Latest];

    /// Returns its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Latest => "latest",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
