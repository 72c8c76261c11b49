//! The request that is explained, as the routes see it.

use rules::{Host, InvalidHost, RequestHead};

use super::Arguments;

/// A header of the request.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

/// Reads `NAME:VALUE`.
pub(super) fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME:VALUE")?;
    Ok(Header {
        name: name.trim().to_ascii_lowercase(),
        value: value.trim().to_owned(),
    })
}

/// Reads a host, with its port if any.
pub(super) fn host(text: &str) -> Result<String, InvalidHost> {
    Host::parse(text).map(|_| text.to_owned())
}

/// Reads a method, a token of RFC 9110 section 5.6.2.
pub(super) fn method(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err("a method is a word such as GET");
    }
    Ok(text.to_owned())
}

/// Whether it is a CORS preflight.
pub(super) fn is_preflight(arguments: &Arguments) -> bool {
    let has = |name: &str| arguments.headers.iter().any(|header| header.name == name);
    arguments.method == "OPTIONS" && has("origin") && has("access-control-request-method")
}

/// The head of the request.
#[derive(Debug)]
pub(super) struct Head<'r> {
    pub(super) host: &'r str,
    pub(super) path: &'r str,
    pub(super) method: &'r str,
    pub(super) headers: &'r [Header],
}

impl RequestHead for Head<'_> {
    fn host(&self) -> &str {
        self.host
    }

    fn path(&self) -> &str {
        self.path
    }

    fn method(&self) -> &str {
        self.method
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|h| h.value.as_bytes())
    }
}
