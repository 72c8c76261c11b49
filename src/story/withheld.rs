//! Static tokens of operators in a request that is told about: the proxy removes them before it decides, so the story
//! is that of the request without them.

use config::TokenSource;
use control::RequestQuestion;
use tokens::OperatorTokens;

/// The question without the header lines that the proxy removes; none where it removes none.
pub(super) fn without_operator_tokens(
    question: &RequestQuestion,
    place: &TokenSource,
) -> Option<RequestQuestion> {
    let is_removed = |line: &&(String, String)| {
        let (name, value) = line;
        let is_for_tokens = match place {
            TokenSource::Header(token) => *name == **token,
            TokenSource::Authorization | TokenSource::Cookie(_) => false,
        };
        (name == "authorization" || is_for_tokens) && OperatorTokens::new().are_in(value.as_bytes())
    };
    let removed: Vec<&String> = question
        .headers
        .iter()
        .filter(is_removed)
        .map(|(name, _)| name)
        .collect();
    if removed.is_empty() {
        return None;
    }
    let left = question
        .headers
        .iter()
        .filter(|(name, _)| !removed.contains(&name));
    Some(RequestQuestion {
        headers: left.cloned().collect(),
        ..question.clone()
    })
}
