//! The form of the admin listener, of operators and of the policy of changes.

use super::issuer::{IssuerKeys, TokenChecks};
use super::listener::AdminTls;
use super::text::{ClaimPath, FilePath, Off, SocketAddress, TenantId};
use crate::form::{
    Duration, List, Map, Placed, PlacedText, Secret, Version, Whole, fields, single, texts, union, words,
};
use crate::operators::OperatorRole;

texts! {
    ClaimValue: any "a value of the claim";
    TokenName: filled "a name";
    TokenHash: any "a hash";
    ExpiryTime: any "an RFC 3339 time";
    SignOffRole: filled "a role that signs off";
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
        address: required SocketAddress,
        /// TLS on its connections; left out: none.
        tls: optional AdminTls,
        /// Who may operate; left out: whoever connects from this machine.
        operators: optional Operators,
    }
}

fields! {
    /// Who may operate.
    Operators("operators", at_least_one: &["tokens", "issuer"]) => OperatorsFields {
        /// Where the static tokens are.
        tokens: optional OperatorTokens,
        /// Whose tokens are believed, and what their roles are here.
        issuer: optional OperatorIssuer,
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
        claims: required OperatorClaims,
        /// What a value of the claim of roles is here; others are nothing.
        roles: required Map<Placed<ClaimValue>, OperatorRole, 1, 100>,
        /// What is checked besides.
        checks: include TokenChecks,
    }
}

words! { OperatorRole::ALL }

fields! {
    /// Where in the claims an operator is: names joined by dots, or a JSON pointer.
    OperatorClaims("a mapping of operators' claims") => OperatorClaimsFields {
        /// The roles: a text or a list of texts.
        roles: required ClaimPath,
        /// The org of an org's admin; left out: org.
        org: optional ClaimPath,
        /// The name for the audit log; left out: sub.
        name: optional ClaimPath,
    }
}

fields! {
    /// Static tokens of operators; `sluice operators token` makes an entry.
    TokensDocument("a document of tokens") => TokensFields {
        /// The version of this format: 1.
        _version("version"): required Version,
        /// The tokens.
        tokens: required List<Placed<StaticToken>, 0, 1_000>,
    }
}

fields! {
    /// Whose it is, and what is kept of it.
    StaticToken("a static token") => StaticTokenFields {
        /// Whose it is, for the audit log.
        name: required TokenName,
        /// What he may do.
        role: required OperatorRole,
        /// For `org-admin`: of which org.
        org: optional TenantId,
        /// The hash, as it was printed.
        hash: required TokenHash,
        /// From when on it counts no more.
        expires: optional ExpiryTime,
    }
}

fields! {
    /// What changes at run time must meet.
    ChangePolicy("a policy of changes") => ChangePolicyFields {
        /// What a flag must have to be promoted.
        promotion: optional Promotion,
        /// More tenants than these change only with force; 0: any number; left out: 1000.
        max_blast_radius: optional Count<usize>,
        /// From when on flags count as stale.
        stale: optional Stale,
    }
}

fields! {
    /// From when on flags have outlived their purpose.
    Stale("a policy of stale flags") => StaleFields {
        /// Ga for longer, with nothing against it; left out: 14d.
        ga: optional Duration,
        /// Older than this, and named by no gate; left out: 14d.
        unused: optional Duration,
        /// Not decided for longer; left out: 30d.
        undecided: optional Duration,
    }
}

fields! {
    /// What a flag must have to be promoted.
    Promotion("a policy of promotions") => PromotionFields {
        /// How long it was in its present state; left out: 24h.
        soak: optional Duration,
        /// What it must have besides to become ga.
        ga: optional PromotionToGa,
    }
}

fields! {
    /// What a flag must have to become ga.
    PromotionToGa("a policy of promotions to ga") => PromotionToGaFields {
        /// So many that opted in or are on the allowlist have it on; left out: 10.
        tenants: optional Count<usize>,
        /// Neither killed, restored nor reverted for so long; left out: 72h.
        stable: optional Duration,
        /// Whether the document must say that it is revertible; left out: required.
        revertible: optional Demand,
        /// On whose behalf somebody must sign off; left out: nobody's.
        sign_offs: optional List<SignOffRole, 0, 32>,
        /// So many requests that it let through may have met errors; left out: 0.
        errors: optional Count<u64>,
        /// In which time errors are counted; left out: 24h.
        errors_window: optional Duration,
    }
}

/// Whether something is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    Required,
    Optional,
}
words! { Demand { "required" => Required, "optional" => Optional } }
