//! The form of the admin listener, of operators and of the policy of changes.

use rules::Timestamp;

use super::Needs;
use super::issuer::{ClaimPaths, IssuerKeys, TokenChecks, path_or};
use super::listener::AdminTls;
use super::text::{ClaimPath, FilePath, Off, SocketAddress, TenantId};
use crate::form::{
    Duration, List, Map, Placed, PlacedText, Refusal, Secret, Version, Whole, fields, object, parsed, single,
    texts, union, words,
};
use crate::operators::{ChangePolicy as Policy, OperatorRole};

texts! {
    ClaimValue: any "a value of the claim";
    TokenName: filled "a name";
    SignOffRole: filled "a role that signs off";
}

parsed! {
    TokenHash("a hash", "invalid-hash"): Box<str> = |text| {
        let help = "make a token and its entry with `sluice operators token`";
        let hash = is_hash(text).then(|| text.into());
        hash.ok_or_else(|| Refusal::new("this is not the hash of a token", help))
    };
    ExpiryTime("an RFC 3339 time", "invalid-time"): Timestamp =
        |text| Refusal::of(Timestamp::parse(text), "write it like 2027-01-01T00:00:00Z");
}

/// Returns true for `hmac-sha256:`, 16 bytes, `:`, 32 bytes, both in base64url without padding.
fn is_hash(text: &str) -> bool {
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let base64 = |text: &str, length| text.len() == length && text.bytes().all(is_base64);
    text.strip_prefix("hmac-sha256:")
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(salt, code)| base64(salt, 22) && base64(code, 43))
}

/// A number of tenants or requests.
type Count<T> = Whole<T, 0, 1_000_000_000>;

union! {
    Admin("`off` or `{ address: IP:PORT }`"): Option<AdminFields<'s>> {
        scalar Off => |Off::Off| None,
        mapping AdminObject => Some,
    }
}

fields! {
    /// The admin API, health and metrics.
    AdminObject("an admin listener") => AdminFields {
        /// An address and port; without operators, a loopback one.
        address: must SocketAddress,
        /// TLS on its connections; left out: none.
        tls: field AdminTls,
        /// Who may operate; left out: whoever connects from this machine.
        operators: field Operators,
    }
}

fields! {
    /// Who may operate.
    Operators("operators", Needs::AtLeastOne) => OperatorsFields {
        /// Where the static tokens are.
        tokens: field OperatorTokens,
        /// Whose tokens are believed, and what their roles are here.
        issuer: field OperatorIssuer,
    }
}

/// The place of the static tokens, as it is written.
pub(crate) enum TokensAt<'s> {
    File(PlacedText<'s>),
    Variable(PlacedText<'s>),
}

union! {
    OperatorTokens("`{ file: PATH }` or `{ env: ${NAME} }`"): TokensAt<'s> {
        key TokensFile => TokensAt::File,
        key TokensVariable => TokensAt::Variable,
    }
}

single! {
    /// Static tokens in a file, which is read again when it changes.
    TokensFile("a file of tokens") file: Placed<FilePath>, "The file.";
    /// The same text in an environment variable.
    TokensVariable("tokens from the environment") env: Placed<Secret>, "The environment variable that holds it: `${NAME}`.";
}

fields! {
    /// Whose tokens are believed, how they are checked, and what their roles are here.
    OperatorIssuer("an issuer of operators") => OperatorIssuerFields {
        /// The issuer and its keys.
        keys: include IssuerKeys,
        /// Where in the claims roles, org and name are.
        claims: must OperatorClaims,
        /// What a value of the claim of roles is here; others are nothing.
        roles: must Map<Placed<ClaimValue>, OperatorRole, 1, 100>,
        /// What is checked besides.
        checks: include TokenChecks,
    }
}

words! { OperatorRole::ALL }

object! {
    /// Where in the claims an operator is: names joined by dots, or a JSON pointer.
    OperatorClaims("a mapping of operators' claims"): ClaimPaths {
        /// The roles: a text or a list of texts.
        roles: required ClaimPath,
        /// The org of an org's admin; left out: org.
        org: strict ClaimPath,
        /// The name for the audit log; left out: sub.
        name: strict ClaimPath,
    } => ClaimPaths {
        tenant: path_or(org, "org")?,
        user: path_or(name, "sub")?,
        groups: Some(roles),
        attributes: Vec::new(),
    }
}

fields! {
    /// Static tokens of operators; `sluice operators token` makes an entry.
    TokensDocument("a document of tokens") => TokensFields {
        /// The version of this format: 1.
        _version("version"): must Version,
        /// The tokens.
        tokens: must List<Placed<StaticToken>, 0, 1_000>,
    }
}

fields! {
    /// Whose it is, and what is kept of it.
    StaticToken("a static token") => StaticTokenFields {
        /// Whose it is, for the audit log.
        name: must TokenName,
        /// What he may do.
        role: must OperatorRole,
        /// For `org-admin`: of which org.
        org: field TenantId,
        /// The hash, as it was printed.
        hash: must TokenHash,
        /// From when on it counts no more.
        expires: field ExpiryTime,
    }
}

object! {
    /// What changes at run time must meet.
    ChangePolicy("a policy of changes"): Policy {
        /// What a flag must have to be promoted.
        promotion: strict Promotion = Policy::default(),
        /// More tenants than these change only with force; 0: any number; left out: 1000.
        max_blast_radius: strict Count<usize>,
        /// From when on flags count as stale.
        stale: strict Stale = Policy::default(),
    } => Policy {
        max_blast_radius,
        stale_ga_ms: stale.stale_ga_ms,
        stale_unused_ms: stale.stale_unused_ms,
        stale_undecided_ms: stale.stale_undecided_ms,
        ..promotion
    }
}

object! {
    /// From when on flags have outlived their purpose.
    Stale("a policy of stale flags"): Policy {
        /// Ga for longer, with nothing against it; left out: 14d.
        ga: strict Duration,
        /// Older than this, and named by no gate; left out: 14d.
        unused: strict Duration,
        /// Not decided for longer; left out: 30d.
        undecided: strict Duration,
    } => Policy {
        stale_ga_ms: ga,
        stale_unused_ms: unused,
        stale_undecided_ms: undecided,
        ..Policy::default()
    }
}

object! {
    /// What a flag must have to be promoted.
    Promotion("a policy of promotions"): Policy {
        /// How long it was in its present state; left out: 24h.
        soak: strict Duration,
        /// What it must have besides to become ga.
        ga: strict PromotionToGa = Policy::default(),
    } => Policy { soak_ms: soak, ..ga }
}

object! {
    /// What a flag must have to become ga.
    PromotionToGa("a policy of promotions to ga"): Policy {
        /// So many that opted in or are on the allowlist have it on; left out: 10.
        tenants: strict Count<usize>,
        /// Neither killed, restored nor reverted for so long; left out: 72h.
        stable: strict Duration,
        /// Whether the document must say that it is revertible; left out: required.
        revertible: strict Demand,
        /// On whose behalf somebody must sign off; left out: nobody's.
        sign_offs: strict List<SignOffRole, 0, 32>,
        /// So many requests that it let through may have met errors; left out: 0.
        errors: strict Count<u64>,
        /// In which time errors are counted; left out: 24h.
        errors_window: strict Duration,
    } => Policy {
        ga_tenants: tenants,
        ga_stable_ms: stable,
        ga_revertible: revertible.map(|revertible| revertible == Demand::Required),
        ga_sign_offs: sign_offs.map(|roles| roles.iter().map(|role| Box::from(&**role)).collect()),
        ga_errors: errors,
        ga_errors_window_ms: errors_window,
        ..Policy::default()
    }
}

/// Whether something is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    Required,
    Optional,
}
words! { Demand { "required" => Required, "optional" => Optional } }
