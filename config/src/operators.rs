//! Operators and the policy of changes, as documents have them. `control` gives them their meaning.

use std::fmt;
use std::path::{Path, PathBuf};

use rules::Timestamp;

use crate::files::Files;
use crate::identity::IssuerConfig;
use crate::loading::Loading;
use crate::lower::operators::token_entries;
use crate::report::Report;

/// The operators.
#[derive(Debug)]
pub struct Operators {
    /// Static tokens.
    pub tokens: Vec<OperatorToken>,
    /// The file that they are in, if it is one.
    pub tokens_file: Option<PathBuf>,
    /// An issuer of tokens.
    pub issuer: Option<OperatorIssuer>,
}

/// A static token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorToken {
    /// Whose it is.
    pub name: Box<str>,
    /// Its role.
    pub role: OperatorRole,
    /// Set where the role is `org-admin`, and only there.
    pub org: Option<Box<str>>,
    /// `hmac-sha256:SALT:CODE`.
    pub hash: Box<str>,
    /// From when on it counts no more.
    pub expires: Option<Timestamp>,
}

/// An issuer of operators' tokens.
#[derive(Debug)]
pub struct OperatorIssuer {
    /// The checks of its tokens. Its groups are the roles, its tenant is the org, its user is the name.
    pub issuer: IssuerConfig,
    /// Values of the claim of roles, and the role of each.
    pub roles: Vec<(Box<str>, OperatorRole)>,
}

/// The role of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorRole {
    /// Reads.
    Viewer,
    /// Changes what operators own of flags and tenants.
    Operator,
    /// Changes everything.
    PlatformAdmin,
    /// Changes the opt-ins of one tenant.
    OrgAdmin,
}

impl OperatorRole {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::PlatformAdmin, Self::OrgAdmin];

    /// Returns its name in documents.
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

/// The policy of changes; `control` has the defaults of what is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangePolicy {
    /// The time that a flag was in its present state, in milliseconds.
    pub soak_ms: Option<u64>,
    /// The number of tenants that asked for it and have it on.
    pub ga_tenants: Option<usize>,
    /// Neither killed, restored nor reverted for so long, in milliseconds.
    pub ga_stable_ms: Option<u64>,
    /// Set where the document must say that it is revertible.
    pub ga_revertible: Option<bool>,
    /// On whose behalf somebody must sign off.
    pub ga_sign_offs: Option<Vec<Box<str>>>,
    /// The number of requests that may have met errors.
    pub ga_errors: Option<u64>,
    /// In which time errors are counted, in milliseconds.
    pub ga_errors_window_ms: Option<u64>,
    /// More tenants than these change only with force; 0: any number.
    pub max_blast_radius: Option<usize>,
    /// A flag that is ga for longer is stale, in milliseconds.
    pub stale_ga_ms: Option<u64>,
    /// One that no gate names and that is older, likewise.
    pub stale_unused_ms: Option<u64>,
    /// One that was not decided for longer, likewise.
    pub stale_undecided_ms: Option<u64>,
}

/// The static tokens in the file at `path`, by themselves: so that one that was taken out of it counts no more, whatever
/// is wrong with the document that names the file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn operator_tokens(files: Files, path: &Path) -> Result<Vec<OperatorToken>, Report> {
    let mut loading = Loading::of(files);
    let source = loading.source(path, None);
    let tokens = source.map(|source| token_entries(&source, &mut loading.problems));
    match tokens {
        Some(tokens) if loading.problems.is_empty() => Ok(tokens),
        _ => Err(loading.into_report()),
    }
}
