//! The sources of a request's token and attributes, prepared once for each snapshot.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::RequestHeader;
use rules::AttributeId;

use crate::verified_certificate::CertificateField;

/// The sources of the caller's credentials.
#[derive(Debug)]
pub(crate) struct CredentialSources {
    pub(crate) token: TokenPlace,
    /// The field of a client certificate that names the tenant, if certificates are accepted without a token.
    pub(crate) certificate: Option<CertificateField>,
    /// Attributes that the request itself provides, by the snapshot's ids.
    pub(crate) attributes: Box<[(AttributeId, AttributePlace)]>,
    /// The value of `WWW-Authenticate`: `Bearer realm="..."`.
    pub(crate) challenge: Box<str>,
}

impl CredentialSources {
    /// Returns the names of headers whose whole value is read.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        let token = match &self.token {
            TokenPlace::Header(name) => Some(name),
            TokenPlace::Authorization | TokenPlace::Cookie(_) => None,
        };
        let attributes = self.attributes.iter().filter_map(|(_, place)| match place {
            AttributePlace::Header(name) => Some(name),
            AttributePlace::Cookie(_) | AttributePlace::Client => None,
        });
        token.into_iter().chain(attributes)
    }

    /// Returns the attributes that are read from the client's address.
    pub(crate) fn client_attributes(&self) -> impl Iterator<Item = AttributeId> {
        let attributes = self.attributes.iter();
        attributes.filter_map(|(id, place)| matches!(place, AttributePlace::Client).then_some(*id))
    }
}

/// The place of the token.
#[derive(Debug)]
pub(crate) enum TokenPlace {
    /// `Authorization: Bearer TOKEN`.
    Authorization,
    /// The whole value of a header.
    Header(HeaderName),
    /// The value of a cookie.
    Cookie(Box<str>),
}

/// The place of an attribute.
#[derive(Debug)]
pub(crate) enum AttributePlace {
    Header(HeaderName),
    Cookie(Box<str>),
    /// The client's address.
    Client,
}

/// The result of looking for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenLookup {
    /// No token, or another kind of credential.
    Nothing,
    /// More than one, so the caller is ambiguous.
    Several,
    /// One token.
    Token(FoundToken),
}

/// A token in its header value, which is shared, not copied.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FoundToken {
    header: HeaderValue,
    start: usize,
    end: usize,
}

impl FoundToken {
    /// Returns the token; empty if it is not visible ASCII, which no valid token is.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.header.as_bytes().get(self.start..self.end);
        bytes.and_then(visible).unwrap_or_default()
    }
}

impl std::fmt::Debug for FoundToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FoundToken(..)")
    }
}

impl TokenPlace {
    /// Looks for the token.
    pub(crate) fn find(&self, headers: &HeaderMap) -> TokenLookup {
        match self {
            Self::Authorization => one(headers, &header::AUTHORIZATION, bearer),
            Self::Header(name) => one(headers, name, |value| Some((0, value.len()))),
            Self::Cookie(name) => {
                let mut cookies = cookies(headers, name);
                match (cookies.next(), cookies.next()) {
                    (None, _) => TokenLookup::Nothing,
                    (Some((header, value)), None) => TokenLookup::Token(part_of(header, value)),
                    (Some(_), Some(_)) => TokenLookup::Several,
                }
            }
        }
    }
}

impl TokenPlace {
    /// Returns the name of the header that the token is in.
    pub(crate) fn header(&self) -> &HeaderName {
        match self {
            Self::Authorization => &header::AUTHORIZATION,
            Self::Header(name) => name,
            Self::Cookie(_) => &header::COOKIE,
        }
    }

    /// Returns the name and value of a header with `token` in this place.
    pub(crate) fn line(&self, token: &str) -> (&str, String) {
        let value = match self {
            Self::Authorization => format!("Bearer {token}"),
            Self::Header(_) => token.to_owned(),
            Self::Cookie(name) => format!("{name}={token}"),
        };
        (self.header().as_str(), value)
    }

    /// Returns all values in this place, whether they are tokens or not.
    pub(crate) fn values<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h [u8]> {
        let (header, cookie) = match self {
            Self::Authorization => (Some(&header::AUTHORIZATION), None),
            Self::Header(name) => (Some(name), None),
            Self::Cookie(name) => (None, Some(&**name)),
        };
        let headers_values = header.into_iter().flat_map(|name| headers.get_all(name));
        let cookie_values = cookie.into_iter().flat_map(|name| cookies(headers, name));
        headers_values
            .map(HeaderValue::as_bytes)
            .chain(cookie_values.map(|(_, value)| value))
    }

    /// Removes all values in this place; of cookies only those of this name.
    pub(crate) fn clear(&self, request: &mut RequestHeader) {
        let name = match self {
            Self::Authorization => return drop(request.remove_header(&header::AUTHORIZATION)),
            Self::Header(name) => return drop(request.remove_header(name)),
            Self::Cookie(name) => name.as_bytes(),
        };
        let all = request.headers.get_all(header::COOKIE).iter();
        let left: Vec<Vec<u8>> = all
            .filter_map(|header| without(header.as_bytes(), name))
            .collect();
        request.remove_header(&header::COOKIE);
        for cookies in left {
            // Parts of a valid value, joined by the separator that it had, are a valid value.
            let _ = request.append_header(header::COOKIE, cookies);
        }
    }
}

impl AttributePlace {
    /// Returns the attribute's value. Returns none for a header that occurs twice, because the application may read
    /// either; of several cookies the first counts. `client` is the client's address.
    pub(crate) fn find<'h>(&self, headers: &'h HeaderMap, client: Option<&'h str>) -> Option<&'h str> {
        match self {
            Self::Header(name) => {
                let mut values = headers.get_all(name).iter();
                match (values.next(), values.next()) {
                    (Some(value), None) => value.to_str().ok(),
                    _ => None,
                }
            }
            Self::Cookie(name) => {
                // Most servers read the first of several cookies (RFC 6265 section 4.2.2 sets no order).
                let first = cookies(headers, name).next();
                first.and_then(|(_, value)| visible(value))
            }
            Self::Client => client,
        }
    }
}

/// Finds the token in the only header of this name.
fn one(
    headers: &HeaderMap,
    name: &HeaderName,
    token: impl Fn(&str) -> Option<(usize, usize)>,
) -> TokenLookup {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => TokenLookup::Nothing,
        (Some(_), Some(_)) => TokenLookup::Several,
        (Some(header), None) => match header.to_str() {
            Ok(text) => token(text).map_or(TokenLookup::Nothing, |(start, end)| {
                TokenLookup::Token(FoundToken {
                    header: header.clone(),
                    start,
                    end,
                })
            }),
            Err(_) => TokenLookup::Token(FoundToken {
                header: header.clone(),
                start: 0,
                end: 0,
            }),
        },
    }
}

/// Returns the position of the token in `Bearer TOKEN`, with the scheme in any case (RFC 9110 section 11.1). Another
/// scheme is left to the application.
fn bearer(value: &str) -> Option<(usize, usize)> {
    let scheme = value
        .get(..6)
        .filter(|scheme| scheme.eq_ignore_ascii_case("bearer"))?;
    let rest = value.get(scheme.len()..)?;
    let token = rest.trim_start_matches(' ');
    (rest.is_empty() || token.len() < rest.len()).then_some((value.len() - token.len(), value.len()))
}

/// Returns all cookies of this name with their headers (RFC 6265 section 4.2.1). Parses bytes, because a value that
/// is not ASCII must not hide another cookie that the upstream sees.
fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = (&'h HeaderValue, &'h [u8])> {
    let headers = headers.get_all(header::COOKIE).iter();
    let pairs = headers.flat_map(|header| {
        let pairs = header.as_bytes().split(|&byte| byte == b';');
        pairs.map(move |pair| (header, pair))
    });
    pairs.filter_map(move |(header, pair)| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (found, value) = (pair.get(..equals)?, pair.get(equals + 1..)?.trim_ascii());
        let unquoted = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""));
        (found.trim_ascii() == name.as_bytes()).then_some((header, unquoted.unwrap_or(value)))
    })
}

/// Returns a `Cookie` header without the cookies of this name; none if no other is left.
fn without(cookies: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let is_named =
        |pair: &&[u8]| pair.split(|&byte| byte == b'=').next().map(<[u8]>::trim_ascii) == Some(name);
    let left: Vec<&[u8]> = cookies
        .split(|&byte| byte == b';')
        .filter(|pair| !is_named(pair))
        .collect();
    let left = left.join(&b';').trim_ascii().to_vec();
    (!left.is_empty()).then_some(left)
}

/// Returns `bytes` as text if all are visible ASCII, spaces or tabs, like [`HeaderValue::to_str`].
fn visible(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.bytes()
        .all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
        .then_some(text)
}

/// Returns `part`, a slice of the header, as a token.
fn part_of(header: &HeaderValue, part: &[u8]) -> FoundToken {
    let start = part.as_ptr() as usize - header.as_bytes().as_ptr() as usize;
    FoundToken {
        header: header.clone(),
        start,
        end: start + part.len(),
    }
}

#[cfg(test)]
mod tests;
