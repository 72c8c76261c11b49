//! `Connection` in a request that is told about: some of what it may say makes the proxy refuse to forward the request.

use control::RequestQuestion;

/// How many names are refused, however they are spelt.
const TOO_MANY: usize = 10;
/// Names that may not be there.
const PROTECTED: [&str; 4] = ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Returns true if the HTTP layer refuses to forward the request for what `Connection` names.
pub(super) fn is_refused(question: &RequestQuestion) -> bool {
    let values = question.header_values("connection");
    let names: Vec<&str> = values
        .flat_map(|value| value.split(','))
        .map(str::trim_ascii)
        .filter(|name| !name.is_empty())
        .collect();
    let is_protected = |name: &&str| PROTECTED.iter().any(|known| name.eq_ignore_ascii_case(known));
    names.len() >= TOO_MANY
        || names.iter().any(is_protected)
        || names.iter().any(|name| control::check_method(name).is_err())
}
