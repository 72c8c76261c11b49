//! An HTTP/2 client connection with prior knowledge, on which several requests are in flight.

use std::io;

use h2::client::{Builder, SendRequest};
use http::{HeaderValue, Method, Version};
use tokio::io::{AsyncRead, AsyncWrite};

use super::message::{Answer, HOST, Request};

/// The flow control windows: larger than any body.
const WINDOW: u32 = 1024 * 1024;
/// The maximum length of the kept start of a body.
const KEPT_BODY: usize = 4096;

/// A handle of a connection. Clones share the connection.
#[derive(Debug, Clone)]
pub(crate) struct Http2 {
    requests: SendRequest<&'static [u8]>,
    body: Vec<u8>,
}

impl Http2 {
    /// Exchanges the prefaces on a connected stream. A task reads from the connection until it is closed.
    pub(crate) async fn open<S>(stream: S) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let (requests, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
        // An error of the connection is an error of its requests too.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            requests,
            body: Vec::new(),
        })
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn exchange(&mut self, request: &Request<'_>) -> io::Result<Answer> {
        let mut fields = http::Request::builder()
            .method(Method::GET)
            .version(Version::HTTP_2)
            .uri(format!("http://{HOST}{}", request.target));
        if let Some(token) = request.token {
            let value = HeaderValue::try_from(["Bearer ", token].concat()).map_err(io::Error::other)?;
            fields = fields.header(http::header::AUTHORIZATION, value);
        }
        let fields = fields.body(()).map_err(io::Error::other)?;
        let mut requests = self.requests.clone().ready().await.map_err(io::Error::other)?;
        let (answer, _) = requests.send_request(fields, true).map_err(io::Error::other)?;
        let (head, mut body) = answer.await.map_err(io::Error::other)?.into_parts();
        self.body.clear();
        while let Some(part) = body.data().await {
            let part = part.map_err(io::Error::other)?;
            body.flow_control()
                .release_capacity(part.len())
                .map_err(io::Error::other)?;
            if self.body.len() + part.len() <= KEPT_BODY {
                self.body.extend_from_slice(&part);
            }
        }
        Ok(Answer {
            status: head.status.as_u16(),
            closes: false,
        })
    }

    /// Returns the last answer's body, if it is short.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}
