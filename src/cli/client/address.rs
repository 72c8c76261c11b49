//! The address of a server: `http://HOST:PORT`, `https://HOST:PORT`, or `unix:PATH`.

use std::fmt;
use std::path::PathBuf;

use hyper::Uri;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerAddress {
    /// A host and a port.
    Tcp {
        /// Says if the connection uses TLS.
        scheme: Scheme,
        /// A name or an IP address; an IPv6 address without brackets.
        host: String,
        port: u16,
        /// Host and port as in the URL.
        authority: String,
        /// Prefix of each path, without a trailing slash.
        prefix: String,
    },
    /// A Unix socket on this machine.
    Unix(PathBuf),
}

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl ServerAddress {
    /// Parses the value of `--server`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("a socket is written `unix:PATH`".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(malformed()),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        // Every user of the machine can read a command line.
        if authority.as_str().contains('@') {
            return Err("the URL must not contain credentials: use --token-file or SLUICE_TOKEN".to_owned());
        }
        if uri.query().is_some() {
            return Err("the URL of a server must not have a query".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        Ok(Self::Tcp {
            scheme,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(match scheme {
                Scheme::Http => 80,
                Scheme::Https => 443,
            }),
            authority: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(
            self,
            Self::Tcp {
                scheme: Scheme::Https,
                ..
            }
        )
    }

    /// Returns the value of the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        match self {
            Self::Tcp { authority, .. } => authority,
            Self::Unix(_) => "localhost",
        }
    }

    /// Returns the request target for a path.
    pub(crate) fn target(&self, path: &str) -> String {
        match self {
            Self::Tcp { prefix, .. } => format!("{prefix}{path}"),
            Self::Unix(_) => path.to_owned(),
        }
    }
}

fn malformed() -> String {
    "a server is written http://HOST:PORT, https://HOST:PORT or unix:PATH".to_owned()
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp {
                scheme,
                authority,
                prefix,
                ..
            } => {
                let scheme = match scheme {
                    Scheme::Http => "http",
                    Scheme::Https => "https",
                };
                write!(f, "{scheme}://{authority}{prefix}")
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Percent-encodes a name for a path or a query: everything but unreserved characters (RFC 3986 section 2.3).
pub(crate) fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_url_or_a_socket() {
        for (text, shown, target) in [
            ("http://127.0.0.1:9090", "http://127.0.0.1:9090", "/x"),
            ("http://127.0.0.1:9090/", "http://127.0.0.1:9090", "/x"),
            (
                "https://ops.example/sluice/",
                "https://ops.example/sluice",
                "/sluice/x",
            ),
            ("http://[::1]:9090", "http://[::1]:9090", "/x"),
            ("unix:/run/sluice.sock", "unix:/run/sluice.sock", "/x"),
        ] {
            let server = ServerAddress::parse(text).unwrap();
            assert_eq!(
                (server.to_string().as_str(), server.target("/x").as_str()),
                (shown, target)
            );
        }
        for text in [
            "",
            "127.0.0.1:9090",
            "ftp://a",
            "http://",
            "unix:",
            "http://a?b=c",
            "http://u:p@a",
        ] {
            assert!(ServerAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_in_a_path_is_one_segment() {
        assert_eq!(encoded("dispatch.v2Board"), "dispatch.v2Board");
        assert_eq!(encoded("a/b?c#d%e"), "a%2Fb%3Fc%23d%25e");
    }
}
