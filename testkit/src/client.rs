//! A client that sends exactly the bytes it is given, and requests for when those don't matter.

use std::io::{self, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::certificates::TlsClient;
use crate::message::{self, MessageHead};
use crate::pipe::Pipe;

/// One connection to a proxy.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<Pipe>,
}

/// A response as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its head.
    pub head: MessageHead,
    /// Its body, chunks joined.
    pub body: Vec<u8>,
}

/// A request being put together.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Client {
    /// Connects.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(Pipe::plain(address).expect("the proxy listens"))
    }

    /// Connects from another local address, as another client.
    ///
    /// # Errors
    /// The proxy does not listen, or accepts no more connections.
    pub fn try_connect_from(address: SocketAddr, source: IpAddr) -> io::Result<Self> {
        Pipe::plain_from(address, source).map(Self::over)
    }

    /// Connects over TLS.
    #[must_use]
    pub fn connect_tls(address: SocketAddr, tls: &TlsClient) -> Self {
        Self::try_connect_tls(address, tls).expect("a handshake")
    }

    /// Connects over TLS.
    ///
    /// # Errors
    /// The handshake failed. With TLS 1.3 it may succeed for the client before the proxy has checked the
    /// client's certificate.
    pub fn try_connect_tls(address: SocketAddr, tls: &TlsClient) -> io::Result<Self> {
        Pipe::tls(address, tls).map(Self::over)
    }

    fn over(pipe: Pipe) -> Self {
        let reader = BufReader::new(pipe);
        Self { reader }
    }

    /// Returns the certificate of the proxy.
    #[must_use]
    pub fn certificate(&self) -> Vec<u8> {
        let shown = self.reader.get_ref().agreed().expect("a connection over TLS");
        shown.peer_certificates().expect("a certificate")[0].to_vec()
    }

    /// Returns the protocol of the connection (ALPN).
    #[must_use]
    pub fn protocol(&self) -> Option<&[u8]> {
        self.reader.get_ref().agreed()?.alpn_protocol()
    }

    /// Returns true if TLS resumed an earlier session.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.reader.get_ref().is_resumed()
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).expect("the proxy reads");
        self
    }

    /// Returns another handle of its socket, for sending and reading in two threads. Not for TLS.
    #[must_use]
    pub fn socket(&self) -> TcpStream {
        self.reader.get_ref().tcp().try_clone().unwrap()
    }

    /// Sends these bytes if the proxy still reads, for answers that come before the request is over.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let pipe = self.reader.get_mut();
        pipe.write_all(bytes.as_ref())?;
        pipe.flush()
    }

    /// Closes the sending side.
    pub fn finish(&mut self) -> &mut Self {
        self.reader.get_mut().finish();
        self
    }

    /// Sends `request` and reads the answer.
    pub fn ask(&mut self, request: &Request) -> Response {
        self.send(request.bytes());
        self.response_to(&request.method)
    }

    /// Reads the answer to a request that has a body in its answer.
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// Reads the answer to a request of this method, interim ones (1xx but 101) left out.
    pub fn response_to(&mut self, method: &str) -> Response {
        loop {
            let response = self.any_response_to(method);
            if response.status == 101 || response.status >= 200 {
                return response;
            }
        }
    }

    /// Reads the next answer, interim or not.
    pub fn any_response_to(&mut self, method: &str) -> Response {
        let (status, head) = self.head();
        let body = match status {
            100..=199 | 204 | 304 => Vec::new(),
            _ if method == "HEAD" => Vec::new(),
            _ => head.read_body(&mut self.reader, true).expect("a whole body"),
        };
        Response { status, head, body }
    }

    /// Reads a status line and headers and leaves the body.
    pub fn head(&mut self) -> (u16, MessageHead) {
        let head = MessageHead::read(&mut self.reader)
            .expect("a response")
            .expect("a response, not a closed connection");
        let status = head.status();
        (
            status.unwrap_or_else(|| panic!("no status line: {}", head.start)),
            head,
        )
    }

    /// Reads the next chunk of a chunked body; none after the last.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        message::read_chunk(&mut self.reader).expect("a chunk")
    }

    /// Reads exactly `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).expect("more bytes");
        bytes
    }

    /// Returns true if the proxy closes the connection before it sends another byte.
    pub fn is_closed(&mut self) -> bool {
        match self.reader.read(&mut [0; 1]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Returns true if the proxy closes the connection without a reset, before it sends another byte. A reset
    /// follows if the proxy has not read everything that was sent.
    pub fn ends_well(&mut self) -> bool {
        let ended = self.reader.read(&mut [0; 1]).is_ok_and(|read| read == 0);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(100) {
            if self
                .reader
                .get_ref()
                .tcp()
                .take_error()
                .is_ok_and(|error| error.is_some())
            {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        ended
    }

    /// Reads until the end, and returns true if it is a clean one: over TLS one with a close notification.
    pub fn ends_cleanly(&mut self) -> bool {
        self.reader.read_to_end(&mut Vec::new()).is_ok()
    }

    /// Reads until the proxy closes the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
        rest
    }
}

impl Response {
    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }

    /// Returns the body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// Returns the `code` member of a problem; empty if there is none.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the value of the first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}

impl Request {
    /// Creates a request to host `test`.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target, host) = (method.to_owned(), target.to_owned(), "test".to_owned());
        Self {
            method,
            target,
            host,
            headers: Vec::new(),
            body: None,
        }
    }

    /// Creates a `GET` request to host `test`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// Creates a `GET` request to an admin listener, which answers only for hosts that it knows.
    #[must_use]
    pub fn get_admin(target: &str) -> Self {
        Self::get(target).host("localhost")
    }

    /// Creates a `POST` request to host `test` with this body.
    #[must_use]
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: Some(body.into()),
            ..Self::new("POST", target)
        }
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Returns its body.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// Returns its head for HTTP/2.
    pub(crate) fn h2(&self, scheme: &str) -> http::Request<()> {
        let mut head = http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{scheme}://{}{}", self.host, self.target));
        for (name, value) in &self.headers {
            head = head.header(name, value);
        }
        head.body(()).expect("a request that HTTP/2 has, too")
    }

    /// Returns its bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            self.method, self.target, self.host
        );
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}
