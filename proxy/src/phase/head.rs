//! The head, where the edge has not judged it yet: methods, hosts and lengths. And the connection gets its
//! timeouts, which the HTTP layer forgets with every request.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Version, header};
use pingora::proxy::Session;
use rules::Host;

use crate::answer::{Answer, Code};
use crate::context::Context;
use crate::refusal::Refusal;

/// How long an idle connection of a client is kept, in seconds.
const KEEP_ALIVE_SECONDS: u64 = 60;
/// How long one write to a client may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// What a 405 says is allowed (RFC 9110 section 15.5.6): the usual ones, as other methods pass too.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Sets what holds for this request's connection. When `draining`, it ends with this answer.
pub(crate) fn configure(session: &mut Session, draining: bool) {
    // Without a timeout the HTTP layer would keep an idle connection for ever; where keep-alive is off by the
    // client's wish it stays off.
    if session.get_keepalive().is_some() {
        session.set_keepalive(if draining { None } else { Some(KEEP_ALIVE_SECONDS) });
    }
    session.set_write_timeout(Some(WRITE_TIMEOUT));
}

/// Checks the head.
pub(crate) fn check(session: &Session, context: &mut Context) -> Result<(), Refusal> {
    let request = session.req_header();
    let malformed = |code| Refusal::malformed(code, &context.serving.pages);
    if request.method == Method::CONNECT {
        let answer =
            Answer::new(Code::CONNECT, &context.serving.pages).header(header::ALLOW, METHODS.to_owned());
        return Err(Refusal {
            answer: Arc::new(answer),
            ..malformed(Code::CONNECT)
        });
    }
    let host = request
        .headers
        .get(header::HOST)
        .map(|host| host.to_str().map(Host::parse));
    let host = match host {
        None if request.version == Version::HTTP_11 => return Err(malformed(Code::HOST)),
        None => return Ok(()),
        Some(Ok(Ok(host))) => host.name.into(),
        Some(_) => return Err(malformed(Code::HOST)),
    };
    context.host = host;
    Ok(())
}

/// Refuses a body that says of itself that it is too large for its route.
pub(crate) fn check_length(session: &Session, context: &mut Context) -> Result<(), Refusal> {
    let route = context
        .route
        .and_then(|id| context.serving.snapshot.routes.route(id));
    if let Some(route) = route {
        context.body_limit = route.body_limit;
    }
    let length = session.req_header().headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match (length, context.body_limit) {
        (Some(length), Some(limit)) if length > limit => {
            Err(Refusal::bad(Code::BODY_TOO_LARGE, &context.serving.pages))
        }
        _ => Ok(()),
    }
}
