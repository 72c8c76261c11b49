//! The form of issuers and of identity in `sluice.yaml`.

use tokens::{Algorithm, MAX_ATTRIBUTES, MAX_AUDIENCES};

use super::secret::{SecretFile, SecretSource, SecretVariable};
use super::text::{AttributeName, ClaimPath, FilePath, HeaderName, Name};
use crate::form::{Duration, List, Map, Placed, PlacedText, fields, group, single, texts, union, words};
use crate::identity::CertificateName;

texts! {
    IssuerName: any "the issuer's name";
    Audience: any "an audience";
    TokenType: any "a token type such as `at+jwt`";
    KeysUrl: any "an http or https URL";
    CookieName: any "the name of a cookie";
}

/// The issuers.
pub(crate) type Issuers = List<Issuer, 0, 64>;

fields! {
    /// Whose tokens are believed, and how they are checked.
    Issuer("an issuer") => IssuerFields {
        /// The issuer and its keys.
        keys: include IssuerKeys,
        /// Where in the claims the tenant and the rest are.
        claims: required Claims,
        /// What is checked besides.
        checks: include TokenChecks,
    }
}

group! {
    /// The first fields of issuers, of tenants' tokens as of operators'.
    IssuerKeys => IssuerKeysFields {
        /// The `iss` of its tokens.
        issuer: required IssuerName,
        /// At least one of them is in the `aud` of a token.
        audiences: required List<Audience, 1, MAX_AUDIENCES>,
        /// What its tokens are signed with.
        algorithms: required List<Algorithm, 1, { Algorithm::ALL.len() }>,
        /// Where its keys are.
        keys: required KeySource,
    }
}

group! {
    /// The last fields of issuers, of tenants' tokens as of operators'.
    TokenChecks => TokenChecksFields {
        /// How far clocks may be apart; left out: 30s.
        leeway: optional Duration,
        /// How old a token may be by its `iat`.
        max_age: optional Duration,
        /// The `typ` that its tokens must have.
        typ: optional TokenType,
    }
}

words! { Algorithm::ALL }

/// The place of an issuer's keys, as it is written.
pub(crate) enum KeysAt<'s> {
    Url(KeysUrlFields<'s>),
    JwksFile(PlacedText<'s>),
    PemFile(PlacedText<'s>),
    Secret(SecretSource<'s>),
}

union! {
    KeySource("a source of keys"): KeysAt<'s> {
        key JwksUrl => KeysAt::Url,
        key JwksFile => KeysAt::JwksFile,
        key PemFile => KeysAt::PemFile,
        key SecretVariable => |secret| KeysAt::Secret(SecretSource::Variable(secret)),
        key SecretFile => |secret| KeysAt::Secret(SecretSource::File(secret)),
    }
}

fields! {
    /// Keys that are fetched.
    JwksUrl("a JWKS URL") => KeysUrlFields {
        /// Where the JWKS is.
        jwks_url: required KeysUrl,
        /// How often it is fetched again; left out: 5m.
        refresh: optional Duration,
        /// How long the last good keys are used after fetches began to fail; left out: without limit.
        keep_keys: optional Duration,
    }
}

single! {
    /// Keys in a JWKS.
    JwksFile("a JWKS file") jwks_file: Placed<FilePath>, "The JWKS.";
    /// One public key.
    PemFile("a PEM file") pem_file: Placed<FilePath>, "The public key.";
}

fields! {
    /// Where in the claims the subject is: names joined by dots, or a JSON pointer.
    Claims("a mapping of claims") => ClaimsFields {
        /// The tenant's id.
        tenant: required ClaimPath,
        /// The user's id; left out: sub.
        user: optional ClaimPath,
        /// The user's groups.
        groups: optional ClaimPath,
        /// Attributes, by name.
        attributes: optional Map<Placed<AttributeName>, Placed<ClaimPath>, 0, MAX_ATTRIBUTES>,
    }
}

fields! {
    /// Where in a request the token and attributes are.
    Identity("an identity") => IdentityFields {
        /// Where the token is; left out: authorization.
        token: optional TokenValue,
        /// Who is asking where there is no token.
        tenant: optional CertificateTenant,
        /// Attributes from the request: only as true as whoever sets them.
        attributes: optional Map<Placed<AttributeName>, RequestAttribute, 0, 32>,
        /// For WWW-Authenticate; left out: sluice.
        realm: optional Name,
    }
}

single! {
    /// The tenant that a client's certificate names.
    CertificateTenant("a tenant from a certificate") client_cert: Placed<CertificateName>, "Where in the certificate it is.";
}

words! { CertificateName { "san_dns" => SanDns, "san_uri" => SanUri, "cn" => CommonName } }

/// A header or cookie, as it is written.
pub(crate) enum Named<'s> {
    Header(PlacedText<'s>),
    Cookie(PlacedText<'s>),
}

/// The place of an attribute in a request, as it is written.
pub(crate) enum AttributeAt<'s> {
    Named(Named<'s>),
    Client(ClientValue),
}

union! {
    RequestAttribute("`{ header: NAME }`, `{ cookie: NAME }` or `{ client: address }`"): AttributeAt<'s> {
        key FromHeader => |name| AttributeAt::Named(Named::Header(name)),
        key FromCookie => |name| AttributeAt::Named(Named::Cookie(name)),
        key FromClient => AttributeAt::Client,
    }
}

single! {
    /// What is known of the client's connection.
    FromClient("a value of the client") client: ClientValue, "Its address, as trusted proxies tell it.";
}

/// A value of the client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClientValue {
    Address,
}
words! { ClientValue { "address" => Address } }

union! {
    TokenValue("`{ header: NAME }` or `{ cookie: NAME }`"): Named<'s> {
        key FromHeader => Named::Header,
        key FromCookie => Named::Cookie,
    }
}

single! {
    /// A request header.
    FromHeader("a value from a header") header: Placed<HeaderName>, "Its name.";
    /// A cookie.
    FromCookie("a value from a cookie") cookie: Placed<CookieName>, "Its name.";
}
