//! The form of the admin listener, of operators and of the policy of changes.

use rules::{AdminHosts, MAX_ADMIN_HOSTS, Timestamp};

use super::Needs;
use super::allow::Allow;
use super::answer::is_http_url;
use super::issuer::{ClaimPaths, IssuerKeys, TokenChecks, names_user, path_or};
use super::listener::AdminTls;
use super::prometheus::Prometheus;
use super::public_url::{PublicUrl, is_secure_url};
use super::text::{ClaimPath, FilePath, Off, SocketAddress, TenantId};
use crate::form::{
    Boolean, Duration, List, Map, Placed, PlacedText, Resolved, SecretTokens, Version, Whole, fields, object,
    parsed, single, texts, union, words,
};
use crate::operators::{ChangePolicy as Policy, OperatorRole, PromotionCondition, RequiredSignOff, Signer};
use crate::validate::InvalidValue;

texts! {
    ClaimValue: any "a value of the claim";
    TokenName: filled "a name";
    SignOffRole: filled "a role that signs off";
    SignerName: filled "the name of an operator";
    ClientId: filled "the id of a client";
}

parsed! {
    TokenHash("a hash", "invalid-hash"): Box<str> = |text| {
        let help = "make a token and its entry with `sluice operators token`";
        let hash = is_hash(text).then(|| text.into());
        hash.ok_or_else(|| InvalidValue::new("this is not the hash of a token", help))
    };
    AdminHost("a host name", "invalid-host"): Box<str> = |text| {
        InvalidValue::of(AdminHosts::parse_name(text), "write the name alone, such as `sluice.internal`")
    };
    ProviderUrl("an https URL", "invalid-url"): Box<str> = |url| {
        let help = "write the issuer as the provider does, like `https://login.example.com/realms/staff`; `http://` is for 127.0.0.1, \
                    [::1] and localhost only";
        let is_issuer = is_http_url(url) && is_secure_url(url) && !names_user(url) && !url.contains(['?', '#']);
        let issuer = is_issuer.then(|| url.into());
        issuer.ok_or_else(|| InvalidValue::new(format!("`{url}` is not the https URL of an issuer"), help))
    };
    Scope("a scope", "invalid-value"): Box<str> = |text| {
        let is_scope = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\');
        let scope = (!text.is_empty() && text.len() <= 128 && text.bytes().all(is_scope)).then(|| text.into());
        scope.ok_or_else(|| InvalidValue::new(format!("`{text}` is not a scope"), "write one scope, such as `profile` or `groups`"))
    };
    ExpiryTime("an RFC 3339 time", "invalid-time"): Timestamp =
        |text| InvalidValue::of(Timestamp::parse(text), "write it like 2027-01-01T00:00:00Z");
}

/// Returns true for `hmac-sha256:`, 16 bytes, `:`, 32 bytes, and optionally `:` and 6 bytes, all in base64url without
/// padding.
fn is_hash(text: &str) -> bool {
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let base64 = |text: &str, length| text.len() == length && text.bytes().all(is_base64);
    text.strip_prefix("hmac-sha256:")
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(salt, rest)| {
            let (code, id) = rest
                .split_once(':')
                .map_or((rest, None), |(code, id)| (code, Some(id)));
            base64(salt, 22) && base64(code, 43) && id.is_none_or(|id| base64(id, 8))
        })
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
    /// Listener of the admin API, health and metrics.
    AdminObject("an admin listener") => AdminFields {
        /// IP address and port. Without `operators` it must be a loopback address.
        address: must SocketAddress,
        /// TLS of its connections. Default: none.
        tls: field AdminTls,
        /// DNS names by which health, metrics and, without operators, the API may be requested without TLS. IP addresses
        /// and localhost are always accepted. Default: none.
        hosts: field List<AdminHost, 1, MAX_ADMIN_HOSTS>,
        /// Operators of flags. Default: every client on this machine.
        operators: field Operators,
        /// Web pages by which people operate flags. Default: on.
        console: field Switch,
        /// Warnings about the admin listener that are expected. Default: none.
        _allow("allow"): field Allow,
    }
}

/// A part that is served or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}
words! { Switch { "on" => On, "off" => Off } }

fields! {
    /// Listener of health and metrics alone.
    HealthObject("a health listener") => HealthFields {
        /// IP address and port. Other machines may reach it: it has no operations.
        address: must SocketAddress,
    }
}

fields! {
    /// Web pages for others than staff.
    ConsoleObject("a console") => ConsoleFields {
        /// Listener of the pages and of the admin API for the admins of orgs alone. It needs `admin.operators`.
        tenants: must TenantsListenerObject,
    }
}

fields! {
    /// Listener for the admins of orgs alone.
    TenantsListenerObject("a listener for the admins of orgs") => TenantsListenerFields {
        /// IP address and port. Without `tls` a proxy that ends TLS should be in front of it.
        address: must SocketAddress,
        /// TLS of its connections. Default: none.
        tls: field AdminTls,
        /// URL of the listener for people, if a proxy is in front of it: https, or http on loopback. Default: none.
        public_url: field PublicUrl,
        /// Warnings about the listener that are expected. Default: none.
        _allow("allow"): field Allow,
    }
}

fields! {
    /// Operators of flags.
    Operators("operators", Needs::AtLeastOne) => OperatorsFields {
        /// Location of the static tokens.
        tokens: field OperatorTokens,
        /// Trusted issuer of operators' tokens, and the roles of its values.
        issuer: field OperatorIssuer,
        /// Sign-in of people at the console by an identity provider.
        sign_in: field PersonSignIn,
    }
}

single! {
    /// Sign-in of people at the console.
    PersonSignIn("a sign-in of people") oidc: OidcProvider, "Provider of OpenID Connect.";
}

fields! {
    /// Identity provider with OpenID Connect, this client of it, and the roles of its values.
    OidcProvider("a provider of OpenID Connect") => OidcProviderFields {
        /// Exact issuer: an https URL, or http on loopback. Its discovery document is below it.
        issuer: must ProviderUrl,
        /// Id of this client at the provider.
        client_id: must ClientId,
        /// File with the secret of this client, read for each sign-in. Default: none, for a public client.
        client_secret_file: field Resolved<FilePath>,
        /// Scopes to ask for, beside `openid`. Default: profile.
        scopes: field List<Scope, 0, 20>,
        /// Path of the claim of roles in the ID token: a text or a list of texts. Default: roles.
        role: field ClaimPath,
        /// Path of the org of an org's admin. Default: org.
        org: field ClaimPath,
        /// Path of the name to display in the audit log. Default: name.
        name: field ClaimPath,
        /// Roles by value of the claim. Other values are ignored. Default: those of `issuer`.
        roles: field Map<Placed<ClaimValue>, OperatorRole, 1, 100>,
    }
}

/// Location of the static tokens, as written.
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
    /// File with static tokens. It is read again when it changes.
    TokensFile("a file of tokens") file: Placed<FilePath>, "Path of the file.";
    /// Environment variable with static tokens, the same text as in a file.
    TokensVariable("tokens from the environment") env: Placed<SecretTokens>, "Reference to the environment variable: `${NAME}`.";
}

fields! {
    /// Trusted issuer of operators' tokens, the checks of its tokens, and the roles of its values.
    OperatorIssuer("an issuer of operators") => OperatorIssuerFields {
        /// Issuer and its keys.
        keys: include IssuerKeys,
        /// Paths of the claims with roles, org and name.
        claims: must OperatorClaims,
        /// Roles by value of the claim `roles`. Other values are ignored.
        roles: must Map<Placed<ClaimValue>, OperatorRole, 1, 100>,
        /// Further checks.
        checks: include TokenChecks,
    }
}

words! { OperatorRole::ALL }

/// Roles by value of a claim, as written.
pub(crate) type RolesByValue<'s> = Vec<(PlacedText<'s>, OperatorRole)>;

object! {
    /// Paths of an operator's claims: names joined by dots, or JSON pointers.
    OperatorClaims("a mapping of operators' claims"): ClaimPaths {
        /// Path of the roles: a text or a list of texts.
        roles: required ClaimPath,
        /// Path of the org of an org's admin. Default: org.
        org: strict ClaimPath,
        /// Path of the name to display in the audit log. It never identifies the operator: the subject (`sub`) does.
        /// Default: none.
        name: strict ClaimPath,
    } => ClaimPaths {
        tenant: path_or(org, "org")?,
        user: path_or(None, "sub")?,
        groups: Some(roles),
        // The only attribute is the name to display.
        attributes: name.map(|path| (0, path)).into_iter().collect(),
    }
}

fields! {
    /// Static tokens of operators. `sluice operators token` prints an entry.
    TokensDocument("a document of tokens") => TokensFields {
        /// Version of this format: 1.
        _version("version"): must Version,
        /// Static tokens.
        tokens: must List<Placed<StaticToken>, 0, 1_000>,
    }
}

fields! {
    /// Name and role of an operator, and the hash of the token.
    StaticToken("a static token") => StaticTokenFields {
        /// Name of the owner, which identifies the owner in the audit log and in sign-offs. Unique; 1 to 128 visible
        /// ASCII characters, with single spaces between them.
        name: must TokenName,
        /// Role of the owner.
        role: must OperatorRole,
        /// Id of the tenant that an `org-admin` administers. Required for that role, and allowed only there.
        org: field TenantId,
        /// Hash of the token, as printed by `sluice operators token`.
        hash: must TokenHash,
        /// Time at which the token becomes invalid. Default: never.
        expires: field ExpiryTime,
    }
}

object! {
    /// Conditions that changes at run time must meet.
    ChangePolicy("a policy of changes"): Policy {
        /// Conditions of a promotion.
        promotion: strict Promotion = Policy::default(),
        /// Maximum number of tenants whose decisions a change may alter without force; 0 means unlimited. Default:
        /// 1000.
        max_blast_radius: strict Count<usize>,
        /// Conditions under which a flag is stale.
        stale: strict Stale = Policy::default(),
        /// Prometheus that checks of rollout plans query. Default: none.
        prometheus: strict Prometheus,
        /// URL of the admin listener for people: https, or http on loopback, with a prefix of its paths if it has one. Links
        /// in notifications begin with it. Default: none.
        public_url: strict PublicUrl,
    } => Policy {
        max_blast_radius,
        prometheus,
        public_url,
        stale_ga_ms: stale.stale_ga_ms,
        stale_unused_ms: stale.stale_unused_ms,
        stale_undecided_ms: stale.stale_undecided_ms,
        ..promotion
    }
}

object! {
    /// Conditions under which a flag is stale.
    Stale("a policy of stale flags"): Policy {
        /// Time in ga after which a flag that is on for all tenants is stale. Default: 14d.
        ga: strict Duration,
        /// Age after which a flag that no gate uses is stale. Default: 14d.
        unused: strict Duration,
        /// Time without a decision after which a flag is stale. Default: 30d.
        undecided: strict Duration,
    } => Policy {
        stale_ga_ms: ga,
        stale_unused_ms: unused,
        stale_undecided_ms: undecided,
        ..Policy::default()
    }
}

object! {
    /// Conditions of a promotion.
    Promotion("a policy of promotions"): Policy {
        /// Minimum time in the present lifecycle state. Default: 24h.
        soak: strict Duration,
        /// Further conditions of a promotion to beta, the exit of alpha.
        beta: strict PromotionToBeta = Policy::default(),
        /// Further conditions of a promotion to ga, the exit of beta.
        ga: strict PromotionToGa = Policy::default(),
        /// Further conditions of retiring a flag.
        retired: strict Retirement = Policy::default(),
        /// Time after a promotion in which the flag is watched; its end is in the audit log. 0s: none. Default: 24h.
        watch: strict Duration,
        /// Conditions that an urgent promotion cannot skip.
        urgent: strict Urgent = Policy::default(),
    } => Policy {
        soak_ms: soak,
        beta_soak_ms: beta.beta_soak_ms,
        beta_sign_offs: beta.beta_sign_offs,
        beta_errors: beta.beta_errors,
        beta_errors_window_ms: beta.beta_errors_window_ms,
        retired_soak_ms: retired.retired_soak_ms,
        watch_ms: watch,
        urgent_never_skips: urgent.urgent_never_skips,
        urgent_skips_states: urgent.urgent_skips_states,
        ..ga
    }
}

object! {
    /// Further conditions of a promotion to beta.
    PromotionToBeta("a policy of promotions to beta"): Policy {
        /// Minimum time in alpha. Default: that of `promotion`.
        soak: strict Duration,
        /// Roles that must each sign off, by different people, and who may. Default: none.
        sign_offs: strict SignOffs,
        /// Maximum number of requests that the flag let through and that failed. Default: 0.
        errors: strict Count<u64>,
        /// Time over which errors are counted. Default: 24h.
        errors_window: strict Duration,
    } => Policy {
        beta_soak_ms: soak,
        beta_sign_offs: sign_offs,
        beta_errors: errors,
        beta_errors_window_ms: errors_window,
        ..Policy::default()
    }
}

object! {
    /// Further conditions of a promotion to ga.
    PromotionToGa("a policy of promotions to ga"): Policy {
        /// Minimum time in beta. Default: that of `promotion`.
        soak: strict Duration,
        /// Minimum number of tenants that are not internal, opted in or are on the allowlist, and were served requests
        /// with the flag on. Default: 10.
        tenants: strict Count<usize>,
        /// Minimum age of the record of a tenant that counts. Default: 24h.
        tenant_age: strict Duration,
        /// Minimum time in beta, and since the last kill, restore, revert or rollback, in which requests were served.
        /// 0s: none. Default: 72h.
        stable: strict Duration,
        /// `required`: the document must declare the flag `revertible: true`, and name its revert path. Default:
        /// required.
        revertible: strict Demand,
        /// Roles that must each sign off, by different people, and who may. Default: none.
        sign_offs: strict SignOffs,
        /// Maximum number of requests that the flag let through and that failed. Default: 0.
        errors: strict Count<u64>,
        /// Time over which errors are counted. Default: 24h.
        errors_window: strict Duration,
    } => Policy {
        ga_soak_ms: soak,
        ga_tenants: tenants,
        ga_tenant_age_ms: tenant_age,
        ga_stable_ms: stable,
        ga_revertible: revertible.map(|revertible| revertible == Demand::Required),
        ga_sign_offs: sign_offs,
        ga_errors: errors,
        ga_errors_window_ms: errors_window,
        ..Policy::default()
    }
}

object! {
    /// Further conditions of retiring a flag.
    Retirement("a policy of retiring flags"): Policy {
        /// Minimum time in ga. Default: that of `promotion`.
        soak: strict Duration,
    } => Policy { retired_soak_ms: soak, ..Policy::default() }
}

object! {
    /// Conditions that an urgent promotion cannot skip.
    Urgent("a policy of urgent promotions"): Policy {
        /// Codes of the conditions that it never skips. Default: NOT_REVERTIBLE and ROLLBACK_OPEN.
        never_skip: strict List<PromotionCondition, 0, 32>,
        /// True: it may skip states. Default: false.
        skip_states: strict Boolean,
    } => Policy {
        urgent_never_skips: never_skip,
        urgent_skips_states: skip_states,
        ..Policy::default()
    }
}

words! { PromotionCondition::ALL }

union! {
    SignOffs("a list of roles, or a mapping of roles to their signers"): Vec<RequiredSignOff> {
        list List<SignOffRole, 0, 32> => |roles| roles.iter().map(|role| required(role, None)).collect(),
        mapping Map<Placed<SignOffRole>, List<SignOffBy, 1, 100>, 0, 32> => |roles| {
            let roles = roles.into_iter();
            roles.map(|(role, signers)| required(&role.value, Some(signers))).collect()
        },
    }
}

fn required(role: &str, signers: Option<Vec<Signer>>) -> RequiredSignOff {
    RequiredSignOff {
        role: role.into(),
        signers,
    }
}

union! {
    SignOffBy("an operator's name, `{ group: NAME }` or `{ flag: owner }`"): Signer {
        scalar SignerName => |name| Signer::Name(Box::from(&*name)),
        key SignerGroup => |group| Signer::Group(Box::from(&*group.value)),
        key SignerOfFlag => |field| {
            let FlagField::Owner = field;
            Signer::Owner
        },
    }
}

single! {
    /// Operators by a value of the claim `roles` in their token.
    SignerGroup("a group of operators") group: Placed<SignOffRole>, "Value of the claim `roles`.";
    /// Operator or group that a field of the flag names.
    SignerOfFlag("a field of the flag") flag: FlagField, "`owner`: the operator or the group that the flag's `owner` names.";
}

/// A field of a flag that names signers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagField {
    Owner,
}
words! { FlagField { "owner" => Owner } }

/// A condition that is required or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    Required,
    Optional,
}
words! { Demand { "required" => Required, "optional" => Optional } }
