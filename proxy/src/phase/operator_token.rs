//! Static tokens of operators, which belong to the admin API: whoever sends one to a public listener has mistaken the
//! port, and the application must not learn it.

use http::header;
use pingora::proxy::Session;
use tokens::holds_operator_token;

use crate::metrics::Metrics;
use crate::serving::Serving;

/// Removes every place for credentials that has such a token in it: `Authorization`, and where the documents look for
/// tokens. From here on the request is one without a token, on whatever way it leaves. Goes by the fixed prefix alone.
pub(crate) fn remove(session: &mut Session, serving: &Serving, metrics: &Metrics) {
    let place = &serving.credentials.token;
    let headers = &session.req_header().headers;
    let mut authorization = headers.get_all(header::AUTHORIZATION).iter();
    let in_authorization = authorization.any(|value| holds_operator_token(value.as_bytes()));
    let in_place = place.values(headers).any(holds_operator_token);
    if !in_authorization && !in_place {
        return;
    }
    metrics.operator_tokens_removed.inc();
    let request = session.req_header_mut();
    // With all its values: which of several is meant can't be known.
    if in_authorization {
        request.remove_header(&header::AUTHORIZATION);
    }
    if in_place {
        place.clear(request);
    }
}
