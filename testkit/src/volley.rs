//! Sends spellings one after the other, over as many connections as needed, and collects the answers.

use std::net::SocketAddr;

use crate::exchanges::Exchanges;
use crate::origin::Origin;
use crate::spellings::Spelling;
use crate::upstream::Recorded;

/// The header by which a request at the origin is known again: the place of its spelling in the list.
const SPELLING: &str = "X-Spelling";

/// The answer to a spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpellingAnswer {
    /// Its status; 0 where the connection was closed instead.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends all `spellings` with additional header lines, and returns the answers in the same order.
#[must_use]
pub fn volley(address: SocketAddr, spellings: &[Spelling], more: &[(&str, &str)]) -> Vec<SpellingAnswer> {
    let mut exchanges = Exchanges::new(address);
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

/// Returns the index of the spelling that a request at the origin has.
#[must_use]
pub fn spelling_of(recorded: &Recorded) -> usize {
    let place = recorded.header(SPELLING).expect("every request says which it is");
    place.parse().unwrap()
}

/// Returns a server that would have served the gated resource for this request, if there is one.
#[must_use]
pub fn served_by<'o>(origins: &'o [Origin], recorded: &Recorded) -> Option<&'o Origin> {
    origins
        .iter()
        .find(|origin| origin.serves(recorded.target(), &recorded.head))
}
