//! A request whose head was read, and what else its decision reads: the data plane takes it from a connection,
//! `explain` from a question.

use std::sync::Arc;

use pingora::http::RequestHeader;
use rules::{AttributeId, AttributeValue};
use wire::HeadLimits;

use crate::caller::Caller;
use crate::forwarding::Forwarding;
use crate::verified_certificate::VerifiedCertificate;

/// A request before it is decided. Deciding removes headers that no client may send, and normalises the target.
#[derive(Debug)]
pub(crate) struct Received<'r> {
    pub(crate) header: &'r mut RequestHeader,
    /// The bytes of its head. The header drops a fragment from the target.
    pub(crate) raw: &'r [u8],
    /// Where it comes from.
    pub(crate) forwarding: &'r Forwarding,
    pub(crate) body: BodyPresence,
    /// The limits of a head of HTTP/2; none for HTTP/1, whose heads the edge has checked.
    pub(crate) http2: Option<HeadLimits>,
    /// The verified certificate of its connection.
    pub(crate) certificate: Option<Arc<VerifiedCertificate>>,
    pub(crate) assumed: &'r Assumed,
}

/// Whether a request has a body. It is only looked at where the method is `OPTIONS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyPresence {
    Empty,
    /// There is one, or it is not known.
    Possible,
}

/// What a question says of the caller that the request itself doesn't.
#[derive(Debug, Default)]
pub(crate) struct Assumed {
    /// The caller, in place of a token.
    pub(crate) caller: Option<Caller>,
    /// Attributes: those of a token go before them, those of the request after.
    pub(crate) attributes: Vec<(AttributeId, AttributeValue)>,
}

/// Nothing is assumed of a request that a client sent.
pub(crate) static NOTHING_ASSUMED: Assumed = Assumed {
    caller: None,
    attributes: Vec::new(),
};
