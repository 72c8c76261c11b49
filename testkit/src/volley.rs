//! Sends spellings one after the other, whatever becomes of the connection, and gathers the answers.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;
use crate::message::Head;
use crate::origin::Origin;
use crate::spellings::Spelling;
use crate::upstream::Recorded;

/// The header by which a request at the origin is known again: the place of its spelling in the list.
const SPELLING: &str = "X-Spelling";

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status; 0 where the connection was closed instead.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The answers to all `spellings`, in their order, each sent with these header lines more.
#[must_use]
pub fn volley(address: SocketAddr, spellings: &[Spelling], more: &[(&str, &str)]) -> Vec<Answer> {
    let mut connection = None;
    let numbered = spellings.iter().enumerate();
    numbered
        .map(|(nth, spelling)| {
            let nth = nth.to_string();
            let more: Vec<(&str, &str)> = more.iter().copied().chain([(SPELLING, nth.as_str())]).collect();
            let bytes = spelling.bytes(&more);
            if let Some(Ok(answer)) = connection
                .is_some()
                .then(|| exchange(&mut connection, address, &spelling.method, &bytes))
            {
                return answer;
            }
            connection = None;
            exchange(&mut connection, address, &spelling.method, &bytes).unwrap_or_else(|_| {
                connection = None;
                Answer {
                    status: 0,
                    body: Vec::new(),
                }
            })
        })
        .collect()
}

fn exchange(
    connection: &mut Option<BufReader<TcpStream>>,
    address: SocketAddr,
    method: &str,
    bytes: &[u8],
) -> io::Result<Answer> {
    if connection.is_none() {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        *connection = Some(BufReader::new(stream));
    }
    let reader = connection.as_mut().unwrap();
    reader.get_mut().write_all(bytes)?;
    let head = Head::read(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let status: u16 = head
        .start
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    let without_body = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
    let body = if without_body {
        Vec::new()
    } else {
        head.read_body(reader, true)?
    };
    let framed = head.header("content-length").is_some() || head.header("transfer-encoding").is_some();
    let closes = head
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if closes || !framed && !without_body {
        *connection = None;
    }
    Ok(Answer { status, body })
}

/// The spelling that a request at the origin is of.
#[must_use]
pub fn spelling_of(recorded: &Recorded) -> usize {
    let place = recorded.header(SPELLING).expect("every request says which it is");
    place.parse().unwrap()
}

/// A server that would have served the gated resource for this request, if any would.
#[must_use]
pub fn served_by<'o>(origins: &'o [Origin], recorded: &Recorded) -> Option<&'o Origin> {
    origins
        .iter()
        .find(|origin| origin.serves(recorded.target(), &recorded.head))
}
