//! Admission of a request to its upstream: a share of the process, then a permit of the upstream.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rules::Balance;
use xxhash_rust::xxh3::xxh3_64;

use crate::answer::{Answer, AnswerCode};
use crate::outcome::RequestOutcome;
use crate::prepared_snapshot::PreparedSnapshot;
use crate::refusal::RequestRefusal;
use crate::request_context::RequestContext;
use crate::shares::{
    ConnectionShare, EndSignal, RequestShare, ShareDenied, ShareRequest, Shares, StreamShare,
};
use crate::upstreams::{LiveUpstream, Unavailable};

/// Retry delay when an upstream takes no request, in seconds.
const RETRY_SECONDS: u32 = 1;
/// Number and length of a request's waits for a share. A client sees the end of a response before the task of its
/// request has ended, and may send the next request at once.
const SHARE_RETRIES: u32 = 10;
const SHARE_RETRY_PAUSE: Duration = Duration::from_millis(5);

/// The shares that a request takes part in.
#[derive(Debug)]
pub(crate) struct ArrivalShares<'r> {
    pub(crate) connection: &'r Arc<ConnectionShare>,
    /// The share of an HTTP/2 stream.
    pub(crate) stream: Option<&'r Arc<StreamShare>>,
    /// Ends the request.
    pub(crate) end: Arc<EndSignal>,
}

/// Takes the request's share of the process and a permit of its upstream.
///
/// # Errors
/// The answer to a request that gets none.
pub(crate) async fn admit(
    shares: &Arc<Shares>,
    arrival: ArrivalShares<'_>,
    context: &mut RequestContext,
) -> Result<(), RequestRefusal> {
    let hash_key = hash_key(context);
    let prepared = Arc::clone(&context.prepared);
    // A request without an upstream fails when it is forwarded.
    let Some(live) = live(&prepared, context) else {
        return Ok(());
    };
    context.share = Some(share(shares, arrival, context).await?);
    match live.admit() {
        Ok(permit) => {
            context.attempts.begin(permit, hash_key);
            Ok(())
        }
        Err(unavailable) => {
            let code = match unavailable {
                Unavailable::Overloaded => AnswerCode::UPSTREAM_OVERLOADED,
                Unavailable::Unresolved => AnswerCode::UPSTREAM_UNRESOLVED,
                Unavailable::Unhealthy => AnswerCode::UPSTREAM_UNAVAILABLE,
            };
            let answer = Answer::new(code, &prepared.decider.pages)
                .with_header("retry-after", RETRY_SECONDS.to_string());
            Err(RequestRefusal::new(RequestOutcome::UpstreamError, answer))
        }
    }
}

/// Takes the request's share of the process, waiting up to 50 ms for one.
async fn share(
    shares: &Arc<Shares>,
    arrival: ArrivalShares<'_>,
    context: &RequestContext,
) -> Result<Arc<RequestShare>, RequestRefusal> {
    let need = ShareRequest {
        client: context.forwarding.charged_client(),
        is_tunnel: context.asks_for_tunnel,
    };
    if let Some(stream) = arrival.stream {
        // Only now is the client known that a trusted proxy names.
        stream.charge_to(need.client);
    }
    // Retried below: the slot of the client's previous request may be released a moment later.
    let take = || {
        let connection = Some(Arc::clone(arrival.connection));
        shares.take_request_share(connection, Arc::clone(&arrival.end), need)
    };
    let mut taken = take();
    for _ in 0..SHARE_RETRIES {
        if taken.is_ok() {
            break;
        }
        tokio::time::sleep(SHARE_RETRY_PAUSE).await;
        taken = take();
    }
    taken.map_err(|short| {
        let code = match short {
            ShareDenied::All => AnswerCode::OVERLOADED,
            ShareDenied::Client => AnswerCode::CLIENT_LIMIT,
        };
        let answer = Answer::new(code, &context.prepared.decider.pages)
            .with_header("retry-after", RETRY_SECONDS.to_string());
        RequestRefusal::new(RequestOutcome::Limited, answer)
    })
}

/// Returns the name of the request's upstream.
pub(crate) fn name(context: &RequestContext) -> Option<&str> {
    live(&context.prepared, context).map(LiveUpstream::name)
}

/// Returns the upstream of the request.
fn live<'s>(prepared: &'s PreparedSnapshot, context: &RequestContext) -> Option<&'s LiveUpstream> {
    let id = context.found.upstream?;
    prepared.upstreams.get(id.index()).map(|live| &**live)
}

/// Returns the hash of the tenant, or else of the client's address, for an upstream with sticky balancing.
fn hash_key(context: &RequestContext) -> Option<u64> {
    if live(&context.prepared, context)?.definition().balance != Balance::Sticky {
        return None;
    }
    if let Some(tenant) = context.found.tenant() {
        return Some(xxh3_64(tenant.as_str().as_bytes()));
    }
    Some(match context.forwarding.client()? {
        IpAddr::V4(ip) => xxh3_64(&ip.octets()),
        IpAddr::V6(ip) => xxh3_64(&ip.octets()),
    })
}
