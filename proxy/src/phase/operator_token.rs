//! Static tokens of operators, which belong to the admin API: a client that sends one to a public listener has mistaken
//! the port, and the application must not learn it.

use http::{HeaderMap, HeaderName};
use pingora::http::RequestHeader;
use rules::HOP_HEADERS;
use tokens::OperatorTokens;

use crate::credential_sources::TokenPlace;

/// Removes every header that has such a token in a value, with all its values, because it can't be known which of them is
/// meant. Where tokens are looked for in a cookie, only that cookie is removed. From here on the request is one without
/// that token, wherever it goes. Returns the names of the headers that were changed.
pub(crate) fn remove(
    request: &mut RequestHeader,
    place: &TokenPlace,
    tokens: &OperatorTokens,
) -> Vec<HeaderName> {
    if holders(&request.headers, tokens).next().is_none() {
        return Vec::new();
    }
    let mut changed = Vec::new();
    if place
        .values(&request.headers)
        .any(|value| tokens.are_found_in(value))
    {
        changed.push(place.header().clone());
        place.clear(request);
    }
    let holders: Vec<HeaderName> = holders(&request.headers, tokens).cloned().collect();
    for name in holders {
        request.remove_header(&name);
        if !changed.contains(&name) {
            changed.push(name);
        }
    }
    changed
}

/// Returns the names of the headers with a token in a value. `Host` and the headers of the connection are not looked at: the
/// host that was matched is the one that is forwarded, and the others end here.
fn holders<'h>(headers: &'h HeaderMap, tokens: &'h OperatorTokens) -> impl Iterator<Item = &'h HeaderName> {
    let holding = headers
        .iter()
        .filter(|(_, value)| tokens.are_found_in(value.as_bytes()));
    holding
        .map(|(name, _)| name)
        .filter(|name| !HOP_HEADERS.contains(&name.as_str()))
}
