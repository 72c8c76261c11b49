//! A client of the admin API, as small as commands need it: one request on one connection, every wait and every
//! answer bounded, no redirect followed, no proxy asked. What answers there is recognised first, and a token leaves
//! this machine encrypted only.

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

pub(super) use self::address::{Server, encoded};
pub(super) use self::error::ClientError;
use self::recognition::recognise;
pub(super) use self::sign_in_token::SignInToken;
pub(super) use self::stream::Secrecy;
use self::stream::Tls;

/// Longest answer that is kept in memory: a document of 100,000 tenants and more.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// Longest answer that says why not.
const MAX_PROBLEM_BYTES: usize = 4 * 1024 * 1024;
/// Longest head of an answer, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A client of one server.
pub(super) struct Client {
    server: Server,
    speaks: Protocol,
    tls: Option<Tls>,
    credentials: SignInToken,
    patience: Duration,
    runtime: Runtime,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The admin API, which says of itself that it is one.
    AdminApi,
    /// That of the break-glass socket, where nobody signs in.
    BreakGlass,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// With its query.
    pub(super) path: String,
    pub(super) body: Option<(&'static str, Bytes)>,
    /// The revision that the server must be at.
    pub(super) expected: Option<u64>,
    pub(super) again: Again,
    /// Whether the body holds a secret.
    pub(super) secrecy: Secrecy,
    /// The media type of a good answer, where others are refused.
    pub(super) media_type: Option<&'static str>,
}

/// Whether it may be asked once more where the connection broke before anything of an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// What it asks for is so, whether it is asked once or twice.
    Once,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The revision in `ETag`.
    pub(super) revision: Option<u64>,
    pub(super) request_id: String,
    pub(super) body: Vec<u8>,
}

/// Where a good answer's body goes, piece by piece.
type Sink<'s> = &'s mut dyn FnMut(&[u8]) -> io::Result<()>;

impl Ask {
    /// A question.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            expected: None,
            again: Again::Never,
            secrecy: Secrecy::Open,
            media_type: None,
        }
    }

    /// The same, whose good answers have this media type. An empty answer has none.
    pub(super) fn answered_as(mut self, media_type: &'static str) -> Self {
        self.media_type = Some(media_type);
        self
    }

    /// The same with a JSON body.
    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", body.to_string().into()));
        self
    }
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).map_err(|_| ClientError::NotTheApi { status: self.status }.into())
    }
}

impl Client {
    /// A client of `server`. For TLS it trusts the system's authorities, or only those in the file `ca`.
    pub(super) fn new(
        (server, speaks): (Server, Protocol),
        ca: Option<&Path>,
        credentials: SignInToken,
        patience: Duration,
    ) -> Result<Self> {
        let tls = server.is_tls().then(|| Tls::trusting(ca)).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't start")?;
        Ok(Self {
            server,
            speaks,
            tls,
            credentials,
            patience,
            runtime,
        })
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Asks, and keeps the whole answer, whatever its status is.
    pub(super) fn ask(&self, ask: &Ask) -> Result<Answer> {
        let mut kept = Vec::new();
        let mut answer = self.stream(ask, &mut |piece: &[u8]| {
            if kept.len().saturating_add(piece.len()) > MAX_ANSWER_BYTES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            kept.extend_from_slice(piece);
            Ok(())
        })?;
        if !kept.is_empty() {
            answer.body = kept;
        }
        Ok(answer)
    }

    /// Asks, and hands the body of a good answer on piece by piece. That of another is kept.
    pub(super) fn stream(&self, ask: &Ask, sink: Sink<'_>) -> Result<Answer> {
        self.runtime.block_on(self.exchange(ask, sink))
    }

    async fn exchange(&self, ask: &Ask, sink: Sink<'_>) -> Result<Answer> {
        let secrecy = match self.credentials.token() {
            Some(_) => Secrecy::Secret,
            None => ask.secrecy,
        };
        let connecting = stream::connect(&self.server, self.tls.as_ref(), secrecy);
        let stream = timeout(self.patience, connecting)
            .await
            .map_err(|_| ClientError::Silent {
                server: self.server.to_string(),
                seconds: self.patience.as_secs(),
            })??;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_HEAD_BYTES);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|reason| ClientError::Speechless {
            server: self.server.to_string(),
            reason,
        })?;
        // Ends with the connection, which ends when the sender and the body are dropped.
        let driving = tokio::spawn(connection);
        let answer = self.talk(sender, ask, sink).await;
        driving.abort();
        answer
    }

    async fn talk(&self, mut sender: SendRequest<Full<Bytes>>, ask: &Ask, sink: Sink<'_>) -> Result<Answer> {
        let request = self.request(ask)?;
        if self.speaks == Protocol::AdminApi {
            let question = self.head(&Method::GET, PREFIX)?.body(Full::default());
            let question = question.context("the request can't be made")?;
            recognise(&mut sender, question, &self.server, self.patience).await?;
        }
        let response = timeout(self.patience, sender.send_request(request))
            .await
            .map_err(|_| ClientError::TimedOut {
                server: self.server.to_string(),
                seconds: self.patience.as_secs(),
            })?
            .map_err(|reason| ClientError::Unanswered {
                server: self.server.to_string(),
                reason,
            })?;
        self.receive(response, ask.media_type, sink).await
    }

    /// A request without credentials.
    fn head(&self, method: &Method, path: &str) -> Result<Builder> {
        Ok(Request::builder()
            .method(method.clone())
            .uri(self.server.target(path))
            .header(header::HOST, self.server.authority())
            .header(header::USER_AGENT, concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .header("x-request-id", request_id()?))
    }

    fn request(&self, ask: &Ask) -> Result<Request<Full<Bytes>>> {
        let mut request = self.head(&ask.method, &ask.path)?;
        if let Some(revision) = ask.expected {
            request = request.header(header::IF_MATCH, format!("\"{revision}\""));
        }
        if let Some(token) = self.credentials.token() {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| anyhow::anyhow!("the token holds characters that no token has"))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let body = match &ask.body {
            Some((kind, body)) => {
                request = request.header(header::CONTENT_TYPE, *kind);
                body.clone()
            }
            None => Bytes::new(),
        };
        request.body(Full::new(body)).context("the request can't be made")
    }

    async fn receive(
        &self,
        response: Response<Incoming>,
        media_type: Option<&'static str>,
        sink: Sink<'_>,
    ) -> Result<Answer> {
        let (head, mut body) = response.into_parts();
        let status = head.status.as_u16();
        let mut answer = Answer {
            status,
            revision: revision(&head.headers),
            request_id: text(&head.headers, "x-request-id"),
            body: Vec::new(),
        };
        if head.status.is_redirection() || head.status.is_informational() {
            return Err(ClientError::NotTheApi { status }.into());
        }
        if head.status.is_success()
            && media_type.is_some_and(|expected| text(&head.headers, "content-type") != expected)
        {
            let server = self.server.to_string();
            return Err(ClientError::Incomprehensible { server, status }.into());
        }
        loop {
            let frame = timeout(self.patience, body.frame())
                .await
                .map_err(|_| ClientError::TimedOut {
                    server: self.server.to_string(),
                    seconds: self.patience.as_secs(),
                })?;
            let Some(frame) = frame else { return Ok(answer) };
            let frame = frame.map_err(|reason| ClientError::Broken {
                server: self.server.to_string(),
                reason,
            })?;
            let Ok(piece) = frame.into_data() else { continue };
            if head.status.is_success() {
                sink(&piece).context("the answer can't be taken")?;
            } else if answer.body.len().saturating_add(piece.len()) <= MAX_PROBLEM_BYTES {
                answer.body.extend_from_slice(&piece);
            } else {
                return Err(ClientError::NotTheApi { status }.into());
            }
        }
    }
}

fn revision(headers: &HeaderMap) -> Option<u64> {
    let tag = headers.get(header::ETAG)?.to_str().ok()?;
    tag.trim_matches('"').parse().ok()
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// 32 hex digits, by which the request is found in the audit log and in the server's.
fn request_id() -> Result<String> {
    let mut random = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
