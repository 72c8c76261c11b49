//! The request of a dry run: its head as a client would send it, and what is assumed about its caller.

use std::net::IpAddr;
use std::sync::Arc;

use rules::{AttributeId, AttributeValue, TenantId};
use wire::{Framing, RequestHead, read_head};

use crate::answer::AnswerCode;
use crate::breakers::OpenFlags;
use crate::caller::{Caller, StatedCaller};
use crate::decider::Decider;
use crate::forwarding::{ForwardedScheme, Forwarding};
use crate::listener_head::ListenerHead;
use crate::phase::received::{Assumed, BodyPresence};
use crate::refusal::RequestRefusal;

/// The request of a dry run.
pub struct DryRunRequest<'q> {
    /// The listener that receives it.
    pub listener: &'q ListenerHead,
    /// The bytes of the HTTP/1 head, including the empty line.
    pub head: &'q [u8],
    /// The caller, in place of a token.
    pub caller: Option<StatedCaller>,
    /// The source address of the connection; none if it is not known.
    pub client: Option<IpAddr>,
    /// Attributes of the caller. Those of a token take precedence over them, and they over those of the request.
    pub attributes: Vec<(AttributeId, AttributeValue)>,
    /// Returns the keys of the flags whose circuit breaker is open for a tenant.
    pub open_breakers: &'q FindOpenBreakers<'q>,
}

/// Returns the keys of the flags whose circuit breaker is open for a tenant.
pub type FindOpenBreakers<'f> = dyn Fn(&str) -> Vec<Box<str>> + Send + Sync + 'f;

/// A request whose head was parsed.
#[derive(Debug)]
pub(super) struct ParsedRequest {
    pub(super) head: RequestHead,
    pub(super) body: BodyPresence,
}

impl DryRunRequest<'_> {
    /// Parses the head as the edge does.
    ///
    /// # Errors
    /// The answer to a request whose head is refused, and the exact problem.
    pub(super) fn read(&self, decider: &Decider) -> Result<ParsedRequest, (RequestRefusal, String)> {
        let refused = |code, reason: String| (RequestRefusal::malformed(code, &decider.pages), reason);
        let mut head = RequestHead::default();
        let bounds = read_head(self.head, self.listener.limits(), &mut head)
            .map_err(|invalid| refused(AnswerCode::of_head(invalid), invalid.to_string()))?;
        let incomplete = || {
            refused(
                AnswerCode::HEAD,
                "the head of the request is not complete".to_owned(),
            )
        };
        let bounds = bounds.ok_or_else(incomplete)?;
        Ok(ParsedRequest {
            head,
            body: match bounds.framing {
                Framing::Empty => BodyPresence::Empty,
                Framing::Length(_) | Framing::Chunked | Framing::UntilClose => BodyPresence::Possible,
            },
        })
    }

    /// Reads the origin of the request, as the data plane does over a connection without TLS. No decision depends on
    /// the scheme.
    pub(super) fn forwarding(&self, read: &ParsedRequest, decider: &Decider) -> Forwarding {
        let scheme = ForwardedScheme::default();
        Forwarding::read(&read.head.fields, self.client, scheme, &decider.trusted_proxies)
    }

    /// Appends the flags whose circuit breaker is open for a tenant.
    pub(super) fn find_open_breakers(
        &self,
        decider: &Decider,
        tenant: Option<&TenantId>,
        open: &mut OpenFlags,
    ) {
        let keys = tenant.map(|tenant| (self.open_breakers)(tenant.as_str()));
        let flags = &decider.snapshot.flags;
        let ids = keys.iter().flatten().filter_map(|key| flags.id(key));
        let left = open.remaining_capacity();
        open.extend(ids.take(left));
    }

    /// Returns the assumptions about the caller.
    pub(super) fn assumed(&self) -> Assumed {
        Assumed {
            caller: self.caller.clone().map(|stated| Caller::Stated(Arc::new(stated))),
            attributes: self.attributes.clone(),
        }
    }
}
