//! Static tokens of operators, which belong to the admin API: whoever sends one to a public listener has mistaken the
//! port, and the application must not learn it.

use http::{HeaderMap, HeaderName};
use pingora::proxy::Session;
use rules::HOP_HEADERS;
use tokens::OperatorTokens;

use crate::serving::Serving;
use crate::shared::Shared;

/// Removes every header with such a token in one of its values, with all its values: which of several is meant can't be
/// known. Of cookies in which the documents look for tokens, only those of that name. From here on the request is one
/// without a token, on whatever way it leaves.
pub(crate) fn remove(session: &mut Session, serving: &Serving, shared: &Shared) {
    let tokens = &shared.operator_tokens;
    let headers = &session.req_header().headers;
    if holders(headers, tokens).next().is_none() {
        return;
    }
    shared.metrics.operator_tokens_removed.inc();
    let place = &serving.credentials.token;
    let in_place = place.values(headers).any(|value| tokens.are_in(value));
    let request = session.req_header_mut();
    if in_place {
        place.clear(request);
    }
    let holders: Vec<HeaderName> = holders(&request.headers, tokens).cloned().collect();
    for name in &holders {
        request.remove_header(name);
    }
}

/// The names of the headers with a token in a value. `Host` and the headers of the connection are not looked at: the
/// host that was matched is the one that is forwarded, and the others end here.
fn holders<'h>(headers: &'h HeaderMap, tokens: &'h OperatorTokens) -> impl Iterator<Item = &'h HeaderName> {
    let holding = headers
        .iter()
        .filter(|(_, value)| tokens.are_in(value.as_bytes()));
    holding
        .map(|(name, _)| name)
        .filter(|name| !HOP_HEADERS.contains(&name.as_str()))
}
