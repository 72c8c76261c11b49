//! What somebody asks of a request: which request it is, and who would send it. Read from JSON, where every field is
//! checked, so that what is asked is a request that there can be.

use std::collections::BTreeMap;

use rules::{
    AttributeValue, Decimal, InvalidDecimal, InvalidTenantId, MAX_SUBJECT_ATTRIBUTES, RESERVED_ATTRIBUTES,
    TenantId,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The most groups of a subject.
pub const MAX_GROUPS: usize = 512;
/// The most lines of headers of a request.
pub const MAX_QUESTION_HEADERS: usize = 100;
/// The longest method, in bytes.
const MAX_METHOD: usize = 64;
/// What a request that names no host asks.
const NO_HOST: &str = "localhost";
/// A line of a header: its name, and a value without control characters but tabs.
const HEADER_PATTERN: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*$";

/// A request, in JSON.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestForm)]
pub struct RequestForm {
    /// The method.
    #[schema(min_length = 1, max_length = 64, pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    method: String,
    /// The path, with its query if any.
    #[schema(pattern = r"^[^\r\n]*$")]
    path: String,
    /// The host, with its port if any; left out: that of a header `Host`, else localhost; empty: none, as HTTP/1.0
    /// allows.
    #[schema(pattern = r"^[^\r\n]*$")]
    host: Option<String>,
    /// The headers, a line each: `NAME: VALUE`.
    #[serde(default)]
    #[schema(required = false, value_type = Vec<HeaderForm>, max_items = 100)]
    headers: Vec<String>,
    /// The token that it would bring along. It is verified as the data plane would, and neither logged nor kept.
    token: Option<String>,
    /// The tenant, instead of a token.
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    tenant: Option<String>,
    /// The tenant's user.
    user: Option<String>,
    /// The user's groups.
    #[serde(default)]
    #[schema(required = false, max_items = 512)]
    groups: Vec<Box<str>>,
    /// Attributes by name: texts, numbers, booleans, lists of texts. Those of a token come first.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, AttributeForm>)]
    attributes: BTreeMap<String, Value>,
}

/// A request that somebody asks about.
#[derive(Debug, Clone)]
pub struct RequestQuestion {
    /// A token of RFC 9110 section 5.6.2.
    pub method: String,
    /// As it would be sent.
    pub path: String,
    /// With its port if any; empty for none.
    pub host: String,
    /// Line by line, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Who would send it.
    pub sender: Sender,
    /// What is said of the sender besides.
    pub attributes: Vec<(String, AttributeValue)>,
}

/// Who would send a request.
#[derive(Clone)]
pub enum Sender {
    /// Nobody says who it is.
    Unnamed,
    /// Whoever this token proves.
    Token(Box<str>),
    /// Somebody of this tenant.
    Tenant {
        /// The tenant.
        tenant: TenantId,
        /// The user, if it is one.
        user: Option<String>,
        /// The user's groups.
        groups: Vec<Box<str>>,
    },
}

/// Why there can't be such a request, or such a sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// No token of RFC 9110 section 5.6.2.
    #[error("a method is a word such as GET")]
    Method,
    /// A line break where none can be sent.
    #[error("the path and the host of a request have no line breaks")]
    LineBreak,
    /// No tenant's id.
    #[error("{0}")]
    Tenant(#[from] InvalidTenantId),
    /// No line of a header.
    #[error("a header is written NAME: VALUE, without control characters")]
    Header,
    /// A name that stands for something else.
    #[error("`{name}` is a reserved name and can't be an attribute")]
    Reserved {
        /// It.
        name: String,
    },
    /// A value that no attribute has.
    #[error("`{name}` can't be an attribute: {reason}")]
    Attribute {
        /// The attribute's name.
        name: String,
        /// Why not.
        reason: InvalidAttribute,
    },
    /// More than a subject has.
    #[error("a subject has at most {MAX_GROUPS} groups and {MAX_SUBJECT_ATTRIBUTES} attributes")]
    TooMuchOfSubject,
    /// More than a request has.
    #[error("a request has at most {MAX_QUESTION_HEADERS} lines of headers")]
    TooManyHeaders,
    /// By a token, and by name.
    #[error("who is asking is said by a token or by a tenant, not by both")]
    SenderTwice,
    /// A user of nobody.
    #[error("a user and groups are of a tenant, which is not named")]
    NoTenant,
}

/// Why a JSON value is not that of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttribute {
    /// Null, an object, or a list with anything but texts.
    #[error("its value is no text, number, boolean or list of texts")]
    Type,
    /// A number that can't be compared exactly.
    #[error("{0}")]
    Number(#[from] InvalidDecimal),
}

impl RequestForm {
    /// The request, if there can be such a one.
    ///
    /// # Errors
    /// The first thing that no request has.
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
                user: self.user,
                groups: self.groups,
            },
        };
        let headers = headers(&self.headers)?;
        Ok(RequestQuestion {
            method: self.method,
            path: self.path,
            host: self.host.unwrap_or_else(|| unnamed_host(&headers).to_owned()),
            headers,
            sender,
            attributes: attributes(&self.attributes)?,
        })
    }
}

impl RequestQuestion {
    /// The values of the header with this name (in lower case), line by line.
    pub fn header_values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        let named = self.headers.iter().filter(move |(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for Sender {
    /// Without the token, which is nobody else's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unnamed => f.write_str("Unnamed"),
            Self::Token(_) => f.write_str("Token(..)"),
            Self::Tenant { tenant, user, groups } => {
                let mut told = f.debug_struct("Tenant");
                told.field("tenant", tenant).field("user", user);
                told.field("groups", groups).finish()
            }
        }
    }
}

/// The host where none is given: that of the headers, if they have one.
fn unnamed_host(headers: &[(String, String)]) -> &'static str {
    match headers.iter().any(|(name, _)| name == "host") {
        true => "",
        false => NO_HOST,
    }
}

/// Whether a text is a method: a token of RFC 9110 section 5.6.2.
///
/// # Errors
/// It isn't.
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

/// The name, in lower case, and the value of a line of a header.
///
/// # Errors
/// No such line can be sent.
pub fn header(line: &str) -> Result<(String, String), InvalidQuestion> {
    let (name, value) = line.split_once(':').ok_or(InvalidQuestion::Header)?;
    let is_sent = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    match is_token(name) && value.bytes().all(is_sent) {
        true => Ok((name.to_ascii_lowercase(), value.trim().to_owned())),
        false => Err(InvalidQuestion::Header),
    }
}

/// Attributes by their names.
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

/// The value of the attribute `name`, from JSON.
///
/// # Errors
/// No attribute has this name, or this value.
pub fn attribute(name: &str, value: &Value) -> Result<AttributeValue, InvalidQuestion> {
    let name = || name.to_owned();
    if RESERVED_ATTRIBUTES.contains(&name().as_str()) {
        return Err(InvalidQuestion::Reserved { name: name() });
    }
    attribute_value(value).map_err(|reason| InvalidQuestion::Attribute { name: name(), reason })
}

/// Reads the value of an attribute from JSON.
///
/// # Errors
/// No attribute has this value.
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

/// The form of a text, a number, a boolean or a list of texts.
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

/// The form of a line of a header.
pub(crate) struct HeaderForm;

impl ToSchema for HeaderForm {}

impl PartialSchema for HeaderForm {
    fn schema() -> RefOr<Schema> {
        let line = ObjectBuilder::new().schema_type(Type::String);
        line.pattern(Some(HEADER_PATTERN)).into()
    }
}
