//! Forwarding to the upstream: admission, choice of an endpoint, retries, and the answer to a failure.

use std::future::Future as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, UPGRADE};
use http::{Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession as HttpSession;
use pingora::proxy::Session;
use pingora::upstreams::peer::{HttpPeer, PeerOptions};
use pingora::{Error, ErrorSource, ErrorType};
use rules::{Balance, UpstreamProtocol};
use xxhash_rust::xxh3::xxh3_64;

use crate::answer::{Answer, AnswerCode};
use crate::edge::client_connection::client_connection;
use crate::edge::http2_stream::current_stream;
use crate::outcome::RequestOutcome;
use crate::refusal::RequestRefusal;
use crate::request_context::RequestContext;
use crate::shares::{RequestShare, ShareDenied, ShareRequest, Shares};
use crate::tunnel;
use crate::upstreams::{Failure, LiveUpstream, Unavailable};

/// Retry delay when an upstream takes no request, in seconds.
const RETRY_SECONDS: u32 = 1;
/// Number and length of a request's waits for a share. A client sees the end of a response before the task of its
/// request has ended, and may send the next request at once.
const SHARE_RETRIES: u32 = 10;
const SHARE_RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Takes the request's share of the process and a permit of its upstream.
///
/// # Errors
/// The answer to a request that gets none.
pub(crate) async fn admit(
    shares: &Arc<Shares>,
    session: &Session,
    context: &mut RequestContext,
) -> Result<(), RequestRefusal> {
    let hash_key = hash_key(context);
    let prepared = Arc::clone(&context.prepared);
    // A request without an upstream fails in `choose`.
    let Some(live) = live(&prepared, context) else {
        return Ok(());
    };
    context.share = Some(share(shares, session, context).await?);
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
    session: &Session,
    context: &RequestContext,
) -> Result<Arc<RequestShare>, RequestRefusal> {
    let need = ShareRequest {
        client: context.forwarding.charged_client(),
        is_tunnel: is_websocket(session),
    };
    let connection = client_connection(session).map(|connection| Arc::clone(&connection.share));
    let stream = current_stream();
    let is_http1 = stream.is_none();
    if let Some(share) = stream.as_ref().and_then(|stream| stream.share.as_ref()) {
        // Only now is the client known that a trusted proxy names.
        share.charge_to(need.client);
    }
    let end = stream.map(|stream| stream.end);
    let end = end
        .or_else(|| Some(connection.as_ref()?.end_signal()))
        .unwrap_or_default();
    // Retried below: the slot of the client's previous request may be released a moment later.
    let take = || shares.take_request_share(connection.clone(), Arc::clone(&end), need);
    let mut taken = take();
    for _ in 0..SHARE_RETRIES {
        if taken.is_ok() {
            break;
        }
        tokio::time::sleep(SHARE_RETRY_PAUSE).await;
        taken = take();
    }
    taken
        .inspect(|share| {
            if let Some(connection) = client_connection(session).filter(|_| is_http1) {
                // Over HTTP/1 the connection serves one request at a time, so that stalled writes are charged to it.
                connection.served_request.set(share);
            }
        })
        .map_err(|short| {
            let code = match short {
                ShareDenied::All => AnswerCode::OVERLOADED,
                ShareDenied::Client => AnswerCode::CLIENT_LIMIT,
            };
            let answer = Answer::new(code, &context.prepared.decider.pages)
                .with_header("retry-after", RETRY_SECONDS.to_string());
            RequestRefusal::new(RequestOutcome::Limited, answer)
        })
}

/// Chooses an endpoint for the next attempt. The first attempt takes a turn of the upstream.
///
/// # Errors
/// The client has reset the request, no endpoint is left, or the deadline has passed.
pub(crate) fn choose(session: &mut Session, context: &mut RequestContext) -> pingora::Result<Box<HttpPeer>> {
    if is_reset_by_client(session) {
        let error = Error::explain(ErrorType::ConnectionClosed, "the client reset the request");
        return Err(error.into_down());
    }
    // A retry sends the buffered body again, which is counted again.
    context.body_bytes = 0;
    let prepared = Arc::clone(&context.prepared);
    let Some(live) = live(&prepared, context) else {
        return Error::e_explain(ErrorType::InternalError, "a request without an upstream");
    };
    let now = Instant::now();
    context.body_awaited.get_or_insert(now);
    let Some(endpoint) = context.attempts.choose(live, now) else {
        let error = Error::explain(ErrorType::ConnectError, "no endpoint is left");
        return Err(error.into_up());
    };
    let mut peer = Box::new(endpoint.peer.clone());
    if let Some(left) = context.attempts.time_left(live, now) {
        limit_timeouts(&mut peer.options, left)?;
    }
    // A tunnel needs a connection of its own, because it never returns to the pool.
    if is_websocket(session) && session.is_body_empty() {
        tunnel::prepare(&mut peer, context.id.low());
    }
    Ok(peer)
}

/// Returns true if an HTTP/2 client has already reset the request, which is then not sent. Otherwise thousands of
/// reset requests would each cost a connection to an upstream (CVE-2023-44487).
fn is_reset_by_client(session: &mut Session) -> bool {
    let HttpSession::H2(stream) = &mut *session.downstream_session else {
        return false;
    };
    // Polled once without a waker: only the present state matters.
    let mut no_wake = std::task::Context::from_waker(Waker::noop());
    Pin::new(&mut stream.idle()).poll(&mut no_wake).is_ready()
}

/// Returns true if the request asks for a WebSocket, the only switch of protocols that is passed on.
pub(crate) fn is_websocket(session: &Session) -> bool {
    let upgrade = session.req_header().headers.get(UPGRADE);
    session.is_upgrade_req()
        && upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Returns the name of the request's upstream.
pub(crate) fn name(context: &RequestContext) -> Option<&str> {
    live(&context.prepared, context).map(LiveUpstream::name)
}

/// Returns the protocol of the request's upstream.
pub(crate) fn protocol(context: &RequestContext) -> Option<UpstreamProtocol> {
    live(&context.prepared, context).map(|live| live.definition().protocol)
}

/// Decides about a retry after a failed connect. Nothing was sent, so another endpoint is always safe to try.
pub(crate) fn connect_failed(context: &mut RequestContext, mut error: Box<Error>) -> Box<Error> {
    let prepared = Arc::clone(&context.prepared);
    let more = live(&prepared, context).is_some_and(|live| {
        context
            .attempts
            .record_connect_failure(live, &error, Instant::now())
    });
    error.set_retry(more);
    error
}

/// Decides about a retry after a failed exchange. The upstream may have acted on the request. It is sent again only
/// if the failed connection was a reused one, the method is idempotent, and the whole body is buffered.
pub(crate) fn exchange_failed(
    session: &mut Session,
    context: &mut RequestContext,
    mut error: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if is_client_delay(session, &error) {
        // Attributed to the client, so that it gets a 408 and the endpoint no failure.
        error.as_down();
        error.set_retry(false);
        return error;
    }
    let repeatable =
        session.req_header().method.is_idempotent() && !session.as_ref().retry_buffer_truncated();
    if repeatable {
        // pingora allows the retry only if the connection was a reused one.
        error.retry.decide_reuse(reused);
    } else {
        error.set_retry(false);
    }
    let prepared = Arc::clone(&context.prepared);
    if let Some(live) = live(&prepared, context)
        && *error.esource() == ErrorSource::Upstream
    {
        context
            .attempts
            .record_exchange_failure(live, &error, reused, Instant::now());
        if error.retry() {
            error.set_retry(context.attempts.take_retry(live));
        }
    }
    error
}

/// Returns true if the timeout passed while the client had not sent its whole body. The upstream has not failed then:
/// otherwise a client could have it ejected by pausing.
fn is_client_delay(session: &mut Session, error: &Error) -> bool {
    *error.esource() == ErrorSource::Upstream
        && *error.etype() == ErrorType::ReadTimedout
        && !session.was_upgraded()
        && !session.is_body_done()
}

/// Records that the upstream began to respond.
pub(crate) fn record_response_head(context: &mut RequestContext) {
    let prepared = Arc::clone(&context.prepared);
    if let Some(live) = live(&prepared, context) {
        context.attempts.record_head(live);
    }
}

/// Records that the response is complete. The request leaves its upstream, and the rest of its body gets a short
/// deadline.
pub(crate) fn record_response_end(session: &Session, context: &mut RequestContext) {
    if session.was_upgraded() {
        return;
    }
    context.attempts.record_end();
    if let Some(connection) = client_connection(session) {
        connection.set_answered();
    }
}

/// Returns true if the response consists of a head alone. A gRPC trailers-only response may have no length.
pub(crate) fn has_no_body(session: &Session, head: &ResponseHeader) -> bool {
    let is_empty = head
        .headers
        .get(CONTENT_LENGTH)
        .is_some_and(|length| length == "0");
    session.req_header().method == Method::HEAD
        || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || is_empty
        || head.headers.contains_key("grpc-status")
}

/// Fails an exchange that exceeds its upstream's total timeout. A tunnel has none.
///
/// # Errors
/// The timeout has passed.
pub(crate) fn check_deadline(session: &Session, context: &RequestContext) -> pingora::Result<()> {
    let live = live(&context.prepared, context);
    let left = live.and_then(|live| context.attempts.time_left(live, Instant::now()));
    if left == Some(Duration::ZERO) && !session.was_upgraded() {
        return Err(deadline_exceeded());
    }
    Ok(())
}

/// Returns the code and outcome of a failed exchange; none if the client is gone.
pub(crate) fn failure(error: &Error) -> Option<(AnswerCode, RequestOutcome)> {
    use ErrorType::{HTTPStatus, InvalidHTTPHeader, ReadTimedout};
    match (error.esource(), error.etype()) {
        (_, HTTPStatus(413)) => Some((AnswerCode::BODY_TOO_LARGE, RequestOutcome::BadRequest)),
        (ErrorSource::Upstream, _) => Some((Failure::of(error).code(), RequestOutcome::UpstreamError)),
        (ErrorSource::Downstream, ReadTimedout) => {
            Some((AnswerCode::BODY_TIMEOUT, RequestOutcome::ClientError))
        }
        (ErrorSource::Downstream, InvalidHTTPHeader) => {
            Some((AnswerCode::REQUEST, RequestOutcome::BadRequest))
        }
        (ErrorSource::Downstream, _) => None,
        (ErrorSource::Internal | ErrorSource::Unset, _) => {
            Some((AnswerCode::INTERNAL, RequestOutcome::Panicked))
        }
    }
}

/// Returns true for an error that is part of normal operation and in the access log, so that it needs no line in the
/// process log.
pub(crate) fn is_expected(error: &Error) -> bool {
    !matches!(error.esource(), ErrorSource::Internal | ErrorSource::Unset)
}

/// Returns the upstream of the request.
fn live<'s>(
    prepared: &'s crate::prepared_snapshot::PreparedSnapshot,
    context: &RequestContext,
) -> Option<&'s LiveUpstream> {
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

/// Limits every timeout of the exchange to the time that is left in total.
///
/// # Errors
/// No time is left.
fn limit_timeouts(options: &mut PeerOptions, left: Duration) -> pingora::Result<()> {
    if left.is_zero() {
        return Err(deadline_exceeded());
    }
    for timeout in [
        &mut options.connection_timeout,
        &mut options.total_connection_timeout,
        &mut options.read_timeout,
        &mut options.write_timeout,
    ] {
        *timeout = Some(timeout.map_or(left, |timeout| timeout.min(left)));
    }
    Ok(())
}

fn deadline_exceeded() -> Box<Error> {
    Error::explain(ErrorType::ReadTimedout, "the total timeout has passed").into_up()
}
