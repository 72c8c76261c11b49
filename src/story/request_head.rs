//! The head of the request to explain, as a client would send it.

use control::{RequestQuestion, Sender};
use proxy::Decider;

/// Returns the head in HTTP/1 format: HTTP/1.0 if the request has no host. A token is put into the header that the
/// gateway reads it from.
pub(super) fn write(question: &RequestQuestion, decider: &Decider) -> Vec<u8> {
    let names_host = !question.host.is_empty() || question.header_values("host").next().is_some();
    let version = if names_host { "HTTP/1.1" } else { "HTTP/1.0" };
    let mut head = format!("{} {} {version}\r\n", question.method, question.path);
    let mut line = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    };
    if !question.host.is_empty() {
        line("host", &question.host);
    }
    for (name, value) in &question.headers {
        line(name, value);
    }
    if let Sender::Token(token) = &question.sender {
        let (name, value) = decider.token_line(token);
        line(name, &value);
    }
    head.push_str("\r\n");
    head.into_bytes()
}
