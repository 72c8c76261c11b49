//! What a flag is for, how far it is, and on which channel a tenant follows.

use std::fmt;

/// What a flag is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// A feature on its way from alpha to ga.
    #[default]
    Release,
    /// Variants compared with each other.
    Experiment,
    /// Who may use what; has no lifecycle.
    Permission,
    /// An operator's switch; has no lifecycle.
    Ops,
}

/// How far a release or experiment flag is.
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
    /// Sees what is ga.
    #[default]
    Stable,
    /// Sees beta flags on its allowlist, too.
    Latest,
}

/// What the environment lets flags do before they are ga.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eligibility {
    /// The lifecycle is enforced, as in production.
    #[default]
    Enforced,
    /// Everyone is eligible, as in development and staging.
    Relaxed,
}

impl Eligibility {
    /// What an environment of this name lets flags do unless it says so: development and staging are relaxed.
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
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Release, Self::Experiment, Self::Permission, Self::Ops];

    /// Whether flags of this kind go from alpha to ga.
    #[must_use]
    pub fn has_lifecycle(self) -> bool {
        matches!(self, Self::Release | Self::Experiment)
    }

    /// Its name in documents.
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
    /// Every state, in order.
    pub const ALL: [Self; 4] = [Self::Alpha, Self::Beta, Self::Ga, Self::Retired];

    /// Its name in documents.
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
    /// Every channel, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Stable, Self::Latest];

    /// Its name in documents.
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
