//! W3C Baggage: adds the enabled flags as members to the header `baggage`, before those of the client.

use std::fmt::Write as _;

use wire::Fields;

/// The name of the header.
pub(crate) const BAGGAGE: &str = "baggage";
/// Prefix of the proxy's member names, before the flag's key.
const PREFIX: &str = "feature.";
/// Maximum of members, which every implementation has to propagate (W3C Baggage section 3.2.1).
const MAX_MEMBERS: usize = 64;
/// Maximum of bytes, which every implementation has to propagate.
const MAX_BYTES: usize = 8192;

/// Returns a member for each flag of `list`, the value of the flags header.
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
            // A subset of the allowed characters that every parser accepts.
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
            let _ = match plain {
                true => write!(members, "{}", char::from(byte)),
                false => write!(members, "%{byte:02X}"),
            };
        }
    }
    members
}

/// Returns the header with the proxy's members, then as many of the client's as fit. A client's member with the
/// proxy's prefix is dropped, in any case of its letters. Returns none if there are no members.
pub(crate) fn merged(ours: &str, fields: &Fields) -> Option<String> {
    let lines = fields
        .values(BAGGAGE)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter(|line| line.is_ascii());
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
    (!value.is_empty()).then_some(value)
}

/// Returns true if the member's name may be read as the proxy's. An application may decode it first, so any
/// percent-encoding counts.
fn is_ours(member: &str) -> bool {
    let name = member.split(['=', ';']).next().unwrap_or_default().trim();
    let start = name.get(..PREFIX.len());
    name.contains('%') || start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests;
