//! Static tokens of operators in a request that is told about: the proxy removes them before it decides, so the story
//! is that of the request without them.

use config::TokenSource;
use control::{RequestQuestion, Sender};
use rules::HOP_HEADERS;
use tokens::OperatorTokens;

/// A question without what the proxy removes.
pub(super) struct Withheld {
    pub(super) question: RequestQuestion,
    /// The removed headers, for people.
    pub(super) note: String,
}

/// The question without the headers that the proxy removes; none where it removes none.
pub(super) fn without_operator_tokens(question: &RequestQuestion, place: &TokenSource) -> Option<Withheld> {
    let tokens = OperatorTokens::new();
    let mut headers = question.headers.clone();
    let mut removed: Vec<String> = Vec::new();
    if let TokenSource::Cookie(name) = place
        && cookies(&headers, name).any(|value| tokens.are_in(value.as_bytes()))
    {
        headers = headers
            .into_iter()
            .filter_map(|line| without_cookie(line, name))
            .collect();
        removed.push(format!("cookie {name}"));
    }
    let holders: Vec<String> = headers
        .iter()
        .filter(|(name, value)| tokens.are_in(value.as_bytes()) && !HOP_HEADERS.contains(&name.as_str()))
        .map(|(name, _)| name.clone())
        .collect();
    headers.retain(|(name, _)| !holders.contains(name));
    for name in holders {
        if !removed.contains(&name) {
            removed.push(name);
        }
    }
    if removed.is_empty() {
        return None;
    }
    let of_token = |name: &String| match place {
        TokenSource::Authorization => name == "authorization",
        TokenSource::Header(token) => **name == **token,
        TokenSource::Cookie(_) => name.starts_with("cookie"),
    };
    // A token that was given beside one that is removed goes with it.
    let sender = match &question.sender {
        Sender::Token(_) if removed.iter().any(of_token) => Sender::Unnamed,
        sender => sender.clone(),
    };
    let note = format!(
        "removed, as it holds a static token of an operator, which belongs to the admin API: {}",
        removed.join(", ")
    );
    let question = RequestQuestion {
        headers,
        sender,
        ..question.clone()
    };
    Some(Withheld { question, note })
}

/// The values of the cookies of this name.
fn cookies<'h>(headers: &'h [(String, String)], name: &'h str) -> impl Iterator<Item = &'h str> {
    let lines = headers.iter().filter(|(header, _)| header == "cookie");
    let pairs = lines.flat_map(|(_, value)| value.split(';'));
    pairs.filter_map(move |pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then_some(value)
    })
}

/// A line of headers without the cookies of this name; none where no other is left.
fn without_cookie((header, value): (String, String), name: &str) -> Option<(String, String)> {
    if header != "cookie" {
        return Some((header, value));
    }
    let is_named = |pair: &&str| pair.split('=').next().map(str::trim) == Some(name);
    let left: Vec<&str> = value.split(';').filter(|pair| !is_named(pair)).collect();
    let left = left.join(";").trim().to_owned();
    (!left.is_empty()).then_some((header, left))
}
