//! The id of a request: the one in its headers if it is safe to log, or a random one.

use std::fmt::Write as _;

use aws_lc_rs::rand;
use axum::http::HeaderMap;

use super::common_headers::REQUEST_ID;

/// The longest id that is accepted.
const MAX_ID_BYTES: usize = 128;

/// Returns the id in the headers if it is valid, or a random one of 32 hex digits.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let mut given = headers.get_all(REQUEST_ID).iter();
    match (given.next().and_then(|id| id.to_str().ok()), given.next()) {
        (Some(id), None) if is_valid(id) => id.to_owned(),
        _ => random_id(),
    }
}

fn is_valid(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/+=".contains(&byte);
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_allowed)
}

fn random_id() -> String {
    let mut random = [0_u8; 16];
    // If there is no randomness, the id is all zeros; it only serves to find log lines.
    let _ = rand::fill(&mut random);
    random.iter().fold(String::with_capacity(32), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_id_is_kept_and_an_invalid_one_replaced() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            request_id(&headers)
        };
        assert_eq!(with("change-4711"), "change-4711");
        for invalid in ["", "a b", "a\"b", &"x".repeat(129)] {
            assert_eq!(with(invalid).len(), 32, "{invalid}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
