//! Operators and the policy of changes, as read from documents. `control` applies them.

use std::fmt;
use std::path::PathBuf;

use rules::Timestamp;

use crate::identity::IssuerConfig;
use crate::prometheus_source::PrometheusSource;

/// The operators of flags.
#[derive(Debug)]
pub struct OperatorSettings {
    /// Static tokens.
    pub tokens: Vec<OperatorToken>,
    /// The file of the static tokens; none if they are in an environment variable.
    pub tokens_file: Option<PathBuf>,
    /// The issuer of operators' tokens.
    pub issuer: Option<OperatorIssuer>,
    /// The identity provider by which people sign in at the console.
    pub sign_in: Option<PersonSignIn>,
}

/// An identity provider with OpenID Connect, and this client of it.
#[derive(Debug)]
pub struct PersonSignIn {
    /// The checks of its ID tokens. Attribute 0 is the name to display; the others are those of [`PersonSignIn::NONCE`]
    /// and [`PersonSignIn::AUTHORIZED_PARTY`].
    pub issuer: tokens::Issuer,
    /// The id of this client.
    pub client_id: Box<str>,
    /// The file with the secret of this client; none for a public client.
    pub client_secret_file: Option<PathBuf>,
    /// The scopes to ask for, beside `openid`.
    pub scopes: Vec<Box<str>>,
    /// The roles, by value of the claim of roles.
    pub roles: Vec<(Box<str>, OperatorRole)>,
}

impl PersonSignIn {
    /// The number of the attribute with the name to display.
    pub const NAME: u32 = 0;
    /// The number of the attribute with the nonce.
    pub const NONCE: u32 = 1;
    /// The number of the attribute with the authorized party (`azp`).
    pub const AUTHORIZED_PARTY: u32 = 2;
}

/// A static token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorToken {
    /// The name of its owner, which identifies the owner in the audit log and in sign-offs.
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

/// The largest length of the name of a static token.
const MAX_OPERATOR_NAME: usize = 128;

/// The reason why a name of a static token is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOperatorName {
    /// It has other characters than visible ASCII and single spaces between them, or a wrong length.
    #[error("it must be 1 to 128 visible ASCII characters, with single spaces only between them")]
    Characters,
    /// It has another meaning in the audit log.
    #[error(
        "`local`, `sluice`, `unknown`, `files` and names that begin with `oidc:` or `uid:` have another meaning in the \
         audit log"
    )]
    Reserved,
}

/// Checks the name of a static token. It identifies an operator, so two names must not look alike: spaces at the ends,
/// letters of other scripts and characters without a width are invalid.
///
/// # Errors
/// The reason why it is invalid.
pub fn check_operator_name(name: &str) -> Result<(), InvalidOperatorName> {
    // Callers on this machine if no operators are configured, the clock, the controller of rollout plans, unknown callers,
    // and flags that files manage.
    const RESERVED: [&str; 5] = ["local", "sluice", "rollout", "unknown", "files"];
    // Operators of an issuer, and users of a process.
    const RESERVED_PREFIXES: [&str; 2] = ["oidc:", "uid:"];
    let words_are_visible = name
        .split(' ')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()));
    if !words_are_visible || name.len() > MAX_OPERATOR_NAME {
        return Err(InvalidOperatorName::Characters);
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
    {
        return Err(InvalidOperatorName::Reserved);
    }
    Ok(())
}

/// An issuer of operators' tokens.
#[derive(Debug)]
pub struct OperatorIssuer {
    /// The checks of its tokens. The claim paths are reused: user for the subject, groups for the roles, tenant for the
    /// org, and the only attribute for the name to display.
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

/// A sign-off that a promotion requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredSignOff {
    /// The role.
    pub role: Box<str>,
    /// The operators who may sign off for it. None: every operator.
    pub signers: Option<Vec<Signer>>,
}

/// Operators who may sign off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The operator with this name.
    Name(Box<str>),
    /// The operators with this value in the claim of roles of their token.
    Group(Box<str>),
    /// The operator or the group that the flag's `owner` names.
    Owner,
}

/// Defines the conditions of promotions that an urgent one can be kept from skipping, with their codes.
macro_rules! promotion_conditions {
    ($($(#[doc = $doc:literal])+ $condition:ident = $code:literal,)+) => {
        /// A condition of a promotion, by the code of its refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum PromotionCondition {
            $($(#[doc = $doc])+ $condition,)+
        }

        impl PromotionCondition {
            /// Every condition.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$condition),+];

            /// Returns the code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$condition => $code,)+
                }
            }
        }
    };
}

promotion_conditions! {
    /// The time in the state.
    Soak = "SOAK_NOT_ELAPSED",
    /// The states of required flags.
    Dependency = "FLAG_DEPENDENCY",
    /// The number of tenants.
    Tenants = "EXIT_CRITERIA",
    /// The time without a kill, with requests.
    Stable = "NOT_STABLE",
    /// No kill in force.
    Rollback = "ROLLBACK_OPEN",
    /// The declaration that the flag is revertible.
    Revertible = "NOT_REVERTIBLE",
    /// The revert path.
    RevertPath = "NO_REVERT_PATH",
    /// No open incident.
    Incident = "INCIDENT_OPEN",
    /// No open reports of one cause from several orgs.
    Reports = "OPEN_REPORTS",
    /// The sign-offs.
    SignOff = "SIGN_OFF_MISSING",
    /// The errors of requests.
    Errors = "FLAG_ERRORS",
    /// The observation of requests without a gap.
    Observed = "NOT_OBSERVED",
}

impl fmt::Display for PromotionCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The conditions that changes of flags must meet. `control` has the defaults of omitted ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangePolicy {
    /// The minimum time in the present lifecycle state, in milliseconds.
    pub soak_ms: Option<u64>,
    /// The minimum time in alpha, in milliseconds.
    pub beta_soak_ms: Option<u64>,
    /// The sign-offs for beta.
    pub beta_sign_offs: Option<Vec<RequiredSignOff>>,
    /// The maximum number of failed requests for beta.
    pub beta_errors: Option<u64>,
    /// The time over which errors are counted for beta, in milliseconds.
    pub beta_errors_window_ms: Option<u64>,
    /// The minimum time in beta, in milliseconds.
    pub ga_soak_ms: Option<u64>,
    /// The minimum number of tenants that opted in or are on the allowlist and were served with the flag on.
    pub ga_tenants: Option<usize>,
    /// The minimum age of the record of a tenant that counts, in milliseconds.
    pub ga_tenant_age_ms: Option<u64>,
    /// The minimum time in beta without a kill, restore or revert, in milliseconds.
    pub ga_stable_ms: Option<u64>,
    /// True if the document must declare the flag revertible, and name its revert path.
    pub ga_revertible: Option<bool>,
    /// The sign-offs for ga.
    pub ga_sign_offs: Option<Vec<RequiredSignOff>>,
    /// The maximum number of failed requests for ga.
    pub ga_errors: Option<u64>,
    /// The time over which errors are counted for ga, in milliseconds.
    pub ga_errors_window_ms: Option<u64>,
    /// The minimum time in ga before a flag is retired, in milliseconds.
    pub retired_soak_ms: Option<u64>,
    /// The time after a promotion in which a flag is watched, in milliseconds.
    pub watch_ms: Option<u64>,
    /// The conditions that an urgent promotion never skips.
    pub urgent_never_skips: Option<Vec<PromotionCondition>>,
    /// True if an urgent promotion may skip states.
    pub urgent_skips_states: Option<bool>,
    /// The maximum number of tenants whose decisions a change may alter without force; 0 means unlimited.
    pub max_blast_radius: Option<usize>,
    /// The time in ga after which a flag that is on for all tenants is stale, in milliseconds.
    pub stale_ga_ms: Option<u64>,
    /// The age after which a flag that no gate uses is stale, in milliseconds.
    pub stale_unused_ms: Option<u64>,
    /// The time without a decision after which a flag is stale, in milliseconds.
    pub stale_undecided_ms: Option<u64>,
    /// The Prometheus that checks of rollout plans query.
    pub prometheus: Option<PrometheusSource>,
    /// The URL of the admin listener for people, without a slash at its end.
    pub public_url: Option<Box<str>>,
}
