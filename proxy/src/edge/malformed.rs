//! Answers to what is no request: written by the edge itself, because pingora never sees it.

use ::wire::InvalidHead;
use pingora::http::ResponseHeader;
use tokio::io::AsyncWriteExt as _;

use super::Edge;
use super::line::Line;
use crate::answer::{Answer, Code};

/// Refuses a head. The connection ends with it.
pub(super) async fn refuse(edge: &Edge, line: Line, why: InvalidHead) {
    let code = match why {
        InvalidHead::TooLarge { .. } | InvalidHead::TooManyFields { .. } => Code::HEAD_TOO_LARGE,
        InvalidHead::TwoLengths | InvalidHead::ContentLength | InvalidHead::TransferEncoding => Code::FRAMING,
        InvalidHead::Host | InvalidHead::HostMismatch => Code::HOST,
        InvalidHead::LineEnd
        | InvalidHead::RequestLine
        | InvalidHead::Version
        | InvalidHead::FieldName
        | InvalidHead::FieldValue => Code::HEAD,
    };
    answer(edge, line, code).await;
}

/// Tells a client that its head took too long.
pub(super) async fn late(edge: &Edge, line: Line) {
    answer(edge, line, Code::HEAD_TIMEOUT).await;
}

async fn answer(edge: &Edge, mut line: Line, code: Code) {
    let shared = &edge.shared;
    shared.metrics.rejections.count(code.name);
    let serving = shared.current.take();
    let Ok(rendered) = Answer::new(code, &serving.pages).render(&shared.ids.next(), false) else {
        return;
    };
    let mut bytes = head(&rendered.header);
    bytes.extend_from_slice(&rendered.body);
    let stream = line.stream_mut();
    // A client that is gone misses nothing.
    if stream.write_all(&bytes).await.is_ok() {
        let _ = stream.flush().await;
    }
    let _ = stream.shutdown().await;
}

fn head(header: &ResponseHeader) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {}\r\nConnection: close\r\n", header.status).into_bytes();
    for (name, value) in &header.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
