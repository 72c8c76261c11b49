//! The hosts by which the admin listener may be requested: the protection against DNS rebinding, by which the page of
//! another site reads answers under a name of its own that resolves to this machine.

use std::net::IpAddr;

use crate::Host;

/// The most names of an admin listener.
pub const MAX_ADMIN_HOSTS: usize = 100;

/// The names by which the admin listener may be requested, beside IP addresses and `localhost`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdminHosts(Box<[Box<str>]>);

/// Reasons for refusing a text as a name of the admin listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdminHost {
    /// Not a host.
    #[error("{0}")]
    Host(#[from] crate::InvalidHost),
    /// A port: every port is accepted.
    #[error("a name of the admin listener has no port, this one has {port}")]
    Port {
        /// The port.
        port: u16,
    },
}

impl AdminHosts {
    /// Creates the set of these names, in lower case and without a port, as [`AdminHosts::parse_name`] returns them.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = Box<str>>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Takes `text` as a name, whole or not at all.
    ///
    /// # Errors
    /// The text is not a host, or has a port.
    pub fn parse_name(text: &str) -> Result<Box<str>, InvalidAdminHost> {
        let host = Host::parse(text)?;
        match host.port {
            Some(port) => Err(InvalidAdminHost::Port { port }),
            None => Ok(host.name.into()),
        }
    }

    /// Returns true if a request with these hosts may be answered. `named` has the values of its `Host` headers, and the
    /// authority of an absolute target. A request without a host is answered: a browser always sends one.
    #[must_use]
    pub fn accept<'h>(&self, named: impl IntoIterator<Item = &'h [u8]>) -> bool {
        named.into_iter().all(|host| self.accepts(host))
    }

    /// Returns true for an IP address, which DNS can't redirect, for `localhost`, which always resolves to this machine
    /// (RFC 6761 section 6.3), and for the listed names.
    fn accepts(&self, authority: &[u8]) -> bool {
        let host = std::str::from_utf8(authority).map(Host::parse);
        let Ok(Ok(host)) = host else {
            return false;
        };
        let name = &*host.name;
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        name == "localhost"
            || bare.unwrap_or(name).parse::<IpAddr>().is_ok()
            || self.0.iter().any(|known| **known == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::AdminHosts;

    #[test]
    fn addresses_localhost_and_listed_names_are_accepted() {
        let names = ["Sluice.internal.", "metrics"].map(|name| AdminHosts::parse_name(name).unwrap());
        let hosts = AdminHosts::new(names);
        for host in [
            "127.0.0.1",
            "10.1.2.3:9090",
            "[::1]:9090",
            "[2001:db8::1]",
            "localhost",
            "LOCALHOST:9090",
            "localhost.",
            "sluice.internal",
            "SLUICE.internal.:9090",
            "metrics:80",
        ] {
            assert!(hosts.accept([host.as_bytes()]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "x.sluice.internal",
            "2130706433.example",
            "sluice.internal, evil.example",
            "a b",
        ] {
            assert!(!hosts.accept([host.as_bytes()]), "{host}");
        }
        assert!(!hosts.accept([&b"localhost"[..], b"evil.example"]));
        assert!(!hosts.accept([&b"\xff"[..]]));
        assert!(hosts.accept([]));
        assert!(AdminHosts::parse_name("sluice:9090").is_err());
        assert!(AdminHosts::parse_name("*.internal").is_err());
    }
}
