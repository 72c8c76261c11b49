//! The `traceparent` of a client (W3C Trace Context section 3.2).

use wire::Fields;

/// Returns the client's `traceparent`, if it sent exactly one.
pub(crate) fn only_parent(fields: &Fields) -> Option<&str> {
    let mut given = fields.values("traceparent");
    match (given.next(), given.next()) {
        (Some(parent), None) => std::str::from_utf8(parent).ok(),
        _ => None,
    }
}

/// Returns trace id and flags of a valid `traceparent` (W3C Trace Context section 3.2).
pub(crate) fn continued(parent: &str) -> Option<(&str, &str)> {
    let mut parts = parent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let valid = known && hex(trace, 32) && some(trace) && hex(span, 16) && some(span) && hex(flags, 2);
    valid.then_some((trace, flags))
}

#[cfg(test)]
mod tests;
