//! An upstream that speaks HTTP/2 without TLS, records every request, and answers by a handler of the test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::eventually;
use crate::h2_client::map;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct H2Recorded {
    /// Its method.
    pub method: String,
    /// Its target: path and query.
    pub target: String,
    /// Its `:authority`.
    pub authority: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: Option<HeaderMap>,
}

/// An answer of the upstream.
#[derive(Debug, Clone)]
pub struct H2Answer {
    /// Present if the stream is reset in place of an answer.
    reset: Option<Reason>,
    status: u16,
    headers: HeaderMap,
    body: Vec<Bytes>,
    trailers: Option<HeaderMap>,
}

type H2Handler = dyn Fn(&H2Recorded) -> H2Answer + Send + Sync;

/// A server on loopback that ends when it is dropped.
pub struct H2Upstream {
    address: SocketAddr,
    recorded: Arc<Mutex<Vec<H2Recorded>>>,
    runtime: Option<Runtime>,
}

impl H2Answer {
    /// Creates an answer with this body.
    #[must_use]
    pub fn new(status: u16, body: &str) -> Self {
        Self {
            reset: None,
            status,
            headers: HeaderMap::new(),
            body: vec![Bytes::copy_from_slice(body.as_bytes())],
            trailers: None,
        }
    }

    /// Creates the answer of a gRPC service: messages, and the status in trailers.
    #[must_use]
    pub fn grpc(messages: &[&[u8]], status: &str) -> Self {
        Self {
            reset: None,
            status: 200,
            headers: map(&[("content-type", "application/grpc")]),
            body: messages
                .iter()
                .map(|message| grpc_message(message).into())
                .collect(),
            trailers: Some(map(&[("grpc-status", status)])),
        }
    }

    /// Creates the answer of a gRPC service that fails at once: headers and nothing else.
    #[must_use]
    pub fn grpc_failure(status: &str, message: &str) -> Self {
        Self {
            reset: None,
            status: 200,
            headers: map(&[
                ("content-type", "application/grpc"),
                ("grpc-status", status),
                ("grpc-message", message),
            ]),
            body: Vec::new(),
            trailers: None,
        }
    }

    /// Creates a reset of the stream in place of an answer.
    #[must_use]
    pub fn reset(reason: Reason) -> Self {
        Self {
            reset: Some(reason),
            ..Self::new(200, "")
        }
    }
}

/// Frames a gRPC message, not compressed.
#[must_use]
pub fn grpc_message(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

impl H2Recorded {
    /// Returns the value of the first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl H2Upstream {
    /// Starts an upstream that answers by `handler`.
    #[must_use]
    pub fn answering(handler: impl Fn(&H2Recorded) -> H2Answer + Send + Sync + 'static) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let (handler, keep): (Arc<H2Handler>, _) = (Arc::new(handler), Arc::clone(&recorded));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&keep)));
            }
        });
        Self {
            address,
            recorded,
            runtime: Some(runtime),
        }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns all requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<H2Recorded> {
        self.recorded.lock().unwrap().clone()
    }

    /// Returns the only request so far.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[must_use]
    pub fn only(&self) -> H2Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "requests at the upstream: {requests:#?}");
        requests.remove(0)
    }

    /// Waits for the `count`th request.
    pub fn await_count(&self, count: usize) {
        eventually("another request at the upstream", || {
            (self.requests().len() >= count).then_some(())
        });
    }
}

impl Drop for H2Upstream {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(stream: TcpStream, handler: Arc<H2Handler>, recorded: Arc<Mutex<Vec<H2Recorded>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (handler, recorded) = (Arc::clone(&handler), Arc::clone(&recorded));
        tokio::spawn(async move {
            // A client that is gone is no failure of the upstream.
            let _ = exchange(request, respond, &*handler, &recorded).await;
        });
    }
}

async fn exchange(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    handler: &H2Handler,
    recorded: &Mutex<Vec<H2Recorded>>,
) -> Result<(), h2::Error> {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(bytes) = stream.data().await {
        let bytes = bytes?;
        stream.flow_control().release_capacity(bytes.len())?;
        body.extend(bytes);
    }
    let target = head.uri.path_and_query().map(ToString::to_string);
    let request = H2Recorded {
        method: head.method.to_string(),
        target: target.unwrap_or_default(),
        authority: head.uri.authority().map(ToString::to_string),
        headers: head.headers,
        body,
        trailers: stream.trailers().await?,
    };
    recorded.lock().unwrap().push(request.clone());
    let answer = handler(&request);
    if let Some(reason) = answer.reset {
        respond.send_reset(reason);
        return Ok(());
    }
    let mut response = Response::builder().status(answer.status).body(()).unwrap();
    *response.headers_mut() = answer.headers;
    let ends = answer.body.is_empty() && answer.trailers.is_none();
    let mut send = respond.send_response(response, ends)?;
    let last = answer.body.len().checked_sub(1);
    for (position, bytes) in answer.body.into_iter().enumerate() {
        send.send_data(bytes, Some(position) == last && answer.trailers.is_none())?;
    }
    match answer.trailers {
        Some(trailers) => send.send_trailers(trailers),
        None => Ok(()),
    }
}
