//! The choice of the requests that are traced.

use wire::Fields;

use super::sampled_trace::SampledTrace;
use crate::forwarding::PeerTrust;
use crate::request_id::RequestId;
use crate::traceparent::{continued, only_parent};

/// The bits of a trace id that the share is compared with.
const BITS: u32 = 63;
/// The flag of a sampled trace (W3C Trace Context section 3.2.2.5.1).
const SAMPLED: u8 = 1;

/// The share of traces that are sampled, and the use of the decision of a trusted proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// A trace is sampled if the last 8 bytes of its id, shifted by one bit, are below this.
    threshold: u64,
    follows_parent: bool,
}

impl Sampling {
    /// Creates the sampling of a share in millionths.
    pub(crate) fn new(millionths: u32, follows_parent: bool) -> Self {
        let threshold = (u128::from(millionths) << BITS) / 1_000_000;
        Self {
            threshold: u64::try_from(threshold).unwrap_or(u64::MAX),
            follows_parent,
        }
    }

    /// Returns the trace of a request with these fields, if it is sampled.
    ///
    /// A client can set any flag, and choose an id that the share includes. So both count only if the peer is a trusted
    /// proxy; otherwise the id of the request decides, which no client knows.
    pub(crate) fn begin(self, fields: &Fields, id: &RequestId, peer: PeerTrust) -> Option<Box<SampledTrace>> {
        let parent = only_parent(fields);
        let parent = parent.and_then(|parent| Some((parent, continued(parent)?)));
        let is_sampled = match parent {
            Some((_, (trace, flags))) if peer == PeerTrust::Trusted => {
                self.follows_parent && is_marked(flags) || self.includes(trace)
            }
            Some(_) | None => self.includes(id.as_str()),
        };
        if !is_sampled {
            return None;
        }
        let trace = match parent {
            Some((parent, (trace, flags))) => {
                let flags = u8::from_str_radix(flags, 16).unwrap_or(0);
                let state = fields.values("tracestate");
                // The span id follows the version, the trace id and their hyphens.
                let span = parent
                    .get(36..52)
                    .and_then(|span| u64::from_str_radix(span, 16).ok());
                SampledTrace::continuing(trace, id, (span, flags | SAMPLED), state)
            }
            None => SampledTrace::new(id, SAMPLED),
        };
        trace.map(Box::new)
    }

    /// Returns true if the share includes a trace id of 32 hex digits.
    fn includes(self, trace: &str) -> bool {
        let low = trace.get(16..).and_then(|low| u64::from_str_radix(low, 16).ok());
        low.is_some_and(|low| low >> (u64::BITS - BITS) < self.threshold)
    }
}

fn is_marked(flags: &str) -> bool {
    u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & SAMPLED != 0)
}

#[cfg(test)]
mod tests;
