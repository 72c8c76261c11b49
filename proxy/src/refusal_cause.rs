//! The cause of a refusal for the access log: what the code does not say. It is found from the request after it was
//! refused, so that a request that passes costs nothing, and it is never a part of an answer.

use rules::{Host, InvalidTarget, normalise};
use tokens::Unverified;
use wire::{Fields, RequestHead};

use crate::answer::AnswerCode;
use crate::credential_sources::TokenLookup;
use crate::decider::Decider;
use crate::phase::head;

/// The longest cause, in bytes.
const MAX_CAUSE: usize = 256;
/// The longest value of a token in a cause, in bytes.
const MAX_VALUE: usize = 80;

/// Returns the cause of a refusal with this code; none if the code says all.
pub(crate) fn cause(
    code: AnswerCode,
    head: &RequestHead,
    decider: &Decider,
    body_limit: Option<u64>,
) -> Option<Box<str>> {
    let is = |other: AnswerCode| code.name == other.name;
    let cause = if code.name.starts_with("TOKEN_") || is(AnswerCode::KEYS) {
        of_token(code, &head.fields, decider)
    } else if is(AnswerCode::BODY_TOO_LARGE) {
        body_limit.map(|limit| format!("the limit is {limit} bytes"))
    } else {
        of_head(code, head, decider).or_else(|| of_fields(code))
    };
    Some(bounded(&cause?, MAX_CAUSE).into())
}

/// Returns what is wrong with the head of a request, where its code alone does not say it.
pub(crate) fn of_head(code: AnswerCode, head: &RequestHead, decider: &Decider) -> Option<String> {
    let is = |other: AnswerCode| code.name == other.name;
    if is(AnswerCode::HEAD) {
        let method = head.method();
        let standard = head::standard_in_other_case(method)?;
        return Some(format!(
            "the method `{method}` differs from {standard} only in case"
        ));
    }
    if is(AnswerCode::TARGET) {
        let target = normalise(head.target().as_bytes(), decider.snapshot.routes.target);
        return Some(match target {
            Err(invalid) => invalid.to_string(),
            Ok(target) if target.is_asterisk() => InvalidTarget::Form.to_string(),
            Ok(_) => "the path can be read in too many ways".to_owned(),
        });
    }
    if is(AnswerCode::HOST) {
        let named = head.fields.value("host");
        let named = named.and_then(|host| std::str::from_utf8(host).ok());
        return Some(match named.map(Host::parse) {
            Some(Err(invalid)) => invalid.to_string(),
            _ => "the request names no host, and a route matches on hosts".to_owned(),
        });
    }
    is(AnswerCode::REQUEST).then(|| "`Connection` lists a protected name".to_owned())
}

/// Returns the cause of a refusal of an HTTP/2 head. That of an HTTP/1 head is found while it is read.
fn of_fields(code: AnswerCode) -> Option<String> {
    let causes = [
        (AnswerCode::HEAD, "a field of the head is malformed"),
        (
            AnswerCode::FRAMING,
            "the length of the body is stated in two ways, or is no number",
        ),
        (
            AnswerCode::HEAD_TOO_LARGE,
            "the head is beyond the limits of the listener",
        ),
    ];
    let found = causes.into_iter().find(|(known, _)| known.name == code.name);
    found.map(|(_, cause)| cause.to_owned())
}

/// Returns what is wrong with a token: the values that it claims, and those that are configured.
fn of_token(code: AnswerCode, fields: &Fields, decider: &Decider) -> Option<String> {
    let TokenLookup::Token(text) = decider.credentials.token.find(fields) else {
        return None;
    };
    let token = match Unverified::parse(text.as_str()) {
        Ok(token) => token,
        // It can't be read as far as its issuer.
        Err(rejection) => {
            let bytes = text.as_bytes().len();
            return Some(format!("{} (a token of {bytes} bytes)", rejection.description()));
        }
    };
    let issuer = shown(token.issuer());
    let Ok(known) = decider.issuers.pick(&token) else {
        let known = listed(decider.issuers.iter().map(tokens::Issuer::name));
        return Some(format!("`iss` is {issuer}; configured: {known}"));
    };
    Some(match code.name {
        "TOKEN_WRONG_AUDIENCE" => {
            let audiences = listed(token.audiences());
            let accepted = listed(known.audiences());
            format!("issuer {issuer}: `aud` is {audiences}; configured: {accepted}")
        }
        "TOKEN_UNKNOWN_KEY" => {
            let kid = token.kid().map_or("none".to_owned(), shown);
            format!("issuer {issuer}: `kid` is {kid}, which is none of its keys")
        }
        "TOKEN_ALGORITHM_NOT_ALLOWED" => {
            let algorithms = listed(known.algorithms().iter().map(|algorithm| algorithm.as_str()));
            format!(
                "issuer {issuer}: `alg` is {}; configured: {algorithms}",
                token.algorithm().as_str()
            )
        }
        _ => format!("issuer {issuer}"),
    })
}

/// Returns values in backquotes, as far as there is room for them.
fn listed<'v>(values: impl Iterator<Item = &'v str>) -> String {
    let values: Vec<String> = values.take(4).map(shown).collect();
    match values.is_empty() {
        true => "none".to_owned(),
        false => bounded(&values.join(", "), 2 * MAX_VALUE).to_owned(),
    }
}

/// Returns a value that a client chose, in backquotes, cut and without control characters and secrets.
fn shown(value: &str) -> String {
    // Masked before it is cut: a part of a secret does not look like one.
    let masked = redact::masked(value);
    let masked = redact::masked_hosts(&masked);
    format!("`{}`", bounded(&redact::escaped(&masked), MAX_VALUE))
}

fn bounded(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}
