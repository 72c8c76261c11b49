//! Sends spellings one after the other, whatever becomes of the connection, and gathers the answers.

use std::net::SocketAddr;

use crate::exchanges::Exchanges;
use crate::origin::Origin;
use crate::spellings::Spelling;
use crate::upstream::Recorded;

/// The header by which a request at the origin is known again: the place of its spelling in the list.
const SPELLING: &str = "X-Spelling";

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpellingAnswer {
    /// Its status; 0 where the connection was closed instead.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The answers to all `spellings`, in their order, each sent with these header lines more.
#[must_use]
pub fn volley(address: SocketAddr, spellings: &[Spelling], more: &[(&str, &str)]) -> Vec<SpellingAnswer> {
    let mut exchanges = Exchanges::with(address);
    let numbered = spellings.iter().enumerate();
    numbered
        .map(|(nth, spelling)| {
            let nth = nth.to_string();
            let more: Vec<(&str, &str)> = more.iter().copied().chain([(SPELLING, nth.as_str())]).collect();
            match exchanges.ask(&spelling.method, &spelling.bytes(&more)) {
                Ok((head, body)) => SpellingAnswer {
                    status: head.status().unwrap_or(0),
                    body,
                },
                Err(_) => SpellingAnswer {
                    status: 0,
                    body: Vec::new(),
                },
            }
        })
        .collect()
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
