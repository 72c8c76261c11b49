//! W3C Baggage: the flags that are on as members of the header `baggage`, beside those that the client sent.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const BAGGAGE: HeaderName = HeaderName::from_static("baggage");
/// What our members' names begin with; after it comes a flag's key.
const PREFIX: &str = "feature.";
/// The most members of a header, as many as everyone has to pass on (section 3.2.1).
const MAX_MEMBERS: usize = 64;
/// The most bytes of a header, likewise.
const MAX_BYTES: usize = 8192;

/// A member for each flag of `list`, which is the value of the flags header.
pub(crate) fn members(list: &str) -> String {
    let mut members = String::new();
    for item in list.split(", ") {
        let mut parts = item.split(';');
        let key = parts.next().unwrap_or_default();
        let variant = parts
            .find_map(|parameter| parameter.strip_prefix("v="))
            .unwrap_or("on");
        if key.is_empty() || key == "*" {
            continue;
        }
        if !members.is_empty() {
            members.push(',');
        }
        members.push_str(PREFIX);
        members.push_str(key);
        members.push('=');
        for byte in variant.bytes() {
            // Of what a value may have as it stands, what no reader trips over.
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
            let _ = match plain {
                true => write!(members, "{}", char::from(byte)),
                false => write!(members, "%{byte:02X}"),
            };
        }
    }
    members
}

/// The header with our members, and after them as many of those in `headers` as there is room for. A client's
/// member under a name of ours is left out, in whatever case it is written. None where there are no members.
pub(crate) fn merged(ours: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers
        .get_all(BAGGAGE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let theirs = lines.flat_map(|line| line.split(',')).map(str::trim);
    let theirs = theirs.filter(|member| !member.is_empty() && !is_ours(member));
    let ours = ours.split(',').filter(|member| !member.is_empty());
    let mut value = String::new();
    for member in ours.chain(theirs).take(MAX_MEMBERS) {
        if value.len() + 1 + member.len() > MAX_BYTES {
            break;
        }
        if !value.is_empty() {
            value.push(',');
        }
        value.push_str(member);
    }
    HeaderValue::try_from(value)
        .ok()
        .filter(|value| !value.is_empty())
}

/// Whether a member's name may be read as one of ours: an application may decode it first.
fn is_ours(member: &str) -> bool {
    let name = member.split(['=', ';']).next().unwrap_or_default().trim();
    let start = name.get(..PREFIX.len());
    name.contains('%') || start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests;
