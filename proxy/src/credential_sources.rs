//! The sources of a request's token and attributes, prepared once for each snapshot.

use rules::{AttributeId, Decimal, Value};
use wire::Fields;

use crate::verified_certificate::CertificateField;

/// The sources of the caller's credentials.
#[derive(Debug)]
pub(crate) struct CredentialSources {
    pub(crate) token: TokenPlace,
    /// The field of a client certificate that names the tenant, if certificates are accepted without a token.
    pub(crate) certificate: Option<CertificateField>,
    /// Attributes that the request itself provides, by the snapshot's ids.
    pub(crate) attributes: Box<[RequestAttribute]>,
    /// The value of `WWW-Authenticate`: `Bearer realm="..."`.
    pub(crate) challenge: Box<str>,
}

impl CredentialSources {
    /// Returns the names of headers whose whole value is read.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        let token = match &self.token {
            TokenPlace::Header(name) => Some(&**name),
            TokenPlace::Authorization | TokenPlace::Cookie(_) => None,
        };
        let places = self.attributes.iter().map(|attribute| &attribute.place);
        let attributes = places.filter_map(|place| match place {
            AttributePlace::Header(name) => Some(&**name),
            AttributePlace::Cookie(_) | AttributePlace::Client => None,
        });
        token.into_iter().chain(attributes)
    }

    /// Returns the names of all headers that are read, cookies included. Some occur twice.
    pub(crate) fn varying_headers(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.iter();
        let attributes = attributes.filter_map(|attribute| match &attribute.place {
            AttributePlace::Header(name) => Some(&**name),
            AttributePlace::Cookie(_) => Some(COOKIE),
            AttributePlace::Client => None,
        });
        std::iter::once(self.token.header()).chain(attributes)
    }

    /// Returns the attributes that are read from the client's address.
    pub(crate) fn client_attributes(&self) -> impl Iterator<Item = AttributeId> {
        let attributes = self.attributes.iter();
        let of_client = attributes.filter(|attribute| matches!(attribute.place, AttributePlace::Client));
        of_client.map(|attribute| attribute.id)
    }
}

/// The place of the token.
#[derive(Debug)]
pub(crate) enum TokenPlace {
    /// `Authorization: Bearer TOKEN`.
    Authorization,
    /// The whole value of a header, by its lower-case name.
    Header(Box<str>),
    /// The value of a cookie.
    Cookie(Box<str>),
}

/// An attribute that the request itself provides.
#[derive(Debug)]
pub(crate) struct RequestAttribute {
    /// The snapshot's id.
    pub(crate) id: AttributeId,
    pub(crate) place: AttributePlace,
    pub(crate) parsed: ParsedAs,
}

/// The type that the text of an attribute is parsed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParsedAs {
    Text,
    Number,
    Boolean,
}

/// The place of an attribute.
#[derive(Debug)]
pub(crate) enum AttributePlace {
    /// The value of a header, by its lower-case name.
    Header(Box<str>),
    Cookie(Box<str>),
    /// The client's address.
    Client,
}

/// The result of looking for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenLookup<'f> {
    /// No token, or another kind of credential.
    Nothing,
    /// More than one, so the caller is ambiguous.
    Several,
    /// One token.
    Token(FoundToken<'f>),
}

/// A token in a header of the request, as it was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundToken<'f>(&'f [u8]);

impl<'f> FoundToken<'f> {
    /// Returns the bytes of the token, which may be no text.
    pub(crate) fn as_bytes(self) -> &'f [u8] {
        self.0
    }

    /// Returns the token as text; empty if it is not ASCII, which no valid token is.
    pub(crate) fn as_str(self) -> &'f str {
        visible(self.0).unwrap_or_default()
    }
}

impl std::fmt::Debug for FoundToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FoundToken(..)")
    }
}

/// The name of the header with the token, unless the operator sets another.
const AUTHORIZATION: &str = "authorization";
const COOKIE: &str = "cookie";

impl TokenPlace {
    /// Looks for the token.
    pub(crate) fn find<'f>(&self, fields: &'f Fields) -> TokenLookup<'f> {
        match self {
            Self::Authorization => one(fields, AUTHORIZATION, bearer),
            Self::Header(name) => one(fields, name, Some),
            Self::Cookie(name) => {
                let mut cookies = cookies(fields, name);
                match (cookies.next(), cookies.next()) {
                    (None, _) => TokenLookup::Nothing,
                    (Some(value), None) => TokenLookup::Token(FoundToken(value)),
                    (Some(_), Some(_)) => TokenLookup::Several,
                }
            }
        }
    }

    /// Returns the lower-case name of the header that the token is in.
    pub(crate) fn header(&self) -> &str {
        match self {
            Self::Authorization => AUTHORIZATION,
            Self::Header(name) => name,
            Self::Cookie(_) => COOKIE,
        }
    }

    /// Returns the name and value of a header with `token` in this place.
    pub(crate) fn line(&self, token: &str) -> (&str, String) {
        let value = match self {
            Self::Authorization => format!("Bearer {token}"),
            Self::Header(_) => token.to_owned(),
            Self::Cookie(name) => format!("{name}={token}"),
        };
        (self.header(), value)
    }

    /// Returns all values in this place, whether they are tokens or not.
    pub(crate) fn values<'f>(&'f self, fields: &'f Fields) -> impl Iterator<Item = &'f [u8]> {
        let (header, cookie) = match self {
            Self::Authorization | Self::Header(_) => (Some(self.header()), None),
            Self::Cookie(name) => (None, Some(&**name)),
        };
        let of_header = header.into_iter().flat_map(|name| fields.values(name));
        of_header.chain(cookie.into_iter().flat_map(|name| cookies(fields, name)))
    }

    /// Removes all values in this place; of cookies only those of this name.
    pub(crate) fn clear(&self, fields: &mut Fields) {
        let Self::Cookie(name) = self else {
            fields.remove(self.header());
            return;
        };
        let left = fields.values(COOKIE);
        let left: Vec<Vec<u8>> = left.filter_map(|line| without(line, name.as_bytes())).collect();
        fields.remove(COOKIE);
        for cookies in left {
            fields.push(COOKIE, &cookies);
        }
    }
}

impl RequestAttribute {
    /// Returns the attribute's value; none if it is missing or not of its type. `client` is the client's address.
    pub(crate) fn value<'f>(&self, fields: &'f Fields, client: Option<&'f str>) -> Option<Value<'f>> {
        let text = self.place.find(fields, client)?;
        match self.parsed {
            ParsedAs::Text => Some(Value::String(text)),
            ParsedAs::Number => Decimal::parse(text).ok().map(Value::Number),
            ParsedAs::Boolean => text.parse().ok().map(Value::Boolean),
        }
    }
}

impl AttributePlace {
    /// Returns the attribute's value. Returns none for a header that occurs twice, because the application may read
    /// either; of several cookies the first counts. `client` is the client's address.
    pub(crate) fn find<'f>(&self, fields: &'f Fields, client: Option<&'f str>) -> Option<&'f str> {
        match self {
            Self::Header(name) => {
                let mut named = fields.values(name);
                match (named.next(), named.next()) {
                    (Some(value), None) => visible(value),
                    _ => None,
                }
            }
            // Most servers read the first of several cookies (RFC 6265 section 4.2.2 sets no order).
            Self::Cookie(name) => cookies(fields, name).next().and_then(visible),
            Self::Client => client,
        }
    }
}

/// Finds the token in the only header of this name.
fn one<'f>(fields: &'f Fields, name: &str, token: impl Fn(&'f [u8]) -> Option<&'f [u8]>) -> TokenLookup<'f> {
    let mut values = fields.values(name);
    match (values.next(), values.next()) {
        (None, _) => TokenLookup::Nothing,
        (Some(_), Some(_)) => TokenLookup::Several,
        (Some(value), None) => match token(value) {
            Some(token) => TokenLookup::Token(FoundToken(token)),
            None if value.is_ascii() => TokenLookup::Nothing,
            // Readers differ about bytes that are not ASCII, so the value is taken for a token, which is refused.
            None => TokenLookup::Token(FoundToken(value)),
        },
    }
}

/// Returns the token of `Bearer TOKEN`, with the scheme in any case (RFC 9110 section 11.1). Another scheme is left
/// to the application.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("bearer".len())?;
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let is_apart = rest.is_empty() || spaces > 0;
    (is_apart && scheme.eq_ignore_ascii_case(b"bearer")).then_some(rest.get(spaces..)?)
}

/// Returns the values of all cookies of this name (RFC 6265 section 4.2.1). Parses bytes, because a value that is not
/// ASCII must not hide another cookie that the upstream sees.
fn cookies<'f>(fields: &'f Fields, name: &str) -> impl Iterator<Item = &'f [u8]> {
    let lines = fields.values(COOKIE);
    let pairs = lines.flat_map(|line| line.split(|&byte| byte == b';'));
    pairs.filter_map(move |pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (found, value) = (pair.get(..equals)?, pair.get(equals + 1..)?.trim_ascii());
        let unquoted = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""));
        (found.trim_ascii() == name.as_bytes()).then_some(unquoted.unwrap_or(value))
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

/// Returns `bytes` as text if they are ASCII. A value of a head has no control character but tabs.
fn visible(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
}

#[cfg(test)]
mod tests;
