//! The resource of a request by RFC 3986 alone: an escaped slash is no slash, and an empty segment is a
//! segment. Written without the code of the proxy, so that it can't share its mistakes.

use crate::spellings::{GATED_HOST, GATED_PATH};
use crate::upstream::Recorded;

/// Returns true if a request is for the gated resource: by the host without its port, and the normal form of
/// its path (RFC 3986 section 6.2.2). An absolute target takes precedence over `Host` (RFC 9112 section 3.3).
/// One slash at the end makes no difference, as for the gate.
#[must_use]
pub fn is_gated_by_rfc_3986(recorded: &Recorded) -> bool {
    is_gated(recorded.target(), recorded.header("Host").unwrap_or_default())
}

fn is_gated(target: &str, host: &str) -> bool {
    let (host, rest) = match absolute(target) {
        Some((authority, rest)) => (
            authority.rsplit_once('@').map_or(authority, |(_user, host)| host),
            rest,
        ),
        None => (host, target),
    };
    let path = normal(rest.split(['?', '#']).next().unwrap_or_default());
    host_of(host) == GATED_HOST && path.strip_suffix('/').unwrap_or(&path) == GATED_PATH
}

/// Splits a target with a scheme into its authority and the rest.
fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    let mut characters = scheme.chars();
    let is_scheme = characters.next()?.is_ascii_alphabetic()
        && characters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    is_scheme.then(|| rest.split_at(end))
}

/// Returns the host of an authority without a user. The port, which may be empty, is removed.
fn host_of(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    decode_unreserved(host).to_ascii_lowercase()
}

/// Returns a path with unreserved escapes decoded and dot segments removed (section 5.2.4); empty if it is
/// not absolute.
fn normal(path: &str) -> String {
    let decoded = decode_unreserved(path);
    let Some(segments) = decoded.strip_prefix('/') else {
        return String::new();
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment == ".." {
            kept.pop();
        }
        match segment {
            "." | ".." if segments.peek().is_none() => kept.push(""),
            "." | ".." => {}
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Escapes of letters, digits, `-`, `.`, `_` and `~` decoded (2.3), and no others.
fn decode_unreserved(text: &str) -> String {
    let (mut decoded, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let escaped = rest
            .get(1..3)
            .filter(|_| first == '%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .map(char::from)
            .filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c));
        decoded.push(escaped.unwrap_or(first));
        rest = &rest[if escaped.is_some() { 3 } else { first.len_utf8() }..];
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_uris_are_one_resource() {
        for (target, host) in [
            ("/admin/users", "app.test"),
            ("/admin/users/", "APP.Test:"),
            ("/admin/users?x#y", "app.test:80"),
            ("/%61dmin/user%73", "app%2etest"),
            ("/x/../admin/./users/.", "app.test"),
            ("/x/%2e%2E/admin/users/x/..", "app.test"),
            ("/admin/x//../../users", "app.test"),
            ("http://app.test/admin/users", "other.test"),
            ("HTTP://user@APP.TEST:8080/admin/users?http://x/", "other.test"),
        ] {
            assert!(is_gated(target, host), "{target} {host}");
        }
    }

    #[test]
    fn distinct_uris_are_separate_resources() {
        for (target, host) in [
            ("/admin%2Fusers", "app.test"),
            ("/%2fadmin/users", "app.test"),
            ("/public%2F../admin/users", "app.test"),
            ("//admin/users", "app.test"),
            ("/admin//users", "app.test"),
            ("/admin/users//", "app.test"),
            ("/x//../admin/users", "app.test"),
            ("/%2561dmin/users", "app.test"),
            ("/Admin/users", "app.test"),
            ("/admin;x/users", "app.test"),
            ("/http://app.test/admin/users", "app.test"),
            ("admin/users", "app.test"),
            ("/admin/users", "app.test."),
            ("/admin/users", "user@app.test"),
            ("http://other.test/admin/users", "app.test"),
        ] {
            assert!(!is_gated(target, host), "{target} {host}");
        }
    }
}
