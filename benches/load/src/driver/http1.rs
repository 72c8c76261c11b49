//! An HTTP/1.1 client connection. Bodies are framed by `Content-Length`, which every contestant and the origin sends.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::message::{Answer, HOST, Request};

/// The size of the read buffers.
const BUFFER: usize = 64 * 1024;
/// The maximum size of an answer whose whole body is kept.
const MAX_KEPT: usize = 16 * 1024;
/// The maximum size of the head of an answer.
const MAX_HEAD: usize = 16 * 1024;
/// The maximum number of fields of an answer.
const FIELDS: usize = 64;

/// A connection with its buffers, which are reused for every request.
#[derive(Debug)]
pub(crate) struct Http1<S> {
    stream: S,
    request: String,
    /// The head of the last answer and its body, or the start of it.
    received: Vec<u8>,
    head_length: usize,
    /// The buffer for the rest of a body. It is empty until it is needed.
    rest: Vec<u8>,
}

/// The parts of the head of an answer that the load needs.
struct Head {
    length: usize,
    status: u16,
    body_length: usize,
    closes: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    /// Uses a connected stream.
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            request: String::new(),
            received: Vec::new(),
            head_length: 0,
            rest: Vec::new(),
        }
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn exchange(&mut self, request: &Request<'_>) -> io::Result<Answer> {
        write_request(&mut self.request, request);
        self.stream.write_all(self.request.as_bytes()).await?;
        self.read_answer().await
    }

    /// Sends a whole request as it is and reads its answer to the end.
    pub(crate) async fn exchange_text(&mut self, request: &str) -> io::Result<Answer> {
        self.stream.write_all(request.as_bytes()).await?;
        self.read_answer().await
    }

    async fn read_answer(&mut self) -> io::Result<Answer> {
        let head = self.read_head().await?;
        self.head_length = head.length;
        let mut missing = (head.length + head.body_length)
            .checked_sub(self.received.len())
            .ok_or_else(|| invalid("bytes after the answer"))?;
        if missing > 0 {
            self.rest.resize(BUFFER, 0);
        }
        while missing > 0 {
            let read = self.stream.read(&mut self.rest).await?;
            missing = missing
                .checked_sub(read)
                .ok_or_else(|| invalid("bytes after the answer"))?;
            match self.rest.get(..read) {
                None | Some([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(part) if self.received.len() + read <= MAX_KEPT => self.received.extend_from_slice(part),
                Some(_) => {}
            }
        }
        Ok(Answer {
            status: head.status,
            closes: head.closes,
        })
    }

    /// Returns the body of the last answer, or its start if it is long.
    pub(crate) fn body(&self) -> &[u8] {
        self.received.get(self.head_length..).unwrap_or_default()
    }

    async fn read_head(&mut self) -> io::Result<Head> {
        self.received.clear();
        loop {
            self.received.reserve(BUFFER);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = parse_head(&self.received)? {
                return Ok(head);
            }
            if self.received.len() > MAX_HEAD {
                return Err(invalid("the head is too large"));
            }
        }
    }
}

/// Writes a request into the buffer, in place of the previous one.
fn write_request(buffer: &mut String, request: &Request<'_>) {
    buffer.clear();
    let token = request
        .token
        .map_or(["", "", ""], |token| ["authorization: Bearer ", token, "\r\n"]);
    buffer.extend(["GET ", request.target, " HTTP/1.1\r\nhost: ", HOST, "\r\n"]);
    buffer.extend(token);
    buffer.push_str("\r\n");
}

/// Parses the head of an answer; `None` if it is not complete.
fn parse_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let Ok(status) = answer.parse(bytes) else {
        return Err(invalid("the head can't be parsed"));
    };
    let (httparse::Status::Complete(length), Some(status)) = (status, answer.code) else {
        return Ok(None);
    };
    let field = |name: &str| {
        let mut fields = answer.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    let body_length = field("content-length").and_then(|value| value.parse().ok());
    Ok(Some(Head {
        length,
        status,
        body_length: body_length.ok_or_else(|| invalid("an answer without Content-Length"))?,
        closes: field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
    }))
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::{Http1, Request};

    /// Reads one request from a client that gets `answer`, in parts of `part` bytes.
    async fn exchange(answer: &[u8], part: usize) -> (std::io::Result<(u16, bool, Vec<u8>)>, String) {
        let (client, mut server) = duplex(1024);
        let serve = async {
            let mut request = vec![0; 1024];
            let length = server.read(&mut request).await.unwrap();
            for part in answer.chunks(part) {
                server.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
            String::from_utf8(request[..length].to_vec()).unwrap()
        };
        let mut client = Http1::new(client);
        let request = Request {
            target: "/board/small",
            token: Some("abc"),
        };
        let (answer, request) = tokio::join!(client.exchange(&request), serve);
        let answer = answer.map(|answer| (answer.status, answer.closes, client.body().to_vec()));
        (answer, request)
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_end_in_any_parts() {
        let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        for part in [1, 7, answer.len()] {
            let (answer, request) = exchange(answer, part).await;
            assert_eq!(answer.unwrap(), (403, true, b"hello".to_vec()));
            assert_eq!(
                request,
                "GET /board/small HTTP/1.1\r\nhost: load.example\r\nauthorization: Bearer abc\r\n\r\n"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_of_unknown_length_is_a_failure() {
        for answer in [
            "HTTP/1.1 200 OK\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello",
            "nonsense\r\n\r\n",
        ] {
            let (answer, _) = exchange(answer.as_bytes(), 1024).await;
            assert!(answer.is_err());
        }
    }
}
