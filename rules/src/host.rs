//! Hosts of requests in one spelling, and host patterns of routes.

use std::{borrow::Cow, fmt, net::Ipv6Addr};

/// Longest host name, in bytes (RFC 1035 2.3.4).
pub const MAX_HOST: usize = 253;
/// Longest label of a host name, in bytes (RFC 1035 2.3.4).
pub const MAX_LABEL: usize = 63;

/// The host and port of a request: of its Host header (RFC 9110 7.2), `:authority` or absolute target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host<'a> {
    /// The name in lower case, without a trailing dot; an IPv6 address in brackets and in the spelling of RFC
    /// 5952. Borrowed if it was sent in this form.
    pub name: Cow<'a, str>,
    /// The port, if it was named. `example.com:` names none.
    pub port: Option<u16>,
}

/// Reasons for refusing a text as a host with an optional port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// No name.
    #[error("the host is empty")]
    Empty,
    /// `user@host`: refused, because two readers may differ about where the host begins (RFC 9110 4.2.4).
    #[error("the host has user information")]
    UserInfo,
    /// A character outside letters, digits, `-`, `_` and `.`; names beyond ASCII travel as `xn--` labels.
    #[error("a host can only contain letters, digits, `-`, `_` and `.`, not {found:?}")]
    Character {
        /// The first such character.
        found: char,
    },
    /// An empty label between two dots, or before the first.
    #[error("the host has an empty label")]
    EmptyLabel,
    /// A label longer than [`MAX_LABEL`].
    #[error("a label of a host has at most {MAX_LABEL} bytes, this one has {length}")]
    LabelTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Longer than [`MAX_HOST`].
    #[error("a host has at most {MAX_HOST} bytes, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// An invalid port after the colon.
    #[error("the port is not a number from 0 to 65535")]
    Port,
    /// Brackets without an IPv6 address; an address with a zone is refused, too.
    #[error("the brackets of the host do not contain an IPv6 address")]
    Address,
}

/// The hosts of a route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This one.
    Exact(Box<str>),
    /// Every host that ends in a dot and this suffix, with one or more labels before it, like `*.example.com`
    /// in Gateway API. Not the suffix itself.
    Wildcard(Box<str>),
    /// Every host, and requests without one (HTTP/1.0).
    Any,
}

/// Reasons for refusing a text as a host pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostPattern {
    /// Not a host.
    #[error("{0}")]
    Host(InvalidHost),
    /// A port: routes differ by host, not by port.
    #[error("a host pattern has no port, this one has {port}")]
    Port {
        /// The port.
        port: u16,
    },
    /// A star that is neither the whole pattern nor its first label.
    #[error("`*` can only be the whole host or the first label, as in `*.example.com`")]
    Star,
}

impl<'a> Host<'a> {
    /// Takes `authority` (`host`, `host:port`, `[v6]`, `[v6]:port`) as a host.
    pub fn parse(authority: &'a str) -> Result<Self, InvalidHost> {
        let special = authority.bytes().position(|byte| matches!(byte, b'@' | b':'));
        let rest = special.and_then(|place| authority.as_bytes().get(place..));
        if rest.is_some_and(|rest| rest.contains(&b'@')) {
            return Err(InvalidHost::UserInfo);
        }
        if let Some(rest) = authority.strip_prefix('[') {
            return Self::parse_address(authority, rest);
        }
        // Without an `@`, the special character is a colon.
        let (name, port) = match special.and_then(|colon| authority.split_at_checked(colon)) {
            Some((name, port)) => (name, parse_port(port.get(1..).unwrap_or_default())?),
            None => (authority, None),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        check_name(name)?;
        let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
        let name = if upper {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        Ok(Self { name, port })
    }

    /// Reads `[v6]` and `[v6]:port`, where `rest` is what follows the bracket.
    fn parse_address(authority: &'a str, rest: &str) -> Result<Self, InvalidHost> {
        let (address, port) = rest.split_once(']').ok_or(InvalidHost::Address)?;
        let spelled = address.parse::<Ipv6Addr>().map_err(|_| InvalidHost::Address)?;
        let port = match port.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if port.is_empty() => None,
            None => return Err(InvalidHost::Port),
        };
        let canonical = format!("[{spelled}]");
        let name = match authority.get(..canonical.len()) {
            Some(sent) if sent == canonical => Cow::Borrowed(sent),
            _ => Cow::Owned(canonical),
        };
        Ok(Self { name, port })
    }
}

impl HostPattern {
    /// Takes `text` (`example.com`, `*.example.com`, `*`) as a pattern; case and a trailing dot don't matter.
    pub fn parse(text: &str) -> Result<Self, InvalidHostPattern> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let suffix = text.strip_prefix("*.");
        let given = suffix.unwrap_or(text);
        if given.contains('*') || suffix.is_some_and(|suffix| suffix.starts_with('[')) {
            return Err(InvalidHostPattern::Star);
        }
        let host = Host::parse(given).map_err(InvalidHostPattern::Host)?;
        if let Some(port) = host.port {
            return Err(InvalidHostPattern::Port { port });
        }
        let name = host.name.into_owned().into_boxed_str();
        Ok(if suffix.is_some() {
            Self::Wildcard(name)
        } else {
            Self::Exact(name)
        })
    }

    /// Returns true if the pattern matches `host`, a [`Host::name`] or empty.
    #[must_use]
    pub fn is_match(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *host,
            Self::Wildcard(suffix) => host
                .strip_suffix(&**suffix)
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            Self::Any => true,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

fn parse_port(text: &str) -> Result<Option<u16>, InvalidHost> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > 5 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidHost::Port);
    }
    text.parse().map(Some).map_err(|_| InvalidHost::Port)
}

/// Returns true for a valid name, in one pass: nearly every name is one.
fn is_name(name: &str) -> bool {
    let mut label = 0;
    for byte in name.bytes() {
        match byte {
            b'.' if label > 0 => label = 0,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' if label < MAX_LABEL => label += 1,
            _ => return false,
        }
    }
    label > 0 && name.len() <= MAX_HOST
}

fn check_name(name: &str) -> Result<(), InvalidHost> {
    match is_name(name) {
        true => Ok(()),
        false => check_parts(name),
    }
}

/// Checks a name like [`is_name`], and returns the reason why it is invalid.
#[cold]
fn check_parts(name: &str) -> Result<(), InvalidHost> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() {
        return Err(InvalidHost::Empty);
    }
    if let Some(at) = name.bytes().position(|byte| !allowed(byte)) {
        let found = name.get(at..).and_then(|rest| rest.chars().next());
        return Err(InvalidHost::Character {
            found: found.unwrap_or(char::REPLACEMENT_CHARACTER),
        });
    }
    if name.len() > MAX_HOST {
        return Err(InvalidHost::TooLong { length: name.len() });
    }
    for label in name.as_bytes().split(|&byte| byte == b'.') {
        match label.len() {
            0 => return Err(InvalidHost::EmptyLabel),
            length if length > MAX_LABEL => return Err(InvalidHost::LabelTooLong { length }),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
