//! Users and passwords of hosts written without a scheme, for places where a host may be. Their shape alone
//! is not enough to find them elsewhere.

use std::ops::Range;

use crate::mask::mask_ranges;

/// Returns where user and password of a host or URL are, with a scheme or without (RFC 3986 section 3.2.1). In a text
/// that may be no host, such as an e-mail address, a user alone does not count.
#[must_use]
pub fn user_info(text: &str, is_host: bool) -> Option<Range<usize>> {
    let (start, is_url) = authority_start(text);
    let rest = text.get(start..)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (before_at, port) = (authority.rsplit_once('@'), authority.split_once(':'));
    let end = match (before_at, port) {
        (Some((user, _)), _) if !user.contains(':') => user.len(),
        (None, None) => return None,
        (None, Some((_, port))) if is_port(port) => return None,
        // A password may hold what ends an authority, and `@` as well.
        _ => rest.rfind('@')?,
    };
    let has_both = rest.get(..end)?.contains(':');
    (is_host || is_url || has_both).then_some(start..start + end)
}

/// Returns the start of the authority, and true if the text before it marks a URL. Skips a scheme and any
/// number of slashes and backslashes, as lenient URL parsers do (WHATWG URL Standard, section 4.4).
fn authority_start(text: &str) -> (usize, bool) {
    let scheme = text.split_once(':').and_then(|(before, behind)| {
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next()?;
        // `ops:/pw@host` is a user and a password, so one slash is enough only behind a known scheme.
        let is_known = ["http", "https"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name));
        let is_scheme = behind.starts_with("//") || (is_known && behind.starts_with(['/', '\\']));
        is_scheme.then_some(before.len() + 1)
    });
    let from = scheme.unwrap_or(0);
    let rest = text.get(from..).unwrap_or_default();
    let is_skipped = |c: char| matches!(c, '/' | '\\') || c.is_whitespace() || c.is_control();
    let skipped = rest.len() - rest.trim_start_matches(is_skipped).len();
    (from + skipped, scheme.is_some() || skipped > 1)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Returns the users and passwords of hosts in a text: words with a colon before an `@`.
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

/// Returns the text with users and passwords of hosts masked, with or without a scheme.
#[must_use]
pub fn masked_hosts(text: &str) -> String {
    mask_ranges(text, user_infos(text))
}

#[cfg(test)]
mod tests {
    use super::masked_hosts;

    #[test]
    fn user_and_password_of_a_host_are_masked_together() {
        assert_eq!(
            masked_hosts("value 'ops:pw@127.0.0.1:9' for '--server <URL>': http://a:b@c"),
            "value '******@127.0.0.1:9' for '--server <URL>': http://***@c"
        );
        let plain = "ann@example.com, 10:30 http://a:80/@me https:/a:80/@me /@me";
        assert_eq!(masked_hosts(plain), plain);
    }

    #[test]
    fn a_misspelt_url_hides_its_user_and_password() {
        for prefix in [
            "https:/",
            "HTTPS:/",
            "https:///",
            "https:\\\\",
            "http:\\",
            "http:/\\",
            "h2c://",
            "//",
            "/",
            "\\\\",
            "://",
            ":///",
            "--server=https:/",
        ] {
            for user_info in [
                "ops:summer-holiday",
                ":summer",
                "o:p@ss",
                "o:p@s/s",
                "o:/s",
                "o:70000/s",
            ] {
                let text = format!("{prefix}{user_info}@10.0.0.1:80/k");
                let expected = format!("{prefix}{}@10.0.0.1:80/k", "*".repeat(user_info.len()));
                assert_eq!(masked_hosts(&text), expected);
            }
        }
        // Here the scheme may be the user.
        for text in ["h2c:/o:p", "ops:/p/w", "ops:a://b", "https:o:p"] {
            assert_eq!(
                masked_hosts(&format!("{text}@h")),
                format!("{}@h", "*".repeat(text.len()))
            );
        }
        assert_eq!(
            masked_hosts("https:/token@h //token@h"),
            "https:/*****@h //*****@h"
        );
        assert_eq!(super::user_info("\t//o:p@h", true), Some(3..6));
    }
}
