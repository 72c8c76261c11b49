//! The form of issuers and of identity in `sluice.yaml`.

use tokens::{Algorithm, MAX_ATTRIBUTES, MAX_AUDIENCES};

use super::answer::is_http_url;
use super::secret::{SecretFile, SecretSource, SecretVariable};
use super::text::{AttributeName, ClaimPath, FilePath, HeaderName};
use crate::form::{
    Duration, List, Map, Placed, PlacedText, Refusal, fields, group, object, parsed, single, texts, union,
    words,
};
use crate::identity::{self, CertificateName};

/// How often a JWKS is fetched again, unless the document says.
const REFRESH_MS: u64 = 5 * 60 * 1000;

texts! {
    IssuerName: any "the issuer's name";
    Audience: any "an audience";
    TokenType: any "a token type such as `at+jwt`";
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
        claims: must Claims,
        /// What is checked besides.
        checks: include TokenChecks,
    }
}

group! {
    /// The first fields of issuers, of tenants' tokens as of operators'.
    IssuerKeys => IssuerKeysFields {
        /// The `iss` of its tokens.
        issuer: must IssuerName,
        /// At least one of them is in the `aud` of a token.
        audiences: must List<Audience, 1, MAX_AUDIENCES>,
        /// What its tokens are signed with.
        algorithms: must List<Algorithm, 1, { Algorithm::ALL.len() }>,
        /// Where its keys are.
        keys: must KeySource,
    }
}

group! {
    /// The last fields of issuers, of tenants' tokens as of operators'.
    TokenChecks => TokenChecksFields {
        /// How far clocks may be apart; left out: 30s.
        leeway: field Duration,
        /// How old a token may be by its `iat`.
        max_age: field Duration,
        /// The `typ` that its tokens must have.
        typ: field TokenType,
    }
}

words! { Algorithm::ALL }

/// The place of an issuer's keys, as it is written.
pub(crate) enum KeysAt<'s> {
    Url(identity::KeySource),
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

object! {
    /// Keys that are fetched.
    JwksUrl("a JWKS URL"): identity::KeySource {
        /// Where the JWKS is.
        jwks_url: required KeysUrl,
        /// How often it is fetched again; left out: 5m.
        refresh: strict Duration = REFRESH_MS,
        /// How long the last good keys are used after fetches began to fail; left out: without limit.
        keep_keys: strict Duration,
    } => identity::KeySource::Url { url: jwks_url, refresh_ms: refresh, keep_keys_ms: keep_keys }
}

parsed! {
    KeysUrl("an http or https URL", "invalid-url"): Box<str> = |url| {
        if names_user(url) {
            let help = "remove what stands between `//` and the last `@`";
            return Err(Refusal::new("a URL of keys names no user: keys are public", help));
        }
        let help = "write it like `https://login.example/jwks`";
        let url = is_http_url(url).then(|| url.into()).ok_or(url);
        url.map_err(|url| Refusal::new(format!("`{url}` is not an http or https URL"), help))
    };
    Realm("a name", "invalid-realm"): Box<str> = |text| {
        let quotable = |b: u8| b == b' ' || (b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
        let is_realm = (1..=128).contains(&text.len()) && text.bytes().all(quotable);
        let title = "a realm has 1 to 128 visible ASCII characters, without quotes and backslashes";
        let realm = is_realm.then(|| text.into());
        realm.ok_or_else(|| Refusal::new(title, "write a name such as `sluice`"))
    };
}

/// Returns true for a URL that has a user, and perhaps a password, before its host (RFC 3986 section 3.2.1).
fn names_user(url: &str) -> bool {
    let authority = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

single! {
    /// Keys in a JWKS.
    JwksFile("a JWKS file") jwks_file: Placed<FilePath>, "The JWKS.";
    /// One public key.
    PemFile("a PEM file") pem_file: Placed<FilePath>, "The public key.";
}

/// The paths of claims, attributes by their ids.
#[derive(Clone)]
pub(crate) struct ClaimPaths {
    pub(crate) tenant: tokens::ClaimPath,
    pub(crate) user: tokens::ClaimPath,
    pub(crate) groups: Option<tokens::ClaimPath>,
    pub(crate) attributes: Vec<(u32, tokens::ClaimPath)>,
}

/// Returns the path, or the one that is meant when it is left out.
pub(crate) fn path_or(path: Option<tokens::ClaimPath>, left_out: &str) -> Option<tokens::ClaimPath> {
    path.or_else(|| tokens::ClaimPath::parse(left_out).ok())
}

fields! {
    /// Where in the claims the subject is: names joined by dots, or a JSON pointer.
    Claims("a mapping of claims") => ClaimsFields {
        /// The tenant's id.
        tenant: must ClaimPath,
        /// The user's id; left out: sub.
        user: field ClaimPath,
        /// The user's groups.
        groups: field ClaimPath,
        /// Attributes, by name.
        attributes: field Map<Placed<AttributeName>, Option<ClaimPath>, 0, MAX_ATTRIBUTES>,
    }
}

fields! {
    /// Where in a request the token and attributes are.
    Identity("an identity") => IdentityFields {
        /// Where the token is; left out: authorization.
        token: field TokenValue,
        /// Who is asking where there is no token.
        tenant: field CertificateTenant,
        /// Attributes from the request: only as true as whoever sets them.
        attributes: field Map<Placed<AttributeName>, Option<RequestAttribute>, 0, 32>,
        /// For WWW-Authenticate; left out: sluice.
        realm: field Realm,
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
