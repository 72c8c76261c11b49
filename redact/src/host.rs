//! Users and passwords of hosts that are written without a scheme, so that their shape alone is not enough: for places
//! where a host may stand.

use std::ops::Range;

use crate::mask::mask_ranges;

/// User and password of a host or URL, with a scheme or without (RFC 3986 section 3.2.1). Where it may be no host, as
/// an address of mail is none, there must be both.
#[must_use]
pub fn user_info(text: &str, is_host: bool) -> Option<Range<usize>> {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let rest = text.get(start..)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let end = match (authority.rfind('@'), authority.split_once(':')) {
        (Some(at), _) => at,
        // A password may hold what ends an authority; a port has digits alone.
        (None, Some((_, port))) if !port.bytes().all(|byte| byte.is_ascii_digit()) => rest.rfind('@')?,
        (None, _) => return None,
    };
    let has_both = rest.get(..end)?.contains(':');
    (is_host || has_both).then_some(start..start + end)
}

/// Users and passwords of hosts, found in the text alone: words with a colon before an `@`.
#[must_use]
pub fn user_infos(text: &str) -> Vec<Range<usize>> {
    let is_edge = |c: char| c.is_whitespace() || "\"'`,{}[]<>()".contains(c);
    let mut at = 0;
    let words = text.split_inclusive(is_edge).map(|word| {
        let start = at;
        at += word.len();
        (start, word)
    });
    let found = words.filter_map(|(start, word)| Some((start, user_info(word, false)?)));
    found
        .map(|(start, part)| start + part.start..start + part.end)
        .collect()
}

/// The text with users and passwords of hosts masked, with a scheme or without.
#[must_use]
pub fn masked_hosts(text: &str) -> String {
    mask_ranges(text, user_infos(text))
}

#[cfg(test)]
mod tests {
    use super::masked_hosts;

    #[test]
    fn user_and_password_of_a_host_are_masked_where_there_are_both() {
        assert_eq!(
            masked_hosts("value 'ops:pw@127.0.0.1:9' for '--server <URL>': http://a:b@c"),
            "value '******@127.0.0.1:9' for '--server <URL>': http://***@c"
        );
        let plain = "ann@example.com, 10:30 http://a:80/@me";
        assert_eq!(masked_hosts(plain), plain);
    }
}
