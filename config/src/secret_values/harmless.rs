//! Texts that are clearly not secrets, by the field that they are in. Reports show them, so that an operator can see
//! the mistake. docs/security.md lists them.

use std::net::{IpAddr, SocketAddr};

use redact::looks_random;

/// The maximum length of a word that is shown, in letters.
const LONGEST_WORD: usize = 12;
/// The maximum length of a number in a duration, in digits.
const LONGEST_NUMBER: usize = 20;
/// The maximum length of an algorithm's name, such as `RSASSA-PKCS1-v1_5-SHA256`.
const LONGEST_ALGORITHM: usize = 24;

/// Units of time, without a plural `s`.
const UNITS: [&str; 20] = [
    "s",
    "m",
    "h",
    "d",
    "w",
    "y",
    "ms",
    "us",
    "ns",
    "sec",
    "min",
    "hr",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
];
/// Numbers as words.
const NUMBERS: [&str; 25] = [
    "a", "an", "half", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "twelve", "fifteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    "hundred", "thousand",
];
/// Parts of the names of algorithms, without digits.
const ALGORITHMS: [&str; 20] = [
    "rsa", "rsassa", "rs", "ps", "pss", "es", "hs", "ed", "ecdsa", "eddsa", "dsa", "ec", "hmac", "sha",
    "pkcs", "p", "secp", "k", "v", "none",
];
/// Extensions of files with keys or tokens.
const EXTENSIONS: [&str; 13] = [
    "yaml", "yml", "json", "jwks", "jwk", "pem", "key", "pub", "crt", "cer", "cert", "der", "txt",
];
/// Words of the names of files with keys or tokens, without a plural `s`.
const FILE_WORDS: [&str; 12] = [
    "key",
    "jwk",
    "jwks",
    "pem",
    "cert",
    "certificate",
    "public",
    "private",
    "token",
    "secret",
    "operator",
    "file",
];

/// Returns true for one word of at most 12 letters, in lower case or with a capital first letter.
pub(super) fn is_word(text: &str) -> bool {
    let rest = text
        .strip_prefix(|c: char| c.is_ascii_uppercase())
        .unwrap_or(text);
    text.len() <= LONGEST_WORD && is_lower(rest)
}

/// Returns true for a text that is close to an RFC 3339 time: digits in groups.
pub(super) fn is_time(text: &str) -> bool {
    /// The maximum length of a group: a fraction of a second in nanoseconds.
    const LONGEST_GROUP: usize = 9;
    let mut groups = text.split(['-', ':', '.', '+', ' ', 'T', 't', 'Z', 'z', '/']);
    text.contains(['-', ':', '/']) && groups.all(|group| group.len() <= LONGEST_GROUP && is_digits(group))
}

/// Returns true for numbers with units of time, in digits or words: `5 minutes`, `1h 30m`, `thirty seconds`.
pub(super) fn is_duration(text: &str) -> bool {
    let mut has_unit = false;
    let mut words = text.split([' ', '-', '_']).filter(|word| !word.is_empty());
    let are_known = words.all(|word| {
        let digits = word
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(word.len());
        let (number, unit) = word.split_at(digits);
        has_unit = is_listed(unit, &UNITS);
        number.len() <= LONGEST_NUMBER && (has_unit || unit.is_empty() || is_listed(word, &NUMBERS))
    });
    are_known && has_unit
}

/// Returns true for a text that consists of parts of names of algorithms, such as `RSA-SHA256`.
pub(super) fn is_algorithm(text: &str) -> bool {
    let mut parts = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|part| !part.is_empty());
    text.len() <= LONGEST_ALGORITHM && parts.all(|part| is_listed(part, &ALGORITHMS))
}

/// Returns true for an IP address or a host, with or without a port and with or without `http://` before it.
pub(super) fn is_address(text: &str) -> bool {
    let text = text.trim();
    let host = behind_scheme(text).map_or(text, |rest| rest.trim_end_matches('/'));
    host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() || is_host(host)
}

/// Returns true for an http or https URL whose query does not look random. It may contain a user and a password,
/// which are masked separately.
pub(super) fn is_url(text: &str) -> bool {
    let authority = behind_scheme(text.trim()).and_then(|rest| rest.split(['/', '?', '#']).next());
    let host = authority.map(|authority| authority.rsplit('@').next().unwrap_or(authority));
    let query = text.split_once(['?', '#']).map_or("", |(_, query)| query);
    host.is_some_and(is_address) && !looks_random(query)
}

/// Returns true for the name or path of a file with keys or tokens: `operators.yaml`, `production-public-keys`.
pub(super) fn is_file(text: &str) -> bool {
    if let Some((path, extension)) = text.rsplit_once('.') {
        return is_listed(extension, &EXTENSIONS) && !looks_random(path) && !path.contains([' ', ':', '=']);
    }
    let mut words = text.split(['-', '_']);
    words.clone().all(is_lower) && words.any(|word| is_listed(word, &FILE_WORDS))
}

/// Returns true for a host with or without a port: one word, or labels that are joined by dots.
fn is_host(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    let is_label = |label: &str| {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_part)
    };
    is_digits(port)
        && port.parse::<u16>().is_ok()
        && (is_word(host) || (host.contains('.') && host.split('.').all(is_label)))
}

fn behind_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    is_listed(scheme, &["http"]).then_some(rest)
}

/// Returns true if a word or its singular is among these, ignoring case.
fn is_listed(word: &str, known: &[&str]) -> bool {
    let singular = word.strip_suffix(['s', 'S']).unwrap_or(word);
    let is = |known: &&str| known.eq_ignore_ascii_case(word) || known.eq_ignore_ascii_case(singular);
    known.iter().any(is)
}

fn is_lower(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that are secrets in every field.
    const SECRETS: [&str; 8] = [
        "summer-holiday",
        "Zq81xkLw09TTabbcc7",
        "correct horse battery",
        "ops:summer-holiday@a:80",
        "hunter2",
        "3q2PXw8dRk1mZb9YaB.key",
        "Summer-2026",
        "p4ssw0rd!",
    ];

    fn check(is_harmless: fn(&str) -> bool, harmless: &[&str]) {
        for text in harmless {
            assert!(is_harmless(text), "{text}");
        }
        for text in SECRETS {
            assert!(!is_harmless(text), "{text}");
        }
    }

    #[test]
    fn field_distinguishes_harmless_texts_from_secrets() {
        assert!(!is_url("https://login.example/keys?sig=3q2PXw8dRk1mZb9YaB"));
        check(is_word, &["forever", "Disabled"]);
        check(
            is_time,
            &["2027-13-01T00:00:00Z", "2027/01/01", "01.01.2027 10:00"],
        );
        check(
            is_duration,
            &[
                "5 minutes",
                "12 hours",
                "thirty seconds",
                "99999999999999999d",
                "1h 30m 10s",
                "half an hour",
                "1.5h",
            ],
        );
        check(is_algorithm, &["RSA-SHA256", "rsassa-pss-sha512", "ECDSA_P256"]);
        check(
            is_address,
            &[
                "127.0.0.1:9090",
                "[::1]:9090",
                "localhost:9090",
                "admin.example:80",
                "http://127.0.0.1:9090/",
            ],
        );
        check(
            is_url,
            &[
                "https://login.example/3q2PXw8dRk1mZb9YaB/keys ",
                "HTTP://a:80",
                "https://o:p@h/k",
            ],
        );
        check(
            is_file,
            &["operators.yaml", "keys/prod.pem", "production-public-keys"],
        );
    }
}
