//! Who is believed and where in a request to look: what the proxy's identity phase is made of.

use std::sync::Arc;

use rules::{AttributeId, Site};

/// Who is believed and where in a request to look.
#[derive(Debug)]
pub struct Identity {
    /// Whose tokens are believed.
    pub issuers: Vec<IssuerConfig>,
    /// Where the token is.
    pub token: TokenSource,
    /// Attributes from the request itself, by the ids of the snapshot that was loaded along.
    pub attributes: Vec<(AttributeId, RequestValue)>,
    /// Where in a client's certificate the tenant is, if it may be there.
    pub certificate_tenant: Option<CertificateName>,
    /// For `WWW-Authenticate`.
    pub realm: Box<str>,
}

/// An issuer and its keys.
#[derive(Debug)]
pub struct IssuerConfig {
    /// The checks and the claims. Its attributes are numbered by [`AttributeId::index`].
    pub issuer: tokens::Issuer,
    /// Its keys.
    pub keys: KeySource,
    /// Where it was written.
    pub site: Site,
}

/// Where an issuer's keys are from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// They were read along with the document.
    Fixed(Arc<tokens::KeySet>),
    /// They are fetched.
    Url {
        /// An http or https URL.
        url: Box<str>,
        /// How often they are fetched again, in milliseconds.
        refresh_ms: u64,
        /// How long the last good keys are used after fetches began to fail, in milliseconds; none: without limit.
        keep_keys_ms: Option<u64>,
    },
}

/// Where in a request the token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// In `Authorization`, after `Bearer`.
    Authorization,
    /// In a header (its name in lower case), bare.
    Header(Box<str>),
    /// In a cookie.
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

/// A value that a request brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestValue {
    /// A header, its name in lower case.
    Header(Box<str>),
    /// A cookie.
    Cookie(Box<str>),
    /// The client's address. No token is there.
    ClientAddress,
}
