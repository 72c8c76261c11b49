//! The actor of a change, its role, and the source that the change came by.

use serde::{Deserialize, Serialize};

/// The role of an actor, from least to most permissions. `OrgAdmin` is not part of that order: it has permissions for
/// one org. Which permissions a role has is in `permission.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The admin of one org: its opt-ins and its audit log.
    OrgAdmin,
    /// Reads everything, changes nothing.
    Viewer,
    /// Reads everything; changes flags, tenants and rollouts.
    Operator,
    /// Changes everything, the document and urgent promotions included.
    PlatformAdmin,
}

/// The source of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeSource {
    /// The admin API, used by the command line and others.
    Api,
    /// A document that was applied.
    File,
    /// A time that was reached, such as the end of a local kill.
    Scheduler,
    /// A rollout that was reverted automatically.
    Rollback,
    /// The break-glass socket of a machine whose flags are managed by files.
    BreakGlass,
}

/// The actor of a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The name of a static token; or `oidc:ISSUER#SUBJECT` for a token of an issuer. It identifies the actor.
    pub name: String,
    /// The name that the issuer's token displays. It identifies nobody, since its owner may be able to change it.
    pub display_name: Option<String>,
    /// The actor's role.
    pub role: Role,
    /// The groups: the values of the claim of roles in the token of an issuer. A static token has none.
    pub groups: Vec<String>,
    /// The org of an org's admin, the only one that it may read and change.
    pub org: Option<String>,
}

/// The name of the controller of rollout plans, which no operator can have.
const CONTROLLER: &str = "rollout";

/// The name of every caller of this machine, if no operators are configured.
const LOCAL: &str = "local";

impl Actor {
    /// Returns the caller of this machine, if no operators are configured.
    #[must_use]
    pub fn local() -> Self {
        Self {
            name: LOCAL.to_owned(),
            display_name: None,
            role: Role::PlatformAdmin,
            groups: Vec::new(),
            org: None,
        }
    }

    /// Returns true for the caller of this machine, if no operators are configured.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.name == LOCAL
    }

    /// Returns the controller of rollout plans.
    #[must_use]
    pub fn controller() -> Self {
        Self {
            name: CONTROLLER.to_owned(),
            display_name: None,
            role: Role::Operator,
            groups: Vec::new(),
            org: None,
        }
    }

    /// Returns true for the controller of rollout plans.
    #[must_use]
    pub fn is_controller(&self) -> bool {
        self.name == CONTROLLER
    }
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::OrgAdmin, Self::Viewer, Self::Operator, Self::PlatformAdmin];

    /// Returns the name in documents and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrgAdmin => "org-admin",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::PlatformAdmin => "platform-admin",
        }
    }

    /// Returns the role with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl ChangeSource {
    /// Returns the name in the API.
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
