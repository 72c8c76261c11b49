//! A hypothetical request that a caller wants explained: the request and its sender. Parsed from JSON; every field is
//! validated, so that only a request that can be sent is explained.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rules::{
    AttributeValue, Decimal, InvalidDecimal, InvalidTenantId, InvalidUserId, MAX_SUBJECT_ATTRIBUTES,
    RESERVED_ATTRIBUTES, TenantId, UserId,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The maximum number of groups of a subject.
pub const MAX_GROUPS: usize = 512;
/// The maximum number of header lines of a request.
pub const MAX_QUESTION_HEADERS: usize = 100;
/// The maximum length of a method, in bytes.
const MAX_METHOD: usize = 64;
/// The host of a request that names none.
const NO_HOST: &str = "localhost";
/// The pattern of a header line: a name, and a value without control characters except tabs.
const HEADER_PATTERN: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*$";

/// A request, in JSON.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestForm)]
pub struct RequestForm {
    /// The name of the listener that receives the request; default: the first one.
    listener: Option<String>,
    /// The method.
    #[schema(min_length = 1, max_length = 64, pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    method: String,
    /// The path, with its query if any.
    #[schema(pattern = r"^[^\r\n]*$")]
    path: String,
    /// The host, with its port if any. If missing: the `Host` header, or localhost without one. Empty: no host, as
    /// HTTP/1.0 allows.
    #[schema(pattern = r"^[^\r\n]*$")]
    host: Option<String>,
    /// The headers, one line each: `NAME: VALUE`.
    #[serde(default)]
    #[schema(required = false, value_type = Vec<HeaderForm>, max_items = 100)]
    headers: Vec<String>,
    /// The token of the request. It is verified as by the data plane, and neither logged nor stored.
    token: Option<String>,
    /// The tenant, in place of a token.
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    tenant: Option<String>,
    /// The tenant's user.
    user: Option<String>,
    /// The user's groups.
    #[serde(default)]
    #[schema(required = false, max_items = 512)]
    groups: Vec<Box<str>>,
    /// The source address of the connection, an IP address. Behind trusted proxies, forwarding headers name the client.
    client: Option<String>,
    /// Attributes by name: strings, numbers, booleans, lists of strings. Those of a token take precedence.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, AttributeForm>)]
    attributes: BTreeMap<String, Value>,
}

/// A hypothetical request to explain.
#[derive(Debug, Clone)]
pub struct RequestQuestion {
    /// The name of the listener that receives the request; none for the first one.
    pub listener: Option<String>,
    /// The method: a token of RFC 9110 section 5.6.2.
    pub method: String,
    /// The path, as it would be sent.
    pub path: String,
    /// The host, with its port if any; empty for none.
    pub host: String,
    /// The header lines; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The sender.
    pub sender: Sender,
    /// The source address of the connection, if it is given.
    pub client: Option<IpAddr>,
    /// Further attributes of the sender.
    pub attributes: Vec<(String, AttributeValue)>,
}

/// The sender of a hypothetical request.
#[derive(Clone)]
pub enum Sender {
    /// No sender is given.
    Unnamed,
    /// The subject of this token.
    Token(Box<str>),
    /// A user of this tenant, or the tenant itself.
    Tenant {
        /// The tenant.
        tenant: TenantId,
        /// The user, if any.
        user: Option<UserId>,
        /// The user's groups.
        groups: Vec<Box<str>>,
    },
}

/// The reason why a question is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// The method is not a token of RFC 9110 section 5.6.2.
    #[error("the method must be a token such as GET")]
    Method,
    /// The path or the host contains a line break.
    #[error("the path and the host must not contain line breaks")]
    LineBreak,
    /// The tenant's id is invalid.
    #[error("{0}")]
    Tenant(#[from] InvalidTenantId),
    /// The user's id is invalid.
    #[error("{0}")]
    User(#[from] InvalidUserId),
    /// The client is not an IP address.
    #[error("the client must be an IP address")]
    Client,
    /// A header line is malformed.
    #[error("a header must have the form NAME: VALUE, without control characters")]
    Header,
    /// An attribute has a reserved name.
    #[error("`{name}` is a reserved name and can't be an attribute")]
    Reserved {
        /// The name.
        name: String,
    },
    /// The value of an attribute is invalid.
    #[error("`{name}` can't be an attribute: {reason}")]
    Attribute {
        /// The attribute's name.
        name: String,
        /// The reason.
        reason: InvalidAttribute,
    },
    /// The subject has too many groups or attributes.
    #[error("a subject has at most {MAX_GROUPS} groups and {MAX_SUBJECT_ATTRIBUTES} attributes")]
    TooMuchOfSubject,
    /// The request has too many headers.
    #[error("a request has at most {MAX_QUESTION_HEADERS} header lines")]
    TooManyHeaders,
    /// No listener of the gateway has the name.
    #[error("no listener is named `{name}`; the listeners are: {}", known.join(", "))]
    UnknownListener {
        /// The name.
        name: String,
        /// The names of the listeners.
        known: Vec<String>,
    },
    /// The sender is given by a token and by a tenant.
    #[error("give the sender by a token or by a tenant, not by both")]
    SenderTwice,
    /// A user or groups without a tenant.
    #[error("a user or groups need a tenant")]
    NoTenant,
}

/// The reason why a JSON value is not a value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttribute {
    /// Null, an object, or a list with an item that is not a string.
    #[error("its value must be a string, number, boolean or list of strings")]
    Type,
    /// A number that can't be compared exactly.
    #[error("{0}")]
    Number(#[from] InvalidDecimal),
}

impl RequestForm {
    /// Validates the form.
    ///
    /// # Errors
    /// The first problem found.
    pub fn read(self) -> Result<RequestQuestion, InvalidQuestion> {
        check_method(&self.method)?;
        let has_break = |text: &str| text.contains(['\r', '\n']);
        if has_break(&self.path) || self.host.as_deref().is_some_and(has_break) {
            return Err(InvalidQuestion::LineBreak);
        }
        if self.groups.len() > MAX_GROUPS {
            return Err(InvalidQuestion::TooMuchOfSubject);
        }
        let named = self.user.is_some() || !self.groups.is_empty();
        let sender = match (self.token, self.tenant) {
            (Some(_), Some(_)) => return Err(InvalidQuestion::SenderTwice),
            (Some(_), None) if named => return Err(InvalidQuestion::SenderTwice),
            (None, None) if named => return Err(InvalidQuestion::NoTenant),
            (Some(token), None) => Sender::Token(token.into()),
            (None, None) => Sender::Unnamed,
            (None, Some(tenant)) => Sender::Tenant {
                tenant: TenantId::parse(&tenant)?,
                user: self.user.as_deref().map(UserId::parse).transpose()?,
                groups: self.groups,
            },
        };
        let headers = headers(&self.headers)?;
        let client = self.client.as_deref().map(str::parse).transpose();
        Ok(RequestQuestion {
            listener: self.listener,
            method: self.method,
            path: self.path,
            host: self.host.unwrap_or_else(|| unnamed_host(&headers).to_owned()),
            headers,
            sender,
            client: client.map_err(|_| InvalidQuestion::Client)?,
            attributes: attributes(&self.attributes)?,
        })
    }
}

impl RequestQuestion {
    /// Returns the values of the header with this name (in lower case), one for each line.
    pub fn header_values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        let named = self.headers.iter().filter(move |(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for Sender {
    /// Omits the token, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unnamed => f.write_str("Unnamed"),
            Self::Token(_) => f.write_str("Token(..)"),
            Self::Tenant { tenant, user, groups } => {
                let mut fields = f.debug_struct("Tenant");
                fields.field("tenant", tenant).field("user", user);
                fields.field("groups", groups).finish()
            }
        }
    }
}

/// Returns the host of a request that gives none: empty if the headers have one.
fn unnamed_host(headers: &[(String, String)]) -> &'static str {
    match headers.iter().any(|(name, _)| name == "host") {
        true => "",
        false => NO_HOST,
    }
}

/// Checks that a text is a method: a token of RFC 9110 section 5.6.2.
///
/// # Errors
/// The text is not a method.
pub fn check_method(text: &str) -> Result<(), InvalidQuestion> {
    match is_token(text) && text.len() <= MAX_METHOD {
        true => Ok(()),
        false => Err(InvalidQuestion::Method),
    }
}

fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

fn headers(lines: &[String]) -> Result<Vec<(String, String)>, InvalidQuestion> {
    if lines.len() > MAX_QUESTION_HEADERS {
        return Err(InvalidQuestion::TooManyHeaders);
    }
    lines.iter().map(|line| header(line)).collect()
}

/// Parses a header line into its name, in lower case, and its value.
///
/// # Errors
/// The line is malformed.
pub fn header(line: &str) -> Result<(String, String), InvalidQuestion> {
    let (name, value) = line.split_once(':').ok_or(InvalidQuestion::Header)?;
    let is_sent = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    match is_token(name) && value.bytes().all(is_sent) {
        true => Ok((name.to_ascii_lowercase(), value.trim().to_owned())),
        false => Err(InvalidQuestion::Header),
    }
}

/// Parses attributes from JSON.
pub(crate) fn attributes(
    given: &BTreeMap<String, Value>,
) -> Result<Vec<(String, AttributeValue)>, InvalidQuestion> {
    if given.len() > MAX_SUBJECT_ATTRIBUTES {
        return Err(InvalidQuestion::TooMuchOfSubject);
    }
    let values = given
        .iter()
        .map(|(name, value)| Ok((name.clone(), attribute(name, value)?)));
    values.collect()
}

/// Parses the value of the attribute `name` from JSON.
///
/// # Errors
/// The name is reserved, or the value is invalid.
pub fn attribute(name: &str, value: &Value) -> Result<AttributeValue, InvalidQuestion> {
    let name = || name.to_owned();
    if RESERVED_ATTRIBUTES.contains(&name().as_str()) {
        return Err(InvalidQuestion::Reserved { name: name() });
    }
    attribute_value(value).map_err(|reason| InvalidQuestion::Attribute { name: name(), reason })
}

/// Parses the value of an attribute from JSON.
///
/// # Errors
/// The value is invalid.
pub fn attribute_value(value: &Value) -> Result<AttributeValue, InvalidAttribute> {
    match value {
        Value::String(text) => Ok(AttributeValue::String(text.as_str().into())),
        Value::Number(number) => Ok(AttributeValue::Number(Decimal::parse(number.as_str())?)),
        Value::Bool(boolean) => Ok(AttributeValue::Boolean(*boolean)),
        Value::Array(items) => {
            let texts: Option<Box<[Box<str>]>> =
                items.iter().map(|item| item.as_str().map(Into::into)).collect();
            texts.map(AttributeValue::List).ok_or(InvalidAttribute::Type)
        }
        Value::Null | Value::Object(_) => Err(InvalidAttribute::Type),
    }
}

/// The schema of an attribute: a string, a number, a boolean or a list of strings.
pub(crate) struct AttributeForm;

impl ToSchema for AttributeForm {}

impl PartialSchema for AttributeForm {
    fn schema() -> RefOr<Schema> {
        let scalars = [Type::String, Type::Number, Type::Boolean];
        let text = ObjectBuilder::new().schema_type(Type::String);
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(SchemaType::from_iter(scalars)))
            .item(ArrayBuilder::new().items(text))
            .into()
    }
}

/// The schema of a header line.
pub(crate) struct HeaderForm;

impl ToSchema for HeaderForm {}

impl PartialSchema for HeaderForm {
    fn schema() -> RefOr<Schema> {
        let line = ObjectBuilder::new().schema_type(Type::String);
        line.pattern(Some(HEADER_PATTERN)).into()
    }
}
