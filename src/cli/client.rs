//! A minimal client of the admin API: one request per connection, limits on every wait and every answer, no redirects
//! and no proxies. It identifies the server before it sends anything else, and sends a token beyond this machine only
//! over TLS.

mod address;
mod error;
mod recognition;
mod sign_in_token;
mod stream;

use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use control::api::PREFIX;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::time::timeout;

pub(super) use self::address::{ServerAddress, encoded};
pub(super) use self::error::ClientError;
use self::recognition::recognise;
pub(super) use self::sign_in_token::SignInToken;
pub(super) use self::stream::Secrecy;
use self::stream::Tls;

/// Longest answer in memory, in bytes: enough for a document of 100,000 tenants.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// Longest body of a rejection, in bytes.
const MAX_PROBLEM_BYTES: usize = 4 * 1024 * 1024;
/// Longest head of an answer, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A client of one server.
pub(super) struct AdminClient {
    server: ServerAddress,
    api: ApiKind,
    tls: Option<Tls>,
    credentials: SignInToken,
    max_wait: Duration,
    runtime: Runtime,
}

/// The API of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiKind {
    /// The admin API, which identifies itself.
    AdminApi,
    /// The API of the break-glass socket, which has no sign-in.
    BreakGlass,
    /// The pages of health, which any listener of health checks answers.
    Health,
}

/// A request to the server.
#[derive(Debug, Clone)]
pub(super) struct ClientRequest {
    pub(super) method: Method,
    /// The path with its query.
    pub(super) path: String,
    pub(super) body: Option<(&'static str, Bytes)>,
    /// The revision that the store must be at (`If-Match`).
    pub(super) expected: Option<u64>,
    pub(super) retry: Retry,
    /// Says if the body contains a secret.
    pub(super) secrecy: Secrecy,
    /// The required media type of a successful answer; `None` accepts any.
    pub(super) media_type: Option<&'static str>,
    /// The key of the flag that the request is about, if it is about one.
    pub(super) flag: Option<String>,
}

/// The reaction to a connection that broke before any part of an answer arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// Send the request again, once: it is idempotent.
    Once,
}

/// An answer of the server.
#[derive(Debug)]
pub(super) struct ClientResponse {
    pub(super) status: u16,
    /// The revision in `ETag`.
    pub(super) revision: Option<u64>,
    pub(super) request_id: String,
    pub(super) body: Vec<u8>,
}

/// Receiver of the body of a successful answer, piece by piece.
type BodySink<'s> = &'s mut dyn FnMut(&[u8]) -> io::Result<()>;

impl ClientRequest {
    /// Creates a GET request.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Creates a request without a body.
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            expected: None,
            retry: Retry::Never,
            secrecy: Secrecy::Open,
            media_type: None,
            flag: None,
        }
    }

    /// Requires this media type of a successful answer. An empty answer has none, so it is rejected.
    pub(super) fn with_media_type(mut self, media_type: &'static str) -> Self {
        self.media_type = Some(media_type);
        self
    }

    /// Sets the flag that the request is about.
    pub(super) fn about_flag(mut self, key: &str) -> Self {
        self.flag = Some(key.to_owned());
        self
    }

    /// Sets a JSON body.
    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", body.to_string().into()));
        self
    }
}

impl ClientResponse {
    /// Parses the body as JSON.
    pub(super) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .map_err(|_| ClientError::UnexpectedResponse { status: self.status }.into())
    }
}

impl AdminClient {
    /// Creates a client of `server`. For TLS it trusts the authorities in the file `ca`, or else the system's.
    /// `max_wait` is the limit of each step: connecting, identifying the server, the head, and each piece of the body.
    ///
    /// # Errors
    /// The authorities can't be read, or there are none.
    pub(super) fn new(
        (server, api): (ServerAddress, ApiKind),
        ca: Option<&Path>,
        credentials: SignInToken,
        max_wait: Duration,
    ) -> Result<Self> {
        let tls = server.is_tls().then(|| Tls::with_authorities(ca)).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't start the async runtime")?;
        Ok(Self {
            server,
            api,
            tls,
            credentials,
            max_wait,
            runtime,
        })
    }

    pub(super) fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// Sends a request and returns the whole answer, whatever its status is.
    ///
    /// # Errors
    /// No valid answer arrived.
    pub(super) fn send(&self, api_request: &ClientRequest) -> Result<ClientResponse> {
        let mut kept = Vec::new();
        let mut api_response = self.stream(api_request, &mut |piece: &[u8]| {
            if kept.len().saturating_add(piece.len()) > MAX_ANSWER_BYTES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            kept.extend_from_slice(piece);
            Ok(())
        })?;
        // The body of a rejection is in the response already, and did not go through the sink.
        if !kept.is_empty() {
            api_response.body = kept;
        }
        Ok(api_response)
    }

    /// Sends a request, and passes the body of a successful answer to `sink` piece by piece. The body of a rejection is
    /// in the returned answer.
    ///
    /// # Errors
    /// No valid answer arrived, or the sink failed.
    pub(super) fn stream(&self, api_request: &ClientRequest, sink: BodySink<'_>) -> Result<ClientResponse> {
        self.runtime.block_on(self.connect_and_send(api_request, sink))
    }

    async fn connect_and_send(
        &self,
        api_request: &ClientRequest,
        sink: BodySink<'_>,
    ) -> Result<ClientResponse> {
        // A token makes every request confidential, whatever its body contains.
        let secrecy = match self.credentials.token() {
            Some(_) => Secrecy::Secret,
            None => api_request.secrecy,
        };
        let connecting = stream::connect(&self.server, self.tls.as_ref(), secrecy);
        let stream =
            timeout(self.max_wait, connecting)
                .await
                .map_err(|_| ClientError::RecognitionTimeout {
                    server: self.server.to_string(),
                    seconds: self.max_wait.as_secs(),
                })??;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_HEAD_BYTES);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|reason| ClientError::RecognitionBroken {
            server: self.server.to_string(),
            reason,
        })?;
        // hyper reads and writes the connection in this task. It ends with the connection, once the sender and the body
        // are dropped.
        let driving = tokio::spawn(connection);
        let api_response = self.send_over(sender, api_request, sink).await;
        driving.abort();
        api_response
    }

    async fn send_over(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        api_request: &ClientRequest,
        sink: BodySink<'_>,
    ) -> Result<ClientResponse> {
        // Built before anything is sent, so that an invalid token sends nothing.
        let request = self.http_request(api_request)?;
        // On the connection that will carry the token: a name may resolve to another server for the next connection.
        if self.api == ApiKind::AdminApi {
            let question = self.request_head(&Method::GET, PREFIX)?.body(Full::default());
            let question = question.context("can't build the request")?;
            recognise(&mut sender, question, &self.server, self.max_wait).await?;
        }
        let response = timeout(self.max_wait, sender.send_request(request))
            .await
            .map_err(|_| ClientError::TimedOut {
                server: self.server.to_string(),
                seconds: self.max_wait.as_secs(),
            })?
            .map_err(|reason| ClientError::BrokenBeforeResponse {
                server: self.server.to_string(),
                reason,
            })?;
        self.receive(response, api_request.media_type, sink).await
    }

    /// Builds the head of a request without a token.
    fn request_head(&self, method: &Method, path: &str) -> Result<Builder> {
        Ok(Request::builder()
            .method(method.clone())
            .uri(self.server.target(path))
            .header(header::HOST, self.server.authority())
            .header(header::USER_AGENT, concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .header("x-request-id", request_id()?))
    }

    fn http_request(&self, api_request: &ClientRequest) -> Result<Request<Full<Bytes>>> {
        let mut request = self.request_head(&api_request.method, &api_request.path)?;
        if let Some(revision) = api_request.expected {
            request = request.header(header::IF_MATCH, format!("\"{revision}\""));
        }
        if let Some(token) = self.credentials.token() {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
                anyhow::anyhow!("the token contains characters that are not valid in a token")
            })?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let body = match &api_request.body {
            Some((kind, body)) => {
                request = request.header(header::CONTENT_TYPE, *kind);
                body.clone()
            }
            None => Bytes::new(),
        };
        request.body(Full::new(body)).context("can't build the request")
    }

    async fn receive(
        &self,
        response: Response<Incoming>,
        media_type: Option<&'static str>,
        sink: BodySink<'_>,
    ) -> Result<ClientResponse> {
        let (head, mut body) = response.into_parts();
        let status = head.status.as_u16();
        let mut api_response = ClientResponse {
            status,
            revision: revision(&head.headers),
            request_id: header_text(&head.headers, "x-request-id"),
            body: Vec::new(),
        };
        // A redirect is not followed: the token is only for the server that was identified.
        if head.status.is_redirection() || head.status.is_informational() {
            return Err(ClientError::UnexpectedResponse { status }.into());
        }
        if head.status.is_success()
            && media_type.is_some_and(|expected| header_text(&head.headers, "content-type") != expected)
        {
            let server = self.server.to_string();
            return Err(ClientError::InvalidReadResponse { server, status }.into());
        }
        loop {
            let frame = timeout(self.max_wait, body.frame())
                .await
                .map_err(|_| ClientError::TimedOut {
                    server: self.server.to_string(),
                    seconds: self.max_wait.as_secs(),
                })?;
            let Some(frame) = frame else {
                return Ok(api_response);
            };
            let frame = frame.map_err(|reason| ClientError::BrokenResponse {
                server: self.server.to_string(),
                reason,
            })?;
            // Trailers are ignored.
            let Ok(piece) = frame.into_data() else { continue };
            if head.status.is_success() {
                sink(&piece).context("can't write the answer")?;
            } else if api_response.body.len().saturating_add(piece.len()) <= MAX_PROBLEM_BYTES {
                api_response.body.extend_from_slice(&piece);
            } else {
                return Err(ClientError::UnexpectedResponse { status }.into());
            }
        }
    }
}

fn revision(headers: &HeaderMap) -> Option<u64> {
    let tag = headers.get(header::ETAG)?.to_str().ok()?;
    tag.trim_matches('"').parse().ok()
}

fn header_text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Returns a random id of 32 hex digits, which the audit log and the server's log contain.
fn request_id() -> Result<String> {
    let mut random = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| anyhow::anyhow!("the system has no random bytes"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
