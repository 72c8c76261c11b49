//! The upstream: whether it takes the request, whom of it to ask, whom next when a connection fails, and what a
//! failure is told as.

use std::future::Future as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, RETRY_AFTER, UPGRADE};
use http::{Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession as HttpSession;
use pingora::proxy::Session;
use pingora::upstreams::peer::{HttpPeer, PeerOptions};
use pingora::{Error, ErrorSource, ErrorType};
use rules::Balance;
use xxhash_rust::xxh3::xxh3_64;

use crate::answer::{Answer, AnswerCode};
use crate::edge::{client_connection, current_stream};
use crate::outcome::RequestOutcome;
use crate::refusal::RequestRefusal;
use crate::request_context::RequestContext;
use crate::shares::{Need, RequestShare, Shares, Short};
use crate::tunnel;
use crate::upstreams::{Failure, LiveUpstream, Unavailable};

/// When a client may try again whose upstream takes no request, in seconds.
const RETRY_SECONDS: u32 = 1;
/// How often, and how long each time, a request waits for a share. A client sees the end of an answer before the task of
/// that request has ended, and may send the next one at once.
const SHARE_RETRIES: u32 = 10;
const SHARE_RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Takes the request's share of the process, and asks its upstream to let it in.
pub(crate) async fn admit(
    shares: &Arc<Shares>,
    session: &Session,
    context: &mut RequestContext,
) -> Result<(), RequestRefusal> {
    let hash_key = hash_key(context);
    let prepared = Arc::clone(&context.prepared);
    // A request without an upstream gets no further than `choose`.
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
            let answer =
                Answer::new(code, &prepared.decider.pages).header(RETRY_AFTER, RETRY_SECONDS.to_string());
            Err(RequestRefusal::new(RequestOutcome::UpstreamError, answer))
        }
    }
}

/// Takes the request's share of the process, after a moment if there is none at once.
async fn share(
    shares: &Arc<Shares>,
    session: &Session,
    context: &RequestContext,
) -> Result<Arc<RequestShare>, RequestRefusal> {
    let need = Need {
        client: context.forwarding.charged_client(),
        is_tunnel: is_websocket(session),
    };
    let connection = client_connection(session).map(|connection| Arc::clone(&connection.share));
    let stream = current_stream();
    let is_whole = stream.is_none();
    if let Some(share) = stream.as_ref().and_then(|stream| stream.share.as_ref()) {
        share.charge_to(need.client);
    }
    let end = stream.map(|stream| stream.end);
    let end = end
        .or_else(|| Some(connection.as_ref()?.end_signal()))
        .unwrap_or_default();
    let ask = || shares.take_request_share(connection.clone(), Arc::clone(&end), need);
    let mut asked = ask();
    for _ in 0..SHARE_RETRIES {
        if asked.is_ok() {
            break;
        }
        tokio::time::sleep(SHARE_RETRY_PAUSE).await;
        asked = ask();
    }
    asked
        .inspect(|share| {
            if let Some(connection) = connection.as_ref().filter(|_| is_whole) {
                connection.set_request(share);
            }
        })
        .map_err(|short| {
            let code = match short {
                Short::All => AnswerCode::OVERLOADED,
                Short::Client => AnswerCode::CLIENT_LIMIT,
            };
            let answer = Answer::new(code, &context.prepared.decider.pages)
                .header(RETRY_AFTER, RETRY_SECONDS.to_string());
            RequestRefusal::new(RequestOutcome::Limited, answer)
        })
}

/// Turns a request to its upstream; the first time it takes a turn there.
pub(crate) fn choose(session: &mut Session, context: &mut RequestContext) -> pingora::Result<Box<HttpPeer>> {
    if is_given_up(session) {
        let error = Error::explain(ErrorType::ConnectionClosed, "the request was given up");
        return Err(error.into_down());
    }
    // What was read of the body is sent again, and counted again.
    context.body_bytes = 0;
    let prepared = Arc::clone(&context.prepared);
    let Some(live) = live(&prepared, context) else {
        return Error::e_explain(ErrorType::InternalError, "a request without an upstream");
    };
    let now = Instant::now();
    context.body_awaited.get_or_insert(now);
    let Some(endpoint) = context.attempts.choose(live, now) else {
        let error = Error::explain(ErrorType::ConnectError, "no address is left");
        return Err(error.into_up());
    };
    let mut peer = Box::new(endpoint.peer.clone());
    if let Some(left) = context.attempts.time_left(live, now) {
        limit_timeouts(&mut peer.options, left)?;
    }
    if is_websocket(session) && session.is_body_empty() {
        tunnel::prepare(&mut peer, context.id.low());
    }
    Ok(peer)
}

/// Whether the client of HTTP/2 has given the request up already: its upstream need not hear of it then. Begun and
/// given up by the thousand, requests would cost a connection each (CVE-2023-44487).
fn is_given_up(session: &mut Session) -> bool {
    let HttpSession::H2(stream) = &mut *session.downstream_session else {
        return false;
    };
    let mut looking = std::task::Context::from_waker(Waker::noop());
    Pin::new(&mut stream.idle()).poll(&mut looking).is_ready()
}

/// Whether the request asks for the one switch of protocols that is passed on.
pub(crate) fn is_websocket(session: &Session) -> bool {
    let upgrade = session.req_header().headers.get(UPGRADE);
    session.is_upgrade_req()
        && upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The name of the upstream that the request goes to.
pub(crate) fn name(context: &RequestContext) -> Option<&str> {
    live(&context.prepared, context).map(LiveUpstream::name)
}

/// After a connection could not be made, nothing was sent: another address is tried, if there is one.
pub(crate) fn connect_failed(context: &mut RequestContext, mut error: Box<Error>) -> Box<Error> {
    let prepared = Arc::clone(&context.prepared);
    let more = live(&prepared, context)
        .is_some_and(|live| context.attempts.connect_failed(live, &error, Instant::now()));
    error.set_retry(more);
    error
}

/// After a connection was made the request may have been acted on. It is sent once more only if it came on a
/// connection that the upstream had closed meanwhile, if doing it twice is no different from doing it once,
/// and if all of its body is at hand.
pub(crate) fn exchange_failed(
    session: &mut Session,
    context: &mut RequestContext,
    mut error: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if is_client_delay(session, &error) {
        error.as_down();
        error.set_retry(false);
        return error;
    }
    let repeatable =
        session.req_header().method.is_idempotent() && !session.as_ref().retry_buffer_truncated();
    if repeatable {
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
            .exchange_failed(live, &error, reused, Instant::now());
        if error.retry() {
            error.set_retry(context.attempts.retry(live));
        }
    }
    error
}

/// Whether the time ran out while the client still owed some of its body. An upstream that waits for the rest
/// has not failed, or else a client could have it ejected by pausing.
fn is_client_delay(session: &mut Session, error: &Error) -> bool {
    *error.esource() == ErrorSource::Upstream
        && *error.etype() == ErrorType::ReadTimedout
        && !session.was_upgraded()
        && !session.is_body_done()
}

/// Takes note that the upstream began to answer.
pub(crate) fn record_response_head(context: &mut RequestContext) {
    let prepared = Arc::clone(&context.prepared);
    if let Some(live) = live(&prepared, context) {
        context.attempts.record_head(live);
    }
}

/// Takes note that all of the answer has come. The request takes up no room at its upstream from then on, and what
/// is left of its body is waited for no longer than it takes to be polite.
pub(crate) fn record_response_end(session: &Session, context: &mut RequestContext) {
    if session.was_upgraded() {
        return;
    }
    context.attempts.record_end();
    if let Some(connection) = client_connection(session) {
        connection.set_answered();
    }
}

/// Whether an answer's head is all of it. That of a gRPC call may have no length and yet be the end.
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

/// Breaks an exchange off that takes longer than its upstream may take in all. What follows a switch of
/// protocols has no such limit.
pub(crate) fn check_deadline(session: &Session, context: &RequestContext) -> pingora::Result<()> {
    let live = live(&context.prepared, context);
    let left = live.and_then(|live| context.attempts.time_left(live, Instant::now()));
    if left == Some(Duration::ZERO) && !session.was_upgraded() {
        return Err(deadline_exceeded());
    }
    Ok(())
}

/// What an error is told as; none where there is no one left to tell it to.
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

/// Whether an error is one that happens in the best of houses: it is in the access log, and needs no line of
/// its own.
pub(crate) fn is_expected(error: &Error) -> bool {
    !matches!(error.esource(), ErrorSource::Internal | ErrorSource::Unset)
}

/// The upstream that the request goes to.
fn live<'s>(
    prepared: &'s crate::prepared_snapshot::PreparedSnapshot,
    context: &RequestContext,
) -> Option<&'s LiveUpstream> {
    let id = context.found.upstream?;
    prepared.upstreams.get(id.index()).map(|live| &**live)
}

/// Who is asking, where that decides who is asked: the tenant, or else the client's address.
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

/// Has no step take longer than what is left of the time for all of them.
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
    Error::explain(ErrorType::ReadTimedout, "the exchange took too long in all").into_up()
}
