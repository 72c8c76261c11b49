//! Removal of operators' static tokens, which belong to the admin API. A client that sends one to a public listener
//! has the wrong port, and the application must not receive it.

use http::{HeaderMap, HeaderName};
use pingora::http::RequestHeader;
use rules::HOP_HEADERS;
use tokens::OperatorTokens;

use crate::credential_sources::TokenPlace;

/// Removes each header with such a token, with all its values, because the application may read any of them. If
/// tokens are expected in a cookie, only that cookie is removed. Returns the names of the changed headers.
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

/// Returns the names of the headers with a token. Skips `Host`, whose matched value is forwarded, and hop-by-hop
/// headers, which are not forwarded.
fn holders<'h>(headers: &'h HeaderMap, tokens: &'h OperatorTokens) -> impl Iterator<Item = &'h HeaderName> {
    let holding = headers
        .iter()
        .filter(|(_, value)| tokens.are_found_in(value.as_bytes()));
    holding
        .map(|(name, _)| name)
        .filter(|name| !HOP_HEADERS.contains(&name.as_str()))
}
