//! The format of static operator tokens, and a search for them in headers that must not carry one. Their roles and
//! validity are left to the control plane.

use memchr::memmem::Finder;

pub use redact::TOKEN_PREFIX as OPERATOR_TOKEN_PREFIX;

/// The number of random bytes of a static token. They follow the prefix in base64url without padding.
pub const OPERATOR_TOKEN_BYTES: usize = 32;

/// The number of base64url characters of these bytes.
const CHARACTERS: usize = (OPERATOR_TOKEN_BYTES * 8).div_ceil(6);
/// Length of the shortest value that holds a token.
const MIN_VALUE: usize = OPERATOR_TOKEN_PREFIX.len() + CHARACTERS;
/// The most bytes of Basic credentials that are decoded.
const MAX_DECODED: usize = 6 * 1024;

/// A search for static operator tokens in header values.
///
/// Searching allocates nothing and hashes nothing.
#[derive(Debug)]
pub struct OperatorTokens {
    /// Finds the prefix without its `_`, which may be percent-encoded.
    stem: Finder<'static>,
}

impl OperatorTokens {
    /// Prepares a search.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stem: Finder::new(OPERATOR_TOKEN_PREFIX.trim_end_matches('_')),
        }
    }

    /// Returns true if `value` holds a static token: the prefix and exactly 43 characters of base64url, as a
    /// separate word. The word may be percent-encoded (RFC 3986 section 2.1), or be the user or password of
    /// Basic credentials (RFC 7617).
    ///
    /// A JSON web token never matches, whatever its signature is.
    #[must_use]
    pub fn are_found_in(&self, value: &[u8]) -> bool {
        if value.len() < MIN_VALUE {
            return false;
        }
        self.are_in_text(value) || basic(value).is_some_and(|encoded| self.are_in_base64(encoded))
    }

    fn are_in_text(&self, text: &[u8]) -> bool {
        self.stem.find_iter(text).any(|at| {
            let parts = text.split_at_checked(at);
            parts.is_some_and(|(before, rest)| ends_outside_word(before) && begins_with_token(rest))
        })
    }

    fn are_in_base64(&self, encoded: &[u8]) -> bool {
        let mut decoded = [0; MAX_DECODED];
        let length = decode(encoded, &mut decoded);
        decoded
            .get(..length)
            .is_some_and(|decoded| self.are_in_text(decoded))
    }
}

impl Default for OperatorTokens {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns true if a token can begin after these bytes.
fn ends_outside_word(before: &[u8]) -> bool {
    match before {
        // The digits of an escape such as `%20` are not part of the word.
        [.., b'%', high, low] if escaped(*high, *low).is_some() => true,
        // A part of a JSON web token may contain `-` and then anything; such a part follows a dot.
        [.., b'-'] => {
            let is_inner = |byte: &u8| is_base64url(*byte) || *byte == b'.';
            let mut word = before.iter().rev().take_while(|byte| is_inner(byte));
            !word.any(|byte| *byte == b'.')
        }
        [.., last] => !is_base64url(*last) && *last != b'.',
        [] => true,
    }
}

/// Returns true if `rest` begins with a token that ends with its word.
fn begins_with_token(rest: &[u8]) -> bool {
    let mut bytes = unescaped(rest);
    let prefixed = OPERATOR_TOKEN_PREFIX
        .bytes()
        .all(|byte| bytes.next() == Some(byte));
    prefixed
        && (0..CHARACTERS).all(|_| bytes.next().is_some_and(is_base64url))
        && !bytes.next().is_some_and(is_base64url)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Returns the bytes of `text`, percent-decoded once.
fn unescaped(mut text: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        if let [b'%', high, low, after @ ..] = text
            && let Some(byte) = escaped(*high, *low)
        {
            text = after;
            return Some(byte);
        }
        let (first, after) = text.split_first()?;
        text = after;
        Some(*first)
    })
}

/// Returns the byte that `%` and these two digits encode.
fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Returns the encoded part of Basic credentials. The scheme is compared in any case (RFC 9110 section 11.1).
fn basic(value: &[u8]) -> Option<&[u8]> {
    let (scheme, encoded) = value.split_at_checked(b"basic".len())?;
    let encoded_there = scheme.eq_ignore_ascii_case(b"basic") && encoded.first()?.is_ascii_whitespace();
    encoded_there.then_some(encoded)
}

/// Decodes base64 as lenient servers do, and returns the length: either alphabet, and whatever else there is skipped.
/// The `base64` crate refuses what these accept. What is too long for `decoded` is left out.
fn decode(encoded: &[u8], decoded: &mut [u8]) -> usize {
    let (mut pending, mut bits, mut length) = (0_u32, 0_u32, 0);
    for sextet in encoded.iter().filter_map(|byte| sextet(*byte)) {
        pending = pending << 6 | u32::from(sextet);
        bits += 6;
        if bits < 8 {
            continue;
        }
        let Some(place) = decoded.get_mut(length) else {
            break;
        };
        bits -= 8;
        // The lowest 8 of the bits that are whole; those above were written before.
        *place = (pending >> bits & 0xff) as u8;
        length += 1;
    }
    length
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    const TOKEN: &str = "sluice_bm8gcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXMga-Q";

    fn basic_of(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn is_in(value: &str) -> bool {
        OperatorTokens::new().are_found_in(value.as_bytes())
    }

    #[test]
    fn static_token_is_found_anywhere_in_a_value() {
        let escaped = TOKEN.replace('_', "%5F").replace('-', "%2d");
        let spelt = [
            TOKEN.to_owned(),
            format!("Bearer {TOKEN}"),
            format!("BEARER\t{TOKEN}"),
            format!("Token token=\"{TOKEN}\""),
            format!("Token token={TOKEN}, a=b"),
            format!("Bearer:{TOKEN}"),
            format!("Bearer eyJ.e30.a, Bearer {TOKEN}"),
            format!("sluice_x sluice_{TOKEN} {TOKEN}"),
            format!("graphql, bearer-{TOKEN}"),
            format!("sess={TOKEN}; a=b"),
            format!("sess=Bearer%20{TOKEN}; a=b"),
            format!("sess=Bearer%20{escaped}%3B"),
            format!("%7B%22a%22%3A%22{escaped}%22%7D"),
            format!("\u{e9}{TOKEN}\u{e9}"),
            format!("{TOKEN}.example"),
            basic_of(&format!("{TOKEN}:")),
            basic_of(&format!("ann:{TOKEN}")).replace("Basic", "bAsIc  "),
            basic_of(&format!("{}:{TOKEN}", "a".repeat(5_000))),
            basic_of(&format!("ann:{TOKEN}")).trim_end_matches('=').to_owned(),
            basic_of(&format!("ann:{TOKEN}")).replacen("c2", "c 2 ", 1),
            format!(
                "Basic {}",
                URL_SAFE_NO_PAD.encode(format!("\u{fb}?>\u{ff}:{TOKEN}"))
            ),
        ];
        for value in spelt {
            assert!(is_in(&value), "{value}");
        }
    }

    #[test]
    fn other_values_are_not_static_tokens() {
        let (shorter, longer) = (&TOKEN[..TOKEN.len() - 1], format!("{TOKEN}x"));
        let other = [
            String::new(),
            "Bearer sluice_sk".to_owned(),
            "Digest username=\"sluice_ci\", realm=\"a realm that is long enough for a token\"".to_owned(),
            "AWS4-HMAC-SHA256 Credential=sluice_ci/20261120/eu-west-1/s3/aws4_request".to_owned(),
            basic_of("sluice_prod:hunter2 and more than that, so that it is long enough"),
            format!("Bearer {shorter}"),
            format!("Bearer {shorter}!"),
            format!("Bearer {longer}"),
            format!("Bearer {TOKEN}-"),
            format!("Bearer x{TOKEN}"),
            format!("Bearer _{TOKEN}"),
            format!("Bearer {}", TOKEN.replacen('s', "S", 1)),
            format!("Bearer eyJhbGciOiJub25lIn0.e30.{TOKEN}"),
            format!("Bearer eyJhbGciOiJub25lIn0.e30.ab-{TOKEN}"),
            format!("sess=eyJhbGciOiJub25lIn0.e30.a_b-c-{TOKEN}; a=b"),
            basic_of(&format!("ann:eyJhbGciOiJub25lIn0.e30.a-{TOKEN}")),
            basic_of(&format!("ann:{longer}")),
            basic_of(&format!("{}:{TOKEN}", "a".repeat(MAX_DECODED))),
            format!("Basic {}", "!".repeat(100)),
            format!("sess=sluice%5{}", "F".repeat(60)),
            format!("sess=sluice%{}", "%".repeat(60)),
            format!("Bearer {}", "a".repeat(20_000)),
        ];
        for value in other {
            assert!(!is_in(&value), "{value}");
        }
        assert!(!OperatorTokens::new().are_found_in(&[0xff; 100]));
    }
}
