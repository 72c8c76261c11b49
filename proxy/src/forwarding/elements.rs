//! The elements of forwarding headers, read from the right: each proxy appends, so text that a client wrote on the
//! left can't change how a trusted proxy's element is read.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use wire::Fields;

/// Returns the elements of all lines of `name`, the last first; none for one that is not ASCII. Skips empty elements
/// (RFC 9110 section 5.6.1).
pub(super) fn from_the_right<'h>(fields: &'h Fields, name: &'h str) -> impl Iterator<Item = Option<&'h str>> {
    let lines = fields.values(name).rev();
    let elements = lines.flat_map(|line| Elements {
        rest: Some(line),
        by: b',',
    });
    elements
        .filter(|element| !element.is_empty())
        .map(|element| std::str::from_utf8(element).ok().filter(|text| text.is_ascii()))
}

/// Returns the value of a parameter of a `Forwarded` element, without quotes; none if it occurs twice.
pub(super) fn parameter<'e>(element: &'e str, name: &str) -> Option<&'e str> {
    let pairs = Elements {
        rest: Some(element.as_bytes()),
        by: b';',
    };
    let mut values = pairs.filter_map(|pair| {
        let (found, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    });
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Some(quoted.unwrap_or(value))
}

/// Parses an address, with or without a port, IPv6 with or without brackets; none for `unknown`, obfuscated names and
/// anything else.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::from)
    };
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(with_port)
        .or_else(bracketed)?;
    Some(address.to_canonical())
}

/// The trimmed parts of a text between unquoted separators, the last first.
struct Elements<'t> {
    rest: Option<&'t [u8]>,
    by: u8,
}

impl<'t> Iterator for Elements<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let rest = self.rest?;
        let mut quoted = false;
        let separator = rest.iter().rposition(|&byte| {
            quoted ^= byte == b'"';
            byte == self.by && !quoted
        });
        let (before, last) = match separator {
            Some(place) => (rest.get(..place), rest.get(place + 1..)?),
            None => (None, rest),
        };
        self.rest = before;
        Some(last.trim_ascii())
    }
}
