//! The two ends of the traffic: a client that sends one request after another on one connection, and an origin.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail};
use testkit::{Authority, Client, H2Client, Issuer, Request, Upstream, reply, response};

use crate::idleness::Idleness;
use crate::row::{Protocol, Row, Token};

/// The keys and tokens of all rows.
pub(crate) struct Credentials {
    pub(crate) issuer: Issuer,
    pub(crate) authority: Authority,
    /// Different tokens of one tenant, one for each request of the longest run.
    pub(crate) tokens: Vec<String>,
}

/// The process that the origin waits for before each answer, once it is known.
pub(crate) type Watched = Arc<OnceLock<Idleness>>;

/// The name in the certificate of the listener.
pub(crate) const SERVER_NAME: &str = "test";

/// Starts an origin that answers every request with 200, or with 500 if it is not the request that the row expects.
pub(crate) fn origin(row: &Row, watched: &Watched) -> Upstream {
    let (watched, body, flags) = (Arc::clone(watched), row.request_body, row.flags());
    let answer = match row.response_body {
        0 => response(200, "OK", "hello"),
        size => response(200, "OK", &"x".repeat(size)),
    };
    let wrong = response(500, "Internal Server Error", "not the expected request");
    Upstream::answering(move |request, stream| {
        if let Some(idleness) = watched.get() {
            idleness.wait();
        }
        let header = request.header("X-Feature-Flags");
        let count = header.map_or(0, |header| header.split(',').count());
        let is_expected = count == flags && request.body.len() == body;
        reply(stream, if is_expected { &answer } else { &wrong })
    })
}

/// Sets a rollout plan of a flag whose only stage admits everyone, and starts it.
///
/// # Errors
/// The plan is not started.
///
/// # Panics
/// There is no response.
pub(crate) fn start_plan(admin: SocketAddr, flag: &str) -> Result<()> {
    let rollout = format!("/api/v1/platform/feature-flags/{flag}/rollout");
    let plan = r#"{"stages": [{"name": "all", "percentage": 100, "for": "1d"}]}"#;
    for (method, path, body) in [("PUT", "plan", plan), ("POST", "start", "{}")] {
        let request = Request::new(method, &format!("{rollout}/{path}")).host("localhost");
        let request = request.header("content-type", "application/json").with_body(body);
        let response = Client::connect(admin).ask(&request);
        if response.status != 200 {
            bail!(
                "{method} {path} of {flag}: {} {}",
                response.status,
                response.text()
            );
        }
    }
    Ok(())
}

/// Sends `count` requests to the program, each when it has nothing left to do.
///
/// # Errors
/// A response is not the expected one.
///
/// # Panics
/// There is no response.
pub(crate) fn send(
    row: &Row,
    address: SocketAddr,
    count: usize,
    credentials: &Credentials,
    idleness: &Idleness,
) -> Result<()> {
    let mut connection = Connection::open(row.protocol, address, &credentials.authority);
    for number in 0..count {
        let request = request(row, number, credentials);
        idleness.wait();
        let (status, length) = connection.ask(&request);
        if status != row.status() || length < row.response_body {
            bail!("response {number} has status {status} and {length} bytes");
        }
    }
    Ok(())
}

fn request(row: &Row, number: usize, credentials: &Credentials) -> Request {
    let request = match row.request_body {
        0 => Request::get("/"),
        size => Request::post("/", vec![b'x'; size]),
    };
    let token = match row.token {
        Token::None => None,
        Token::Cached => credentials.tokens.first(),
        Token::New => credentials.tokens.get(number),
    };
    match token {
        Some(token) => request.token(token),
        None => request,
    }
}

enum Connection {
    Http1(Client),
    Http2(H2Client),
}

impl Connection {
    fn open(protocol: Protocol, address: SocketAddr, authority: &Authority) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http1(Client::connect(address)),
            Protocol::Http2 => Self::Http2(H2Client::connect(address)),
            Protocol::Tls => {
                let tls = authority.trusted_by(SERVER_NAME, &["http/1.1"], None);
                Self::Http1(Client::connect_tls(address, &tls))
            }
        }
    }

    /// Returns the status and the length of the body.
    fn ask(&mut self, request: &Request) -> (u16, usize) {
        match self {
            Self::Http1(client) => {
                let response = client.ask(request);
                (response.status, response.body.len())
            }
            Self::Http2(client) => {
                let response = client.ask(request);
                (response.status, response.body.len())
            }
        }
    }
}
