//! Who changes something, in which role, and by which way it came.

use serde::{Deserialize, Serialize};

/// What somebody may do, from least to most; an org's admin stands aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Its own org's opt-ins and audit log, nothing else.
    OrgAdmin,
    /// Looks at everything, changes nothing.
    Viewer,
    /// Flags, tenants, rollouts.
    Operator,
    /// Everything: the document, urgent skips.
    PlatformAdmin,
}

/// By which way a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The admin API, the command line included.
    Api,
    /// A document that was applied.
    File,
    /// The clock.
    Scheduler,
    /// A rollout that turned itself back.
    Rollback,
    /// The local socket, while flags are managed elsewhere.
    BreakGlass,
}

/// Who changes something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The name of a static token, or the subject of an issuer's token behind `oidc:` and the issuer.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The only org that an org's admin may touch.
    pub org: Option<String>,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OrgAdmin, Self::Viewer, Self::Operator, Self::PlatformAdmin];

    /// As documents and answers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrgAdmin => "org-admin",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::PlatformAdmin => "platform-admin",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl Source {
    /// As answers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::File => "file",
            Self::Scheduler => "scheduler",
            Self::Rollback => "rollback",
            Self::BreakGlass => "break-glass",
        }
    }
}
