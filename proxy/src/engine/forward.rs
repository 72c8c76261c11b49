//! Forwarding of a request: attempts at the endpoints of its upstream, until one responds or none may be tried.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant as StdInstant};

use ::wire::{Framing, HttpVersion};
use pingora::protocols::Stream;
use tokio::time::Instant;

use super::buffers::Buffers;
use super::client::{ClientGone, ClientSide};
use super::exchange::{Exchange, ExchangeEnd, ExchangeError, ExchangeTimes};
use super::replay::Replay;
use super::upstream::UpstreamSide;
use crate::answer::is_grpc;
use crate::edge::buffered::Buffered;
use crate::phase::upstream_head;
use crate::request_context::RequestContext;
use crate::shared::Shared;
use crate::upstreams::{
    Connected, ConnectionProtocol, Connector, Failure, LiveEndpoint, LiveUpstream, RequestFate, UpstreamError,
};
use rules::UpstreamProtocol;

/// A request that was forwarded.
#[derive(Debug)]
pub(crate) enum Forwarded {
    /// Its response is complete.
    Complete,
    /// The protocol is switched.
    Switched {
        /// The upstream's connection.
        upstream: Buffered<Stream>,
        /// The silence after which the tunnel ends.
        silence: Duration,
    },
}

/// The times of a client that an exchange keeps to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientTimes {
    /// The time when the head was read.
    pub(crate) begun: Instant,
    /// Time for the request's body, from then on.
    pub(crate) body: Duration,
    /// Time for one write.
    pub(crate) write: Duration,
}

/// The endpoint of an attempt.
#[derive(Clone, Copy)]
struct Target<'t> {
    live: &'t LiveUpstream,
    endpoint: &'t LiveEndpoint,
    protocol: ConnectionProtocol,
}

/// The connection of an attempt.
struct AttemptConnection {
    connected: Connected,
    /// True if it was not opened for this request.
    is_reused: bool,
    /// The time since which the attempt has it.
    since: Instant,
}

/// The connections that an attempt may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reuse {
    /// Idle ones too.
    Allowed,
    /// New ones only.
    Forbidden,
}

/// Sends the request to its upstream, and passes the response on. `framing` is that of its body.
///
/// # Errors
/// The client failed, or the upstream did with every attempt.
pub(crate) async fn forward(
    shared: &Shared,
    client: &mut ClientSide,
    context: &mut RequestContext,
    buffers: &mut Buffers,
    (framing, times): (Framing, ClientTimes),
) -> Result<Forwarded, ExchangeError> {
    let prepared = Arc::clone(&context.prepared);
    let upstream = context.found.upstream;
    let live = upstream.and_then(|id| prepared.upstreams.get(id.index()));
    let Some(live) = live.map(Arc::clone) else {
        return Err(failed(Failure::Unreachable, "a request without an upstream"));
    };
    let protocol = match (context.asks_for_tunnel, live.definition().protocol) {
        (true, _) => ConnectionProtocol::Tunnel,
        (false, UpstreamProtocol::Http1) => ConnectionProtocol::Http1,
        (false, UpstreamProtocol::Http2) => ConnectionProtocol::Http2,
    };
    let is_idempotent = is_idempotent(context.head.method());
    let times = exchange_times(&live, context, times);
    let mut replay = Replay::default();
    let mut reuse = Reuse::Allowed;
    loop {
        // An attempt that sends the body again counts it again.
        context.body_bytes = 0;
        let begun = Instant::now();
        let now = begun.into_std();
        let Some(endpoint) = context.attempts.choose(&live, now) else {
            return Err(failed(Failure::Unreachable, "no endpoint is left"));
        };
        let endpoint = Arc::clone(endpoint);
        let left = context.attempts.time_left(&live, now);
        if left == Some(Duration::ZERO) {
            return Err(failed(Failure::Timeout, "the total timeout has passed"));
        }
        if let Some(trace) = &mut context.trace {
            trace.begin_attempt(&endpoint, now, &mut context.head.fields);
        }
        let target = Target {
            live: &live,
            endpoint: &endpoint,
            protocol,
        };
        let Some(connection) = connect(shared, client, context, target, (begun, left, reuse)).await? else {
            continue;
        };
        let (is_reused, begun) = (connection.is_reused, connection.since);
        let mut side = UpstreamSide::new(connection.connected);
        // An HTTP/2 upstream may refuse any request before it reads it.
        replay.begin(is_reused && is_idempotent || protocol == ConnectionProtocol::Http2);
        let deadline = left.map(|left| now + left).map(Instant::from_std);
        let times = ExchangeTimes {
            begun,
            deadline,
            ..times
        };
        let exchange = attempt(
            (shared, target),
            client,
            context,
            (&mut side, buffers, &mut replay),
            (framing, times),
        );
        match exchange.await {
            Ok(ExchangeEnd::Complete { is_request_sent, at }) => {
                if let Some(trace) = &mut context.trace {
                    trace.end_attempt(None, StdInstant::now());
                }
                if is_request_sent {
                    keep(shared, side, target, at);
                }
                return Ok(Forwarded::Complete);
            }
            Ok(ExchangeEnd::Switched) => return switched(side, &live),
            Err(ExchangeError::Client(failure)) => return Err(ExchangeError::Client(failure)),
            Err(ExchangeError::Upstream(error)) => {
                let now = StdInstant::now();
                if let Some(trace) = &mut context.trace {
                    trace.end_attempt(Some(error.failure.code().name), now);
                }
                let is_lost = error.fate == RequestFate::ConnectionLost && error.failure == Failure::Broken;
                let is_idle_loss = is_reused && is_lost && !side.has_answered();
                let attempts = &mut context.attempts;
                attempts.record_exchange_failure(&live, error.clone(), is_idle_loss, now);
                let may_repeat = client.status() == 0 && replay.is_whole();
                // An upstream may have acted on the request. It is sent again only if it has certainly not, or if the
                // connection was an idle one that may just have been closed and the method is idempotent.
                let is_repeated = may_repeat
                    && match error.fate {
                        RequestFate::Unknown => false,
                        RequestFate::ConnectionLost => {
                            is_idle_loss && is_idempotent && attempts.take_retry(&live)
                        }
                        RequestFate::Unprocessed => {
                            attempts.avoid_endpoint(&live);
                            attempts.take_retry(&live)
                        }
                        // Each such connection takes no more requests, and a new one is not a kept one.
                        RequestFate::Unsent => is_reused || attempts.take_retry(&live),
                    };
                if !is_repeated {
                    return Err(ExchangeError::Upstream(error));
                }
                if error.fate != RequestFate::Unprocessed {
                    // The other idle connections were probably closed with this one.
                    reuse = Reuse::Forbidden;
                }
            }
        }
    }
}

/// Takes an idle connection, or opens one; none if another endpoint is to be tried.
async fn connect(
    shared: &Shared,
    client: &mut ClientSide,
    context: &mut RequestContext,
    target: Target<'_>,
    (begun, left, reuse): (Instant, Option<Duration>, Reuse),
) -> Result<Option<AttemptConnection>, ExchangeError> {
    let (endpoint, protocol) = (target.endpoint, target.protocol);
    let idle = match reuse {
        Reuse::Allowed => Connector::reuse(endpoint, protocol, begun.into_std()),
        Reuse::Forbidden => None,
    };
    if let Some(connected) = idle {
        return Ok(Some(AttemptConnection {
            connected,
            is_reused: true,
            since: begun,
        }));
    }
    match open(shared, client, endpoint, protocol, left).await? {
        Ok(connected) => {
            // Another request may have opened one meanwhile.
            let is_reused = matches!(&connected, Connected::Http2(slot) if slot.is_kept());
            Ok(Some(AttemptConnection {
                connected,
                is_reused,
                // The time of the upstream begins after the wait.
                since: Instant::now(),
            }))
        }
        Err(error) => {
            let now = StdInstant::now();
            if let Some(trace) = &mut context.trace {
                trace.end_attempt(Some(error.failure.code().name), now);
            }
            // Nothing was sent, so another endpoint is always safe to try.
            match context
                .attempts
                .record_connect_failure(target.live, error.clone(), now)
            {
                true => Ok(None),
                false => Err(ExchangeError::Upstream(error)),
            }
        }
    }
}

/// Keeps the connection for other requests, if it can serve them. `at` is the time of the last read.
fn keep(shared: &Shared, side: UpstreamSide, target: Target<'_>, at: Instant) {
    // Tunnels have connections of their own, also if the upstream refused to switch.
    if target.protocol == ConnectionProtocol::Tunnel {
        return;
    }
    if let Some(idle) = side.into_idle() {
        let idle_timeout = target.live.definition().timeouts.idle_timeout_ms;
        let until = at.into_std() + Duration::from_millis(idle_timeout);
        shared.connector.keep(target.endpoint, idle, until);
    }
}

/// Returns the tunnel after a switch of protocols.
fn switched(side: UpstreamSide, live: &LiveUpstream) -> Result<Forwarded, ExchangeError> {
    let silence = Duration::from_millis(live.definition().timeouts.tunnel_timeout_ms);
    let upstream = side
        .into_tunnel()
        .ok_or_else(|| failed(Failure::Invalid, "a switch of protocols over HTTP/2"))?;
    Ok(Forwarded::Switched { upstream, silence })
}

/// Sends the request on one connection.
async fn attempt(
    (shared, target): (&Shared, Target<'_>),
    client: &mut ClientSide,
    context: &mut RequestContext,
    (side, buffers, replay): (&mut UpstreamSide, &mut Buffers, &mut Replay),
    (framing, times): (Framing, ExchangeTimes),
) -> Result<ExchangeEnd, ExchangeError> {
    upstream_head::set_host(&mut context.head, &context.found, &target.endpoint.authority);
    buffers.to_upstream.clear();
    let share = context.share.as_ref();
    let is_tls = target.endpoint.peer.is_tls();
    side.begin(
        &mut context.head,
        framing,
        (is_tls, share),
        &mut buffers.to_upstream,
    )
    .map_err(ExchangeError::Upstream)?;
    Exchange::new(shared, target.live, context, client, side, buffers, replay, times)
        .run()
        .await
}

/// Opens a connection, unless the client goes away meanwhile.
async fn open(
    shared: &Shared,
    client: &mut ClientSide,
    endpoint: &LiveEndpoint,
    protocol: ConnectionProtocol,
    left: Option<Duration>,
) -> Result<Result<Connected, UpstreamError>, ExchangeError> {
    // In a box: it is large, and rarely needed.
    let mut opening = Box::pin(shared.connector.open(endpoint, protocol, left));
    poll_fn(|cx| match opening.as_mut().poll(cx) {
        Poll::Ready(connected) => Poll::Ready(Ok(connected)),
        Poll::Pending => client.poll_gone(cx).map(|ClientGone| Err(ClientGone.into())),
    })
    .await
}

fn exchange_times(live: &LiveUpstream, context: &RequestContext, client: ClientTimes) -> ExchangeTimes {
    let timeouts = live.definition().timeouts;
    // gRPC calls may stream for as long as they last.
    let streams = context.head.version() == HttpVersion::Http2 && is_grpc(&context.head.fields);
    let body_deadline = (!streams).then(|| client.begun + client.body);
    ExchangeTimes {
        body_deadline,
        client_write: client.write,
        upstream_read: Duration::from_millis(timeouts.read_timeout_ms),
        upstream_write: Duration::from_millis(timeouts.write_timeout_ms),
        begun: client.begun,
        deadline: None,
    }
}

/// Returns true if a request of this method can be sent twice (RFC 9110 section 9.2.2).
fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "TRACE")
}

fn failed(failure: Failure, why: &'static str) -> ExchangeError {
    ExchangeError::Upstream(UpstreamError::new(failure, why))
}
