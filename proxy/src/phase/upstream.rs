//! The upstream: whom to ask, whom to ask next when a connection fails, and what a failure is told as.

use std::time::Instant;

use http::header::UPGRADE;
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use crate::answer::Code;
use crate::context::Context;
use crate::outcome::Outcome;
use crate::tunnel;
use crate::upstreams::LiveUpstream;

/// Turns a request to its upstream; the first time it takes a turn there.
pub(crate) fn choose(session: &mut Session, context: &mut Context) -> pingora::Result<Box<HttpPeer>> {
    if context.upstream_started.is_none() {
        context.upstream_started = Some(Instant::now());
        context.turn = live(context).map_or(0, LiveUpstream::take_turn);
    }
    // What was read of the body is sent again, and counted again.
    context.body_bytes = 0;
    let peer = live(context).and_then(|live| live.peer(context.turn, context.failed_connects));
    let Some(peer) = peer else {
        return Error::e_explain(ErrorType::InternalError, "a request without an upstream");
    };
    let mut peer = Box::new(peer.clone());
    if is_websocket(session) && session.is_body_empty() {
        tunnel::prepare(&mut peer, context.id.low());
    }
    Ok(peer)
}

/// Whether the request asks for the one switch of protocols that is passed on.
pub(crate) fn is_websocket(session: &Session) -> bool {
    let upgrade = session.req_header().headers.get(UPGRADE);
    session.is_upgrade_req()
        && upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The upstream that the request goes to.
pub(crate) fn live(context: &Context) -> Option<&LiveUpstream> {
    let id = context.upstream?;
    context.serving.upstreams.get(id.index()).map(|live| &**live)
}

/// After a connection could not be made, nothing was sent: the next address is tried, if there is one.
pub(crate) fn connect_failed(context: &mut Context, mut error: Box<Error>) -> Box<Error> {
    context.failed_connects += 1;
    let more = live(context).is_some_and(|live| context.failed_connects < live.attempts());
    error.set_retry(more);
    error
}

/// After a connection was made the request may have been acted on. It is sent once more only if it came on a
/// connection that the upstream had closed meanwhile, if doing it twice is no different from doing it once,
/// and if all of its body is at hand.
pub(crate) fn exchange_failed(session: &Session, mut error: Box<Error>, reused: bool) -> Box<Error> {
    if session.req_header().method.is_idempotent() && !session.as_ref().retry_buffer_truncated() {
        error.retry.decide_reuse(reused);
    } else {
        error.set_retry(false);
    }
    error
}

/// What an error is told as; none where there is no one left to tell it to.
pub(crate) fn failure(error: &Error) -> Option<(Code, Outcome)> {
    use ErrorType::{ConnectTimedout, HTTPStatus, InvalidHTTPHeader, ReadTimedout, WriteTimedout};
    let timed_out = matches!(error.etype(), ConnectTimedout | ReadTimedout | WriteTimedout);
    match (error.esource(), error.etype()) {
        (_, HTTPStatus(413)) => Some((Code::BODY_TOO_LARGE, Outcome::BadRequest)),
        (ErrorSource::Upstream, _) if timed_out => Some((Code::TIMEOUT, Outcome::UpstreamError)),
        (ErrorSource::Upstream, etype) if is_connect(etype) => {
            Some((Code::UNREACHABLE, Outcome::UpstreamError))
        }
        (ErrorSource::Upstream, _) => Some((Code::UPSTREAM, Outcome::UpstreamError)),
        (ErrorSource::Downstream, ReadTimedout) => Some((Code::BODY_TIMEOUT, Outcome::ClientError)),
        (ErrorSource::Downstream, InvalidHTTPHeader) => Some((Code::REQUEST, Outcome::BadRequest)),
        (ErrorSource::Downstream, _) => None,
        (ErrorSource::Internal | ErrorSource::Unset, _) => Some((Code::INTERNAL, Outcome::Panicked)),
    }
}

/// Whether an error is one that happens in the best of houses: it is in the access log, and needs no line of
/// its own.
pub(crate) fn is_ordinary(error: &Error) -> bool {
    !matches!(error.esource(), ErrorSource::Internal | ErrorSource::Unset)
}

fn is_connect(etype: &ErrorType) -> bool {
    use ErrorType::{ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, SocketError};
    matches!(
        etype,
        ConnectError | ConnectNoRoute | ConnectRefused | ConnectTimedout | SocketError
    )
}
