//! The part of a token that was rejected, beside the part of the configuration that it does not fit. For operators:
//! answers to clients hold no text of a token.

use config::{IssuerConfig, KeySource};
use control::Sender;
use proxy::{IssuerKeys, Unproven};
use rules::Timestamp;
use serde_json::Value;
use tokens::{Claim, Rejection, StatedToken};

use super::input::ExplainInput;
use crate::issuer_keys::issuer_keys;
use crate::printable::printable;

/// The most bytes of a value that are shown.
const MAX_VALUE: usize = 200;
/// The most names that are listed.
const MAX_NAMES: usize = 20;

/// The scheme that people copy with a token.
const SCHEME: &str = "bearer ";

/// Describes the reason why a token proves nothing, with its values; none if there is nothing to add to the code.
pub(super) fn describe(unproven: &Unproven, input: &ExplainInput<'_>) -> Option<String> {
    let text = token(input)?;
    let stated = StatedToken::parse(text);
    let issuer = stated.as_ref().and_then(|stated| issuer_of(stated, input));
    let rejection = match unproven {
        Unproven::NoKeys => return no_keys(issuer?, input),
        Unproven::Rejected(rejection) => rejection,
    };
    if matches!(rejection, Rejection::Malformed) {
        let has_scheme = text
            .get(..SCHEME.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
        return has_scheme.then(|| "remove `Bearer ` from it".to_owned());
    }
    let stated = stated?;
    Some(match rejection {
        Rejection::UnknownIssuer => {
            let issuers = input.gateway.identity.issuers.iter();
            let names = issuers.map(|config| quoted(config.issuer.name()));
            format!(
                "iss is {}; the issuers are {}",
                claim(&stated, "iss"),
                listed(names)
            )
        }
        Rejection::WrongAudience => {
            let audiences = issuer?.issuer.audiences().map(quoted);
            format!(
                "aud is {}; expected is one of {}",
                claim(&stated, "aud"),
                listed(audiences)
            )
        }
        Rejection::UnsupportedAlgorithm | Rejection::AlgorithmNotAllowed => {
            let algorithms = issuer?.issuer.algorithms().iter().map(ToString::to_string);
            let algorithm = header(&stated, "alg");
            format!("alg is {algorithm}; `algorithms` has {}", listed(algorithms))
        }
        Rejection::WrongType => {
            let expected = quoted(issuer?.issuer.required_type()?);
            format!("typ is {}; expected is {expected}", header(&stated, "typ"))
        }
        Rejection::UnknownKey { .. } | Rejection::KeyNotNamed => {
            let keys = issuer_keys(issuer?, input.keys).ok()?;
            format!("kid is {}; {}", header(&stated, "kid"), known_kids(&keys))
        }
        Rejection::Expired => format!("exp is {}", time(&stated, "exp")),
        // `iat` counts only for an issuer with a maximum age.
        Rejection::NotYetValid => format!("nbf is {}, iat is {}", time(&stated, "nbf"), time(&stated, "iat")),
        Rejection::TooOld => format!("iat is {}", time(&stated, "iat")),
        Rejection::MissingClaim { .. } => format!("the claims are {}", names(&stated.claims)),
        Rejection::InvalidClaim { claim: invalid } => {
            let name = registered_name(*invalid)?;
            format!("{name} is {}", claim(&stated, name))
        }
        Rejection::Malformed
        | Rejection::TooLarge
        | Rejection::RepeatedName
        | Rejection::CriticalHeader
        | Rejection::BadSignature => return None,
    })
}

/// Describes what a verified token has at the place of the tenant.
pub(super) fn describe_tenant(input: &ExplainInput<'_>) -> Option<String> {
    let stated = StatedToken::parse(token(input)?)?;
    let path = issuer_of(&stated, input)?.issuer.tenant_claim();
    Some(match path.resolve(&stated.claims) {
        None | Some(Value::Null) => format!(
            "no string at {}; the claims are {}",
            printable(path.as_str()),
            names(&stated.claims)
        ),
        Some(found) => format!("{} is {}", printable(path.as_str()), shown(found)),
    })
}

/// Returns the token of the request: the stated one, or that of the header `Authorization`.
fn token<'i>(input: &ExplainInput<'i>) -> Option<&'i str> {
    if let Sender::Token(token) = &input.question.sender {
        return Some(token.trim());
    }
    let value = input.question.header_values("authorization").next()?;
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}

fn issuer_of<'i>(stated: &StatedToken, input: &ExplainInput<'i>) -> Option<&'i IssuerConfig> {
    let name = stated.claims.get("iss")?.as_str()?;
    let mut issuers = input.gateway.identity.issuers.iter();
    issuers.find(|config| config.issuer.name() == name)
}

/// Describes why there are no keys of an issuer.
fn no_keys(issuer: &IssuerConfig, input: &ExplainInput<'_>) -> Option<String> {
    let KeySource::Url { url, .. } = &issuer.keys else {
        return None;
    };
    let status = issuer_keys(issuer, input.keys)
        .ok()
        .and_then(|keys| keys.status());
    let failure = status.and_then(|status| status.last_failure);
    let reason = failure.map_or_else(|| "no fetch has ended yet".to_owned(), |(_, error)| error);
    Some(printable(&format!("{url}: {reason}")))
}

fn known_kids(keys: &IssuerKeys) -> String {
    let Some(set) = keys.current() else {
        return "no key is known".to_owned();
    };
    let mut kids: Vec<&str> = set.kids().collect();
    kids.sort_unstable();
    match kids.is_empty() {
        true => format!("the issuer has {} keys, none with a kid", set.len()),
        false => format!("the known ones are {}", listed(kids.into_iter().map(quoted))),
    }
}

/// Returns the name of a claim that is not mapped.
fn registered_name(claim: Claim) -> Option<&'static str> {
    Some(match claim {
        Claim::Issuer => "iss",
        Claim::Audience => "aud",
        Claim::ExpiresAt => "exp",
        Claim::NotBefore => "nbf",
        Claim::IssuedAt => "iat",
        Claim::Groups | Claim::Attribute => return None,
    })
}

fn claim(stated: &StatedToken, name: &str) -> String {
    stated.claims.get(name).map_or_else(|| "absent".to_owned(), shown)
}

fn header(stated: &StatedToken, name: &str) -> String {
    stated.header.get(name).map_or_else(|| "absent".to_owned(), shown)
}

/// Returns a time in seconds since 1970 as a date.
fn time(stated: &StatedToken, name: &str) -> String {
    let seconds = stated.claims.get(name).and_then(Value::as_f64);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a time with a fraction is shown in whole seconds"
    )]
    let seconds = seconds.map(|seconds| seconds as i64);
    match seconds {
        Some(seconds) => control::time_text(Timestamp(seconds.saturating_mul(1_000))),
        None => claim(stated, name),
    }
}

fn names(claims: &Value) -> String {
    let claims = claims.as_object().into_iter().flatten();
    listed(claims.map(|(name, _)| printable(name)))
}

fn quoted(text: &str) -> String {
    shown(&Value::from(text))
}

/// Returns a value as JSON on one line, cut if it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let cut = text.floor_char_boundary(MAX_VALUE);
    let mark = if cut < text.len() { ".." } else { "" };
    format!("{}{mark}", printable(text.get(..cut).unwrap_or_default()))
}

/// Joins names with commas. Names beyond [`MAX_NAMES`] are counted.
fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
