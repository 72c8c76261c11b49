//! A request whose head was read, with all other input of its decision. The data plane takes it from a connection,
//! `explain` from a dry run's request.

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
    /// The bytes of the head. pingora's header drops a fragment from the target.
    pub(crate) raw: &'r [u8],
    /// The origin of the request.
    pub(crate) forwarding: &'r Forwarding,
    pub(crate) body: BodyPresence,
    /// The limits of an HTTP/2 head; none for HTTP/1, whose head the edge has checked.
    pub(crate) http2: Option<HeadLimits>,
    /// The verified certificate of the connection.
    pub(crate) certificate: Option<Arc<VerifiedCertificate>>,
    pub(crate) assumed: &'r Assumed,
}

/// The presence of a body. Only read for the method `OPTIONS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyPresence {
    Empty,
    /// There is one, or it is unknown.
    Possible,
}

/// Assumptions of a dry run about the caller.
#[derive(Debug, Default)]
pub(crate) struct Assumed {
    /// The caller, in place of a token.
    pub(crate) caller: Option<Caller>,
    /// Attributes. Those of a token take precedence over them, and they over those of the request.
    pub(crate) attributes: Vec<(AttributeId, AttributeValue)>,
}

/// The assumptions about a client's request: none.
pub(crate) static NOTHING_ASSUMED: Assumed = Assumed {
    caller: None,
    attributes: Vec::new(),
};
