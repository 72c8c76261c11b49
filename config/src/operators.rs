//! Operators and the policy of changes, as read from documents. `control` applies them.

use std::fmt;
use std::path::PathBuf;

use rules::Timestamp;

use crate::identity::IssuerConfig;

/// The operators of flags.
#[derive(Debug)]
pub struct OperatorSettings {
    /// Static tokens.
    pub tokens: Vec<OperatorToken>,
    /// The file of the static tokens; none if they are in an environment variable.
    pub tokens_file: Option<PathBuf>,
    /// The issuer of operators' tokens.
    pub issuer: Option<OperatorIssuer>,
}

/// A static token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorToken {
    /// The name of its owner, for the audit log.
    pub name: Box<str>,
    /// The role of its owner.
    pub role: OperatorRole,
    /// The id of the tenant that an `org-admin` administers; none for every other role.
    pub org: Option<Box<str>>,
    /// The hash of the token, `hmac-sha256:SALT:CODE`.
    pub hash: Box<str>,
    /// The time at which it becomes invalid; none means never.
    pub expires: Option<Timestamp>,
}

/// An issuer of operators' tokens.
#[derive(Debug)]
pub struct OperatorIssuer {
    /// The checks of its tokens. The claim paths are reused: groups for the roles, tenant for the org, user for the
    /// name.
    pub issuer: IssuerConfig,
    /// Values of the claim of roles, and the role of each.
    pub roles: Vec<(Box<str>, OperatorRole)>,
}

/// The role of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorRole {
    /// May read everything.
    Viewer,
    /// May also change flags, tenants and rollouts.
    Operator,
    /// May also apply documents, make backups, and skip the conditions of a promotion.
    PlatformAdmin,
    /// May change the opt-ins of one tenant.
    OrgAdmin,
}

impl OperatorRole {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::PlatformAdmin, Self::OrgAdmin];

    /// Returns the name of the role in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::PlatformAdmin => "platform-admin",
            Self::OrgAdmin => "org-admin",
        }
    }
}

impl fmt::Display for OperatorRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The conditions that changes of flags must meet. `control` has the defaults of omitted ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangePolicy {
    /// The minimum time in the present lifecycle state, in milliseconds.
    pub soak_ms: Option<u64>,
    /// The minimum number of tenants that opted in or are on the allowlist and have the flag on.
    pub ga_tenants: Option<usize>,
    /// The minimum time without a kill, restore or revert, in milliseconds.
    pub ga_stable_ms: Option<u64>,
    /// True if the document must declare the flag revertible.
    pub ga_revertible: Option<bool>,
    /// The roles that must sign off.
    pub ga_sign_offs: Option<Vec<Box<str>>>,
    /// The maximum number of failed requests.
    pub ga_errors: Option<u64>,
    /// The time over which errors are counted, in milliseconds.
    pub ga_errors_window_ms: Option<u64>,
    /// The maximum number of tenants whose decisions a change may alter without force; 0 means unlimited.
    pub max_blast_radius: Option<usize>,
    /// The time in ga after which a flag that is on for all tenants is stale, in milliseconds.
    pub stale_ga_ms: Option<u64>,
    /// The age after which a flag that no gate uses is stale, in milliseconds.
    pub stale_unused_ms: Option<u64>,
    /// The time without a decision after which a flag is stale, in milliseconds.
    pub stale_undecided_ms: Option<u64>,
}
