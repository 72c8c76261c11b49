//! A client of HTTP/2 that behaves, with streams, trailers and resets; [`Frames`](crate::Frames) is the other.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use crate::PATIENCE;
use crate::certificates::TlsClient;
use crate::client::Request;

/// One connection to a proxy.
pub struct H2Client {
    runtime: Arc<Runtime>,
    send: SendRequest<Bytes>,
    scheme: &'static str,
}

/// A request under way.
pub struct H2Stream {
    runtime: Arc<Runtime>,
    send: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    body: Option<RecvStream>,
}

/// A response as it arrived.
#[derive(Debug, Clone)]
pub struct H2Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: Option<HeaderMap>,
}

impl H2Client {
    /// Connects without TLS, with prior knowledge.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = runtime();
        let stream = block_on(&runtime, TcpStream::connect(address)).expect("the proxy listens");
        Self::over(runtime, stream, "http")
    }

    /// Connects over TLS.
    #[must_use]
    pub fn connect_tls(address: SocketAddr, tls: &TlsClient) -> Self {
        let runtime = runtime();
        let (config, name) = tls.parts();
        let stream = block_on(&runtime, async {
            let stream = TcpStream::connect(address).await?;
            TlsConnector::from(config).connect(name, stream).await
        });
        let stream = stream.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Self::over(runtime, stream, "https")
    }

    fn over(
        runtime: Arc<Runtime>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &'static str,
    ) -> Self {
        let (send, connection) = block_on(&runtime, h2::client::handshake(stream)).expect("HTTP/2");
        runtime.spawn(connection);
        Self {
            runtime,
            send,
            scheme,
        }
    }

    /// Sends `request` and reads the answer, or why there is none.
    pub fn try_ask(&mut self, request: &Request) -> Result<H2Response, h2::Error> {
        let body = request.body().map(Bytes::copy_from_slice);
        let mut stream = self.try_open(request, body.is_none())?;
        if let Some(body) = body {
            stream.send(body, true);
        }
        stream.answer()
    }

    /// Sends `request` and reads the answer.
    pub fn ask(&mut self, request: &Request) -> H2Response {
        self.try_ask(request).expect("an answer")
    }

    /// Sends the head of `request`; `end` ends the stream.
    pub fn open(&mut self, request: &Request, end: bool) -> H2Stream {
        self.try_open(request, end).expect("another stream")
    }

    fn try_open(&mut self, request: &Request, end: bool) -> Result<H2Stream, h2::Error> {
        let head = request.h2(self.scheme);
        let ready = block_on(&self.runtime, self.send.clone().ready());
        let (response, send) = ready.and_then(|mut send| send.send_request(head, end))?;
        Ok(H2Stream {
            runtime: Arc::clone(&self.runtime),
            send,
            response: Some(response),
            body: None,
        })
    }
}

impl H2Stream {
    /// Sends data; `end` ends the stream. An error shows in the answer.
    pub fn send(&mut self, bytes: impl Into<Bytes>, end: bool) -> &mut Self {
        let _ = self.send.send_data(bytes.into(), end);
        self
    }

    /// Sends trailers, and with them the end.
    pub fn trailers(&mut self, trailers: &[(&str, &str)]) -> &mut Self {
        let _ = self.send.send_trailers(map(trailers));
        self
    }

    /// Gives the request up.
    pub fn reset(&mut self) {
        self.send.send_reset(Reason::CANCEL);
    }

    /// Waits for the head of the answer.
    pub fn head(&mut self) -> Result<(u16, HeaderMap), h2::Error> {
        let response = self.response.take().expect("the head is read once");
        let response = block_on(&self.runtime, response)?;
        let (head, body) = response.into_parts();
        self.body = Some(body);
        Ok((head.status.as_u16(), head.headers))
    }

    /// Waits for the next part of the answer's body that is not empty; none after the last.
    pub fn chunk(&mut self) -> Option<Result<Bytes, h2::Error>> {
        let body = self.body.as_mut().expect("the head is read first");
        loop {
            let chunk = block_on(&self.runtime, body.data())?;
            if let Ok(bytes) = &chunk {
                let _ = body.flow_control().release_capacity(bytes.len());
            }
            if !chunk.as_ref().is_ok_and(Bytes::is_empty) {
                return Some(chunk);
            }
        }
    }

    /// Reads all that is left of the answer.
    pub fn answer(&mut self) -> Result<H2Response, h2::Error> {
        let (status, headers) = self.head()?;
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk() {
            body.extend(chunk?);
        }
        let stream = self.body.as_mut().expect("the head was read");
        let trailers = block_on(&self.runtime, stream.trailers())?;
        Ok(H2Response {
            status,
            headers,
            body,
            trailers,
        })
    }
}

impl H2Response {
    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }

    /// Returns the value of the first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the value of the first trailer with this name.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.as_ref()?.get(name)?.to_str().ok()
    }

    /// Returns the `code` member of a problem; empty if there is none.
    #[must_use]
    pub fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Converts names and values to headers.
pub(crate) fn map(headers: &[(&str, &str)]) -> HeaderMap {
    headers
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a header name");
            let value: HeaderValue = value.parse().expect("a header value");
            (name, value)
        })
        .collect()
}

fn runtime() -> Arc<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Arc::new(builder.worker_threads(1).enable_all().build().unwrap())
}

fn block_on<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, work).await })
        .expect("an end in time")
}
