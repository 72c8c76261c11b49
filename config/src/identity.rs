//! The settings of the proxy's identity phase: trusted issuers, and the location of the identity in a request.

use std::sync::Arc;

use rules::{AttributeId, Site};

/// The trusted issuers, and the location of the identity in a request.
#[derive(Debug)]
pub struct IdentitySettings {
    /// The trusted issuers of tokens.
    pub issuers: Vec<IssuerConfig>,
    /// The location of the token.
    pub token: TokenSource,
    /// The attributes that are read from the request.
    pub attributes: Vec<RequestAttribute>,
    /// The names of the attributes that tokens and requests can have, also of those that no condition reads; sorted.
    pub attribute_names: Vec<Box<str>>,
    /// The name in a client's certificate that is the tenant's id; none if certificates name no tenant.
    pub certificate_tenant: Option<CertificateName>,
    /// The realm in `WWW-Authenticate`.
    pub realm: Box<str>,
}

/// An issuer and its keys.
#[derive(Debug)]
pub struct IssuerConfig {
    /// The checks of its tokens, and the paths of claims. Attributes are numbered by [`AttributeId::index`].
    pub issuer: tokens::Issuer,
    /// The source of its keys.
    pub keys: KeySource,
    /// The site of its definition.
    pub site: Site,
}

/// The source of an issuer's keys.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Keys that were read with the document.
    Fixed(Arc<tokens::KeySet>),
    /// Keys that are fetched from a URL.
    Url {
        /// An http or https URL.
        url: Box<str>,
        /// The interval between fetches, in milliseconds.
        refresh_ms: u64,
        /// The time that the last valid keys are used after the first failed fetch, in milliseconds; none means
        /// unlimited.
        keep_keys_ms: Option<u64>,
    },
}

/// The location of the token in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// `Authorization`, after `Bearer`.
    Authorization,
    /// The whole value of a header, whose name is in lower case.
    Header(Box<str>),
    /// The cookie with this name.
    Cookie(Box<str>),
}

/// A name in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateName {
    /// The one DNS name among its subject alternative names.
    SanDns,
    /// The one URI among them.
    SanUri,
    /// The one common name of its subject.
    CommonName,
}

/// An attribute that is read from the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAttribute {
    /// The id in the snapshot of the same load.
    pub id: AttributeId,
    /// The location of its value.
    pub value: RequestValue,
    /// The type that the text of the value is parsed as. A text that is not of this type counts as missing.
    pub value_type: AttributeType,
}

/// The type of an attribute that is read from the text of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// The text itself.
    Text,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// The location of a value in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestValue {
    /// The header with this name, in lower case.
    Header(Box<str>),
    /// The cookie with this name.
    Cookie(Box<str>),
    /// The address of the client.
    ClientAddress,
}
