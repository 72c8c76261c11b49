//! pingora's hooks: each calls functions of the phases, and contains their panics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};
use rules::UpstreamProtocol;

use crate::answer::{self, Answer, AnswerCode, KeepAlive};
use crate::edge::client_connection::{BodyFault, ClientConnection, client_connection};
use crate::forwarding::ForwardedScheme;
use crate::guard::{Panicked, contain, contain_async};
use crate::outcome::RequestOutcome;
use crate::phase::observe::{self, Sent};
use crate::phase::received::{BodyPresence, ConnectionFacts};
use crate::phase::upstream_head::{self, ConnectionFields};
use crate::phase::{body, live, response, upstream};
use crate::pingora_heads;
use crate::refusal::RequestRefusal;
use crate::request_context::RequestContext;
use crate::shared::{ProbeStage, Shared};

/// Keep-alive time that pingora gets, in seconds. Any value keeps the connection; the edge enforces the idle timeout.
const KEEP_ALIVE_SECONDS: u64 = 60;

/// The hooks that pingora calls for every request.
pub(crate) struct ProxyHooks {
    pub(crate) shared: Arc<Shared>,
}

#[async_trait]
impl ProxyHttp for ProxyHooks {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        RequestContext::new(&self.shared)
    }

    /// Adds no modules: pingora's defaults have nothing to do here.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(
        &self,
        session: &mut Session,
        context: &mut RequestContext,
    ) -> pingora::Result<bool> {
        // One containment for deciding and admission, so that a panic in either gets an answer.
        let mut head = std::mem::take(&mut context.head);
        let decided = contain_async(async {
            configure(session, self.shared.is_draining());
            let pages = &context.prepared.decider.pages;
            pingora_heads::read_request(session, &mut head)
                .map_err(|code| RequestRefusal::malformed(code, pages))?;
            live::decide(&self.shared, &mut head, facts(session), context).await?;
            upstream::admit(&self.shared.shares, session, context).await?;
            upstream_head::set(&mut head, connection_fields(session, context), context);
            Ok(())
        });
        let decided = decided.await;
        context.head = head;
        let refusal = match decided {
            Ok(Ok(())) => return Ok(false),
            Ok(Err(refusal)) => refusal,
            Err(Panicked) => self.refusal_for_panic(context),
        };
        self.refuse(session, context, &refusal).await?;
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        context: &mut RequestContext,
    ) -> pingora::Result<Box<HttpPeer>> {
        self.contain_panic(|| upstream::choose(session, context))
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        context: &mut RequestContext,
    ) -> pingora::Result<()> {
        self.contain_panic(|| {
            self.shared.probe(ProbeStage::Forwarding, &context.head);
            if let Some(endpoint) = context.attempts.endpoint() {
                upstream_head::set_host(&mut context.head, &context.found, &endpoint.authority);
            }
            pingora_heads::write_request(&context.head, request)
        })
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        chunk: &mut Option<Bytes>,
        end: bool,
        context: &mut RequestContext,
    ) -> pingora::Result<()> {
        self.contain_panic(|| {
            upstream::check_deadline(session, context)?;
            body::check_deadline(session, context)?;
            body::count(session, chunk, end, context)
        })
    }

    fn upstream_response_body_filter(
        &self,
        session: &mut Session,
        chunk: &mut Option<Bytes>,
        end: bool,
        context: &mut RequestContext,
    ) -> pingora::Result<Option<Duration>> {
        self.contain_panic(|| {
            upstream::check_deadline(session, context)?;
            body::check_deadline(session, context)?;
            // Both deadlines are checked with each part: pingora's timeouts only limit a single read.
            response::track_chunk(session, chunk, end, context)?;
            if end {
                upstream::record_response_end(session, context);
            }
            Ok(None)
        })
    }

    fn upstream_response_trailer_filter(
        &self,
        session: &mut Session,
        _trailers: &mut HeaderMap,
        context: &mut RequestContext,
    ) -> pingora::Result<()> {
        self.contain_panic(|| {
            upstream::record_response_end(session, context);
            Ok(())
        })
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        context: &mut RequestContext,
    ) -> pingora::Result<()> {
        self.contain_panic(|| {
            self.shared.probe(ProbeStage::Responding, &context.head);
            if self.shared.is_draining() {
                session.set_keepalive(None);
            }
            response::filter_head(session, head, context)
        })
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        context: &mut RequestContext,
        error: Box<Error>,
    ) -> Box<Error> {
        upstream::connect_failed(context, error)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        context: &mut RequestContext,
        reused: bool,
    ) -> Box<Error> {
        upstream::exchange_failed(session, context, error, reused)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut RequestContext,
    ) -> FailToProxy {
        let connection = client_connection(session);
        let failure = match connection.and_then(ClientConnection::fault) {
            Some(BodyFault::Invalid(_)) => Some((AnswerCode::BODY, RequestOutcome::BadRequest)),
            Some(BodyFault::Late) => Some((AnswerCode::BODY_TIMEOUT, RequestOutcome::ClientError)),
            None => upstream::failure(error),
        };
        let error_code = match failure {
            Some((code, outcome)) => {
                let answer = Arc::new(Answer::new(code, &context.prepared.decider.pages));
                // The connection can be kept only if the failure is the upstream's and the request was read
                // completely.
                let can_keep = outcome == RequestOutcome::UpstreamError
                    && session.is_body_done()
                    && !session.is_upgrade_req();
                let keep_alive = if can_keep {
                    KeepAlive::Keep
                } else {
                    KeepAlive::Close
                };
                let refusal = RequestRefusal {
                    answer,
                    outcome,
                    keep_alive,
                };
                // An error means that the client is gone, which the access log records.
                let answered = self.refuse(session, context, &refusal).await.is_ok();
                if answered
                    && can_keep
                    && session.get_keepalive().is_some()
                    && let Some(connection) = client_connection(session)
                {
                    // pingora closes the connection of a failed exchange. The edge keeps it: request and response are
                    // complete.
                    connection.set_kept();
                }
                refusal.answer.status()
            }
            None => {
                context.outcome = RequestOutcome::ClientError;
                context.code = Some("CLIENT_GONE");
                0
            }
        };
        FailToProxy {
            error_code,
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, context: &mut RequestContext) {
        // After a panic in this hook only the counter is left to report it.
        let _ = self.contain_panic(|| {
            self.shared.probe(ProbeStage::Logging, &context.head);
            let sent = Sent {
                status: session.response_written().map_or(0, |head| head.status.as_u16()),
                body_bytes: session.body_bytes_sent() as u64,
            };
            let head = std::mem::take(&mut context.head);
            observe::observe(&self.shared, &head, sent, error, context);
            Ok(())
        });
    }

    /// Suppresses pingora's log line for errors that the access log records.
    fn suppress_error_log(&self, _session: &Session, _context: &RequestContext, error: &Error) -> bool {
        upstream::is_expected(error)
    }

    /// Omits path and query, which may contain secrets.
    fn request_summary(&self, session: &Session, context: &RequestContext) -> String {
        format!("{} request {}", session.req_header().method, context.id.as_str())
    }
}

impl ProxyHooks {
    /// Sends the proxy's answer, unless another response has already begun.
    async fn refuse(
        &self,
        session: &mut Session,
        context: &mut RequestContext,
        refusal: &RequestRefusal,
    ) -> pingora::Result<()> {
        context.outcome = refusal.outcome;
        context.code = Some(refusal.answer.code.name);
        if refusal.outcome != RequestOutcome::Redirected {
            self.shared
                .metrics
                .requests
                .rejections
                .count(refusal.answer.code.name);
        }
        // A second head can't be sent. An informational response does not count, except the switch of protocols.
        let begun = session.response_written().is_some_and(|head| {
            head.status == StatusCode::SWITCHING_PROTOCOLS || !head.status.is_informational()
        });
        if begun {
            session.set_keepalive(None);
            return Ok(());
        }
        // The access log must not attribute this answer to the upstream, whose head may have been read.
        context.upstream_answered = false;
        let head = &context.head;
        answer::send(session, head, &refusal.answer, &context.id, refusal.keep_alive).await
    }

    /// Counts a panic and returns the answer to it.
    fn refusal_for_panic(&self, context: &RequestContext) -> RequestRefusal {
        self.shared.metrics.requests.panics.inc();
        let answer = Arc::new(Answer::new(AnswerCode::INTERNAL, &context.prepared.decider.pages));
        RequestRefusal {
            answer,
            outcome: RequestOutcome::Panicked,
            keep_alive: KeepAlive::Close,
        }
    }

    /// Runs a synchronous hook. A panic fails the request, which is then answered like any other failure.
    fn contain_panic<T>(&self, hook: impl FnOnce() -> pingora::Result<T>) -> pingora::Result<T> {
        contain(hook).unwrap_or_else(|Panicked| {
            self.shared.metrics.requests.panics.inc();
            Err(Error::explain(ErrorType::InternalError, "a hook panicked"))
        })
    }
}

/// Sets keep-alive and write timeout for a request, because pingora resets them. While `draining`, the connection
/// ends with this response.
fn configure(session: &mut Session, draining: bool) {
    // Without a timeout pingora keeps an idle connection for ever. A connection that the client closes stays without.
    if session.get_keepalive().is_some() {
        session.set_keepalive(if draining { None } else { Some(KEEP_ALIVE_SECONDS) });
    }
    let Some(connection) = client_connection(session) else {
        return;
    };
    if let Some(streams) = &connection.streams {
        streams.count_read();
    }
    let limit = connection.write_timeout;
    session.set_write_timeout(Some(limit));
}

fn facts(session: &mut Session) -> ConnectionFacts<'_> {
    let is_empty = session.req_header().method == Method::OPTIONS && session.is_body_empty();
    let address = session.client_addr().and_then(|address| address.as_inet());
    let address = address.map(SocketAddr::ip);
    let connection = client_connection(session);
    let is_tls = connection.is_some_and(|connection| connection.tls.is_some());
    ConnectionFacts {
        address,
        scheme: if is_tls {
            ForwardedScheme::Https
        } else {
            ForwardedScheme::Http
        },
        body: if is_empty {
            BodyPresence::Empty
        } else {
            BodyPresence::Possible
        },
        http2: connection.and_then(|connection| Some(connection.http2?.head)),
        certificate: connection.and_then(ClientConnection::certificate),
    }
}

fn connection_fields(session: &Session, context: &RequestContext) -> ConnectionFields {
    if upstream::is_websocket(session) {
        ConnectionFields::WebSocket
    } else if session.is_http2() && upstream::protocol(context) == Some(UpstreamProtocol::Http2) {
        ConnectionFields::Trailers
    } else {
        ConnectionFields::Removed
    }
}
