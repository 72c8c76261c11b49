//! The form of issuers and of identity in `sluice.yaml`.

use tokens::{Algorithm, MAX_ATTRIBUTES, MAX_AUDIENCES};

use super::allow::Allow;
use super::answer::is_http_url;
use super::secret::{SecretFile, SecretSource, SecretVariable};
use super::text::{AttributeName, ClaimPath, FilePath, HeaderName};
use crate::form::{
    Duration, List, Map, Placed, PlacedText, fields, group, object, parsed, single, texts, union, words,
};
use crate::identity::{self, AttributeType, CertificateName};
use crate::validate::InvalidValue;

/// The default of `refresh`, the interval between fetches of a JWKS.
const REFRESH_MS: u64 = 5 * 60 * 1000;

texts! {
    IssuerName: any "the issuer's name";
    Audience: any "an audience";
    TokenType: any "a token type such as `at+jwt`";
    CookieName: any "the name of a cookie";
}

/// The issuers.
pub(crate) type IssuerList = List<Issuer, 0, 64>;

fields! {
    /// Trusted issuer of tokens, and the checks of its tokens.
    Issuer("an issuer") => IssuerFields {
        /// Issuer and its keys.
        keys: include IssuerKeys,
        /// Paths of the claims with tenant, user, groups and attributes.
        claims: must Claims,
        /// Further checks.
        checks: include TokenChecks,
        /// Warnings about the issuer that are expected. Default: none.
        _allow("allow"): field Allow,
    }
}

group! {
    /// The first fields of issuers, of tenants' tokens and of operators'.
    IssuerKeys => IssuerKeysFields {
        /// Exact `iss` of its tokens.
        issuer: must IssuerName,
        /// Audiences, of which a token must have at least one in its `aud`.
        audiences: must List<Audience, 1, MAX_AUDIENCES>,
        /// Algorithms that its tokens may be signed with.
        algorithms: must List<Algorithm, 1, { Algorithm::ALL.len() }>,
        /// Location of its keys.
        keys: must KeySource,
    }
}

group! {
    /// The last fields of issuers, of tenants' tokens and of operators'.
    TokenChecks => TokenChecksFields {
        /// Allowed difference between clocks. Default: 30s.
        leeway: field Duration,
        /// Maximum age of a token by its `iat`, which is then required. Default: unlimited.
        max_age: field Duration,
        /// Required `typ` of its tokens. Default: any.
        typ: field TokenType,
    }
}

words! { Algorithm::ALL }

/// The location of an issuer's keys, as written.
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
    /// Keys that are fetched from a URL.
    JwksUrl("a JWKS URL"): identity::KeySource {
        /// URL of the JWKS, http or https.
        jwks_url: required KeysUrl,
        /// Interval between fetches. Default: 5m.
        refresh: strict Duration = REFRESH_MS,
        /// Time that the last valid keys are used after the first failed fetch. Default: unlimited.
        keep_keys: strict Duration,
    } => identity::KeySource::Url { url: jwks_url, refresh_ms: refresh, keep_keys_ms: keep_keys }
}

parsed! {
    KeysUrl("an http or https URL", "invalid-url"): Box<str> = |url| {
        if names_user(url) {
            let help = "remove the text between `//` and the last `@`, and the `@`";
            return Err(InvalidValue::new("a URL of keys can't contain a user: keys are public", help));
        }
        let help = "write it like `https://login.example/jwks`";
        let url = is_http_url(url).then(|| url.into()).ok_or(url);
        url.map_err(|url| InvalidValue::new(format!("`{url}` is not an http or https URL"), help))
    };
    Realm("a name", "invalid-realm"): Box<str> = |text| {
        let quotable = |b: u8| b == b' ' || (b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
        let is_realm = (1..=128).contains(&text.len()) && text.bytes().all(quotable);
        let title = "a realm has 1 to 128 visible ASCII characters, without quotes and backslashes";
        let realm = is_realm.then(|| text.into());
        realm.ok_or_else(|| InvalidValue::new(title, "write a name such as `sluice`"))
    };
}

/// Returns true for a URL that has a user, and perhaps a password, before its host (RFC 3986 section 3.2.1).
pub(super) fn names_user(url: &str) -> bool {
    let authority = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

single! {
    /// File with a JWKS.
    JwksFile("a JWKS file") jwks_file: Placed<FilePath>, "Path of the JWKS.";
    /// File with one public key.
    PemFile("a PEM file") pem_file: Placed<FilePath>, "Path of the public key, in PEM.";
}

/// The paths of claims, attributes by their ids.
#[derive(Clone)]
pub(crate) struct ClaimPaths {
    pub(crate) tenant: tokens::ClaimPath,
    pub(crate) user: tokens::ClaimPath,
    pub(crate) groups: Option<tokens::ClaimPath>,
    pub(crate) attributes: Vec<(u32, tokens::ClaimPath)>,
}

/// Returns the path, or the default if it is left out.
pub(crate) fn path_or(path: Option<tokens::ClaimPath>, left_out: &str) -> Option<tokens::ClaimPath> {
    path.or_else(|| tokens::ClaimPath::parse(left_out).ok())
}

fields! {
    /// Paths of the subject's claims: names joined by dots, or JSON pointers.
    Claims("a mapping of claims") => ClaimsFields {
        /// Path of the tenant's id.
        tenant: must ClaimPath,
        /// Path of the user's id. Default: sub.
        user: field ClaimPath,
        /// Path of the user's groups. Default: none.
        groups: field ClaimPath,
        /// Paths of attributes, by the name of the attribute.
        attributes: field Map<Placed<AttributeName>, Option<ClaimPath>, 0, MAX_ATTRIBUTES>,
    }
}

fields! {
    /// Location of the token and of attributes in a request.
    Identity("an identity") => IdentityFields {
        /// Location of the token. Default: `Authorization: Bearer TOKEN`.
        token: field TokenValue,
        /// Source of the tenant if a request has no token. Default: none.
        tenant: field CertificateTenant,
        /// Attributes that are read from the request, by name. A client can set any header or cookie.
        attributes: field Map<Placed<AttributeName>, Option<RequestAttribute>, 0, 32>,
        /// Realm in `WWW-Authenticate`. Default: sluice.
        realm: field Realm,
    }
}

single! {
    /// Tenant that the certificate of the client names.
    CertificateTenant("a tenant from a certificate") client_cert: Placed<CertificateName>, "Name in the certificate that is the tenant's id.";
}

words! { CertificateName { "san_dns" => SanDns, "san_uri" => SanUri, "cn" => CommonName } }

/// A header or cookie, as written.
pub(crate) enum Named<'s> {
    Header(PlacedText<'s>),
    Cookie(PlacedText<'s>),
}

/// The location of an attribute in a request, as written.
pub(crate) enum AttributeAt<'s> {
    Named(Named<'s>, AttributeType),
    Client(ClientValue),
}

union! {
    RequestAttribute("`{ header: NAME }`, `{ cookie: NAME }` or `{ client: address }`"): AttributeAt<'s> {
        key AttributeHeader => |attribute| attribute,
        key AttributeCookie => |attribute| attribute,
        key FromClient => AttributeAt::Client,
    }
}

object! {
    /// Header that provides an attribute.
    AttributeHeader("an attribute from a header"): AttributeAt<'s> {
        /// Name of the header.
        header: required Placed<HeaderName>,
        /// Type of the value: `text`, `number` or `boolean`. A value of another type counts as missing. Default: text.
        value_type("as"): strict AttributeType = AttributeType::Text,
    } => AttributeAt::Named(Named::Header(header), value_type)
}

object! {
    /// Cookie that provides an attribute.
    AttributeCookie("an attribute from a cookie"): AttributeAt<'s> {
        /// Name of the cookie.
        cookie: required Placed<CookieName>,
        /// Type of the value: `text`, `number` or `boolean`. A value of another type counts as missing. Default: text.
        value_type("as"): strict AttributeType = AttributeType::Text,
    } => AttributeAt::Named(Named::Cookie(cookie), value_type)
}

words! { AttributeType { "text" => Text, "number" => Number, "boolean" => Boolean } }

single! {
    /// Value of the client's connection.
    FromClient("a value of the client") client: ClientValue, "`address`: IP address of the client, as trusted proxies forward it.";
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
    /// Header of the request.
    FromHeader("a value from a header") header: Placed<HeaderName>, "Name of the header.";
    /// Cookie of the request.
    FromCookie("a value from a cookie") cookie: Placed<CookieName>, "Name of the cookie.";
}
