//! One request from its head to its entry in the access log: decided, admitted, forwarded or refused, observed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::wire::{Framing, HttpVersion, keeps_connection};
use pingora::protocols::Stream;
use rules::UpstreamProtocol;
use tokio::time::Instant;

use super::buffers::Buffers;
use super::client::{ClientGone, ClientSide};
use super::exchange::{ClientFailure, ExchangeError};
use super::forward::{ClientTimes, Forwarded, forward};
use super::{respond, tunnel};
use crate::answer::{Answer, AnswerCode};
use crate::edge::buffered::Buffered;
use crate::edge::client_connection::ClientConnection;
use crate::forwarding::Forwarding;
use crate::guard::{Panicked, contain, contain_async};
use crate::outcome::RequestOutcome;
use crate::phase::admission::{self, ArrivalShares};
use crate::phase::live;
use crate::phase::observe::{self, Sent};
use crate::phase::received::{BodyPresence, ConnectionFacts};
use crate::phase::trace;
use crate::phase::upstream_head::{self, ConnectionFields};
use crate::refusal::{KeepAlive, RequestRefusal};
use crate::refusal_cause;
use crate::request_context::RequestContext;
use crate::shared::{ProbeStage, Shared};

/// The arrival of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'r> {
    pub(crate) connection: &'r ClientConnection,
    /// The framing of its body.
    pub(crate) framing: Framing,
}

/// Serves a request whose head is in `context`. Returns true if the connection can serve another.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    client: &mut ClientSide,
    context: &mut RequestContext,
    buffers: &mut Buffers,
    arrival: Arrival<'_>,
) -> bool {
    let version = context.head.version();
    context.keeps_client = keeps_connection(version, &context.head.fields) && !shared.is_draining();
    context.asks_for_tunnel = asks_for_tunnel(context, arrival.framing);
    context.has_expectation = context.head.fields.contains("expect");
    // One containment for the whole request, so that a panic anywhere gets an answer.
    let answered = contain_async(pin!(answer(shared, client, context, buffers, arrival))).await;
    let keeps = match answered {
        Ok(keeps) => keeps,
        Err(Panicked) => {
            shared.metrics.requests.panics.inc();
            let refusal = closing(context, AnswerCode::INTERNAL, RequestOutcome::Panicked);
            let write_timeout = arrival.connection.limits.write_timeout;
            refuse(shared, client, context, buffers, (&refusal, write_timeout)).await
        }
    };
    observe_contained(shared, client, context, buffers);
    // The upstream has no part in the rest of the body. The share of the process is held until that was read.
    context.attempts.record_end();
    keeps && respond::drain(client, buffers).await
}

/// Refuses a head that can't be read. The connection can't serve another request.
pub(crate) async fn refuse_head(
    shared: &Arc<Shared>,
    client: &mut ClientSide,
    context: &mut RequestContext,
    buffers: &mut Buffers,
    (code, cause, connection): (AnswerCode, String, &ClientConnection),
) {
    context.forwarding = Forwarding::of_peer(connection.client(), connection.scheme());
    context.cause = Some(cause.into());
    let refusal = RequestRefusal::malformed(code, &context.prepared.decider.pages);
    refuse(
        shared,
        client,
        context,
        buffers,
        (&refusal, connection.limits.write_timeout),
    )
    .await;
    observe_contained(shared, client, context, buffers);
}

/// Counts and logs a request that its client cancelled before it was decided.
pub(crate) fn observe_gone(
    shared: &Arc<Shared>,
    client: &ClientSide,
    context: &mut RequestContext,
    buffers: &Buffers,
    arrival: Arrival<'_>,
) {
    let connection = arrival.connection;
    context.forwarding = Forwarding::of_peer(connection.client(), connection.scheme());
    set_gone(context);
    observe_contained(shared, client, context, buffers);
}

/// Counts and logs the request.
fn observe_contained(
    shared: &Arc<Shared>,
    client: &ClientSide,
    context: &mut RequestContext,
    buffers: &Buffers,
) {
    // What a client that is gone did not take was not sent. Its framing is counted with it.
    let unsent = buffers.to_client.waiting().len() as u64;
    let observed = contain(|| {
        shared.probe(ProbeStage::Logging, &context.head);
        let sent = Sent {
            status: client.status(),
            body_bytes: client.body_bytes().saturating_sub(unsent),
        };
        observe::observe(shared, sent, context);
    });
    // After a panic here only the counter is left to report it.
    if observed.is_err() {
        context.unobserved = None;
        shared.metrics.requests.panics.inc();
    }
}

/// Decides the request, and forwards or refuses it. Returns true if the connection may be kept.
async fn answer(
    shared: &Arc<Shared>,
    client: &mut ClientSide,
    context: &mut RequestContext,
    buffers: &mut Buffers,
    arrival: Arrival<'_>,
) -> bool {
    let write = arrival.connection.limits.write_timeout;
    let decided = decide(shared, client, context, arrival).await;
    trace::begin(shared, context);
    if let Err(refusal) = decided {
        return refuse(shared, client, context, buffers, (&refusal, write)).await;
    }
    shared.probe(ProbeStage::Forwarding, &context.head);
    set_upstream_head(context);
    let times = ClientTimes {
        begun: Instant::from_std(context.started),
        body: arrival.connection.limits.body_timeout,
        write,
    };
    let forwarded = forward(shared, client, context, buffers, (arrival.framing, times)).await;
    let (code, outcome) = match forwarded {
        Ok(Forwarded::Complete) => return context.keeps_client,
        Ok(Forwarded::Switched { upstream, silence }) => {
            run_tunnel(client, (upstream, silence), context, buffers).await;
            return false;
        }
        Err(ExchangeError::Client(ClientFailure::Gone)) => {
            set_gone(context);
            return false;
        }
        Err(ExchangeError::Client(ClientFailure::InvalidBody(_))) => {
            (AnswerCode::BODY, RequestOutcome::BadRequest)
        }
        Err(ExchangeError::Client(ClientFailure::LateBody)) => {
            (AnswerCode::BODY_TIMEOUT, RequestOutcome::ClientError)
        }
        Err(ExchangeError::Client(ClientFailure::LargeBody)) => {
            (AnswerCode::BODY_TOO_LARGE, RequestOutcome::BadRequest)
        }
        Err(ExchangeError::Upstream(error)) => {
            let pages = &context.prepared.decider.pages;
            let answer = Answer::new(error.failure.code(), pages);
            let refusal = RequestRefusal::new(RequestOutcome::UpstreamError, answer);
            return refuse(shared, client, context, buffers, (&refusal, write)).await;
        }
    };
    let refusal = closing(context, code, outcome);
    refuse(shared, client, context, buffers, (&refusal, write)).await
}

/// Turns the head into the one that the upstream gets.
fn set_upstream_head(context: &mut RequestContext) {
    let speaks_http2 = context
        .found
        .upstream
        .and_then(|id| context.prepared.upstreams.get(id.index()))
        .is_some_and(|live| live.definition().protocol == UpstreamProtocol::Http2);
    let kept = match context.asks_for_tunnel {
        true => ConnectionFields::WebSocket,
        false if speaks_http2 && context.head.version() == HttpVersion::Http2 => ConnectionFields::Trailers,
        false => ConnectionFields::Removed,
    };
    let mut head = std::mem::take(&mut context.head);
    upstream_head::set(&mut head, kept, context);
    context.head = head;
}

/// Decides the request, and admits it to its upstream.
async fn decide(
    shared: &Arc<Shared>,
    client: &ClientSide,
    context: &mut RequestContext,
    arrival: Arrival<'_>,
) -> Result<(), RequestRefusal> {
    let connection = arrival.connection;
    let facts = ConnectionFacts {
        address: connection.client(),
        forwarding_headers: connection.forwarding_headers,
        scheme: connection.scheme(),
        body: match arrival.framing {
            Framing::Empty => BodyPresence::Empty,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => BodyPresence::Possible,
        },
        http2: client.is_http2().then_some(connection.limits.head),
        certificate: connection.certificate(),
    };
    live::decide(shared, context, facts).await?;
    let stream = client.http2_stream();
    let connection = &arrival.connection.share;
    let end = stream.map(|stream| Arc::clone(&stream.end));
    let shares = ArrivalShares {
        connection,
        stream: stream.and_then(|stream| stream.share.as_ref()),
        end: end.unwrap_or_else(|| connection.end_signal()),
    };
    admission::admit(&shared.shares, shares, context).await
}

/// Sends the proxy's answer, unless another response has already begun. Returns true if the connection may be kept.
async fn refuse(
    shared: &Shared,
    client: &mut ClientSide,
    context: &mut RequestContext,
    buffers: &mut Buffers,
    (refusal, write_timeout): (&RequestRefusal, Duration),
) -> bool {
    let code = refusal.answer.code.name;
    context.outcome = refusal.outcome;
    context.code = Some(code);
    if context.cause.is_none() && shared.access_log.is_on() {
        let (decider, limit) = (&context.prepared.decider, context.found.body_limit);
        context.cause = refusal_cause::cause(refusal.answer.code, &context.head, decider, limit);
    }
    if refusal.outcome != RequestOutcome::Redirected {
        shared.metrics.requests.rejections.count(code);
    }
    // A second head can't be sent. The first response is broken off: its connection or stream ends before it does.
    if client.status() != 0 {
        return false;
    }
    // The access log must not attribute this answer to the upstream, whose head may have been read.
    context.upstream_answered = false;
    let how = (refusal.keep_alive, write_timeout);
    match respond::send(client, &refusal.answer, context, buffers, how).await {
        Ok(()) => context.keeps_client,
        Err(ClientGone) => false,
    }
}

/// Passes bytes on after a switch of protocols.
async fn run_tunnel(
    client: &mut ClientSide,
    (upstream, silence): (Buffered<Stream>, Duration),
    context: &mut RequestContext,
    buffers: &mut Buffers,
) {
    let Some(connection) = client.connection() else {
        return;
    };
    let bytes = tunnel::run(&mut connection.io, upstream, &mut buffers.alarm, silence).await;
    context.body_bytes = bytes.from_client;
    client.count_body(bytes.to_client);
}

/// Records that the client is gone, or was ended by the shedder.
fn set_gone(context: &mut RequestContext) {
    let is_shed = context.share.as_ref().is_some_and(|share| share.is_shed());
    (context.outcome, context.code) = match is_shed {
        true => (RequestOutcome::Shed, Some("SHED")),
        false => (RequestOutcome::ClientError, Some("CLIENT_GONE")),
    };
}

/// Returns a refusal after which the connection is closed.
fn closing(context: &RequestContext, code: AnswerCode, outcome: RequestOutcome) -> RequestRefusal {
    RequestRefusal {
        answer: Arc::new(Answer::new(code, &context.prepared.decider.pages)),
        outcome,
        keep_alive: KeepAlive::Close,
    }
}

/// Returns true if the request asks for a WebSocket, the only switch of protocols that is passed on.
fn asks_for_tunnel(context: &RequestContext, framing: Framing) -> bool {
    let head = &context.head;
    let upgrade = head.fields.value("upgrade");
    let mut options = head
        .fields
        .values("connection")
        .flat_map(|value| value.split(|&byte| byte == b','));
    head.version() == HttpVersion::Http11
        && framing == Framing::Empty
        && upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
        && options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}
