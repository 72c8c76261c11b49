//! A request whose head was read, with all other input of its decision. The data plane takes it from a connection,
//! `explain` from a dry run's request.

use std::net::IpAddr;
use std::sync::Arc;

use rules::{AttributeId, AttributeValue};
use wire::{HeadLimits, RequestHead};

use crate::caller::Caller;
use crate::forwarding::{ForwardedScheme, Forwarding, ForwardingHeaders};
use crate::verified_certificate::VerifiedCertificate;

/// A request before it is decided. Deciding removes fields that no client may send, and normalises the target.
#[derive(Debug)]
pub(crate) struct Received<'r> {
    /// The head, with the target as sent.
    pub(crate) head: &'r mut RequestHead,
    /// The origin of the request.
    pub(crate) forwarding: &'r Forwarding,
    pub(crate) body: BodyPresence,
    /// The limits of an HTTP/2 head; none for HTTP/1, whose head the edge has checked.
    pub(crate) http2: Option<HeadLimits>,
    /// The verified certificate of the connection.
    pub(crate) certificate: Option<&'r Arc<VerifiedCertificate>>,
    pub(crate) assumed: &'r Assumed,
}

/// The input of a decision that a client's connection determines, beside the head.
#[derive(Debug)]
pub(crate) struct ConnectionFacts<'c> {
    /// The address of the connection's client; none if it is not known.
    pub(crate) address: Option<IpAddr>,
    pub(crate) forwarding_headers: ForwardingHeaders,
    /// The scheme between the peer and this proxy.
    pub(crate) scheme: ForwardedScheme,
    pub(crate) body: BodyPresence,
    /// The limits of an HTTP/2 head; none for HTTP/1, whose head the edge has checked.
    pub(crate) http2: Option<HeadLimits>,
    /// The verified certificate of the connection.
    pub(crate) certificate: Option<&'c Arc<VerifiedCertificate>>,
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
