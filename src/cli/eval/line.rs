//! An input line of `sluice eval`: a subject and a flag.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
};

use rules::{
    AttributeId, AttributeValue, Flags, MAX_SUBJECT_ATTRIBUTES, RESERVED_ATTRIBUTES, TenantId, UserId, Value,
};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::to_writer;

use super::error_line::write_error;

/// Longest input line, in bytes.
pub(super) const MAX_LINE: u64 = 1024 * 1024;

/// The fields of a line, before they are checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFields<'l> {
    #[serde(borrow)]
    flag: Cow<'l, str>,
    #[serde(borrow, default)]
    tenant: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    user: Option<Cow<'l, str>>,
    #[serde(default)]
    groups: Vec<Box<str>>,
    #[serde(borrow, default)]
    attributes: LineAttributes<'l>,
}

#[derive(Debug, Default)]
struct LineAttributes<'l>(Vec<(Cow<'l, str>, AttributeValue)>);

/// A valid input line.
#[derive(Debug)]
pub(super) struct EvalLine<'l> {
    pub(super) flag: Cow<'l, str>,
    pub(super) tenant: Option<Cow<'l, str>>,
    pub(super) user: Option<Cow<'l, str>>,
    pub(super) groups: Vec<Box<str>>,
    attributes: LineAttributes<'l>,
}

/// Reason why a line can't be answered.
#[derive(Debug)]
pub(super) enum InvalidLine {
    /// It is longer than [`MAX_LINE`].
    TooLong,
    /// It is not JSON of the required form.
    Json(serde_json::Error),
    /// Its subject is invalid.
    Subject {
        flag: String,
        tenant: Option<String>,
        detail: String,
    },
}

impl<'l> EvalLine<'l> {
    pub(super) fn parse(line: &'l [u8]) -> Result<Self, InvalidLine> {
        // Code derived by serde would accept a list as the fields in their order.
        if line.first() == Some(&b'[') {
            return Err(InvalidLine::Json(de::Error::custom(
                "a line is an object, not a list",
            )));
        }
        let LineFields {
            flag,
            tenant,
            user,
            groups,
            attributes,
        } = serde_json::from_slice(line).map_err(InvalidLine::Json)?;
        if let Err(detail) = check_subject(tenant.as_deref(), user.as_deref(), &attributes) {
            return Err(InvalidLine::Subject {
                flag: flag.into_owned(),
                tenant: tenant.map(Cow::into_owned),
                detail,
            });
        }
        Ok(Self {
            flag,
            tenant,
            user,
            groups,
            attributes,
        })
    }

    /// Returns the attributes that a condition reads.
    pub(super) fn attributes(&self, flags: &Flags) -> Vec<(AttributeId, Value<'_>)> {
        let known = self.attributes.0.iter();
        known
            .filter_map(|(name, value)| Some((flags.attribute_id(name)?, value.as_value())))
            .collect()
    }
}

/// Checks the subject.
///
/// # Errors
/// The reason why it is invalid.
fn check_subject(
    tenant: Option<&str>,
    user: Option<&str>,
    attributes: &LineAttributes<'_>,
) -> Result<(), String> {
    if let Some(Err(invalid)) = tenant.map(TenantId::check) {
        return Err(invalid.to_string());
    }
    if let Some(Err(invalid)) = user.map(UserId::check) {
        return Err(invalid.to_string());
    }
    if attributes.0.len() > MAX_SUBJECT_ATTRIBUTES {
        return Err(format!(
            "a subject has at most {MAX_SUBJECT_ATTRIBUTES} attributes"
        ));
    }
    let mut names = attributes.0.iter().map(|(name, _)| &**name);
    match names.find(|name| RESERVED_ATTRIBUTES.contains(name)) {
        Some(name) => Err(format!("`{name}` is a reserved name and can't be an attribute")),
        None => Ok(()),
    }
}

impl InvalidLine {
    /// Writes the answer to a line that can't be answered.
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let (flag, tenant, error, detail) = match self {
            Self::TooLong => {
                let detail = format!("a line has at most {} bytes", MAX_LINE);
                (None, None, "PARSE_ERROR", detail)
            }
            Self::Json(error) => (None, None, "PARSE_ERROR", error.to_string()),
            Self::Subject { flag, tenant, detail } => {
                (Some(flag), tenant.as_ref(), "INVALID_CONTEXT", detail.clone())
            }
        };
        output.write_all(b"{\"flag\":")?;
        to_writer(&mut *output, &flag)?;
        output.write_all(b",\"tenant\":")?;
        to_writer(&mut *output, &tenant)?;
        write_error(output, None, error, &detail)
    }
}

impl<'de: 'l, 'l> Deserialize<'de> for LineAttributes<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AttributesVisitor;
        impl<'de> Visitor<'de> for AttributesVisitor {
            type Value = Vec<(Cow<'de, str>, AttributeValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(AttributeName(name)) = map.next_key()? {
                    pairs.push((name, map.next_value::<Option<JsonAttribute>>()?));
                }
                let mut names: Vec<&str> = pairs.iter().map(|(name, _)| &**name).collect();
                names.sort_unstable();
                if let Some((name, _)) = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b) {
                    return Err(de::Error::custom(format_args!(
                        "the attribute `{name}` is given twice"
                    )));
                }
                // A null attribute counts as missing.
                let present = pairs
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?.0)));
                Ok(present.collect())
            }
        }
        deserializer.deserialize_map(AttributesVisitor).map(Self)
    }
}

/// The name of an attribute, borrowed if it has no escapes.
#[derive(Deserialize)]
struct AttributeName<'l>(#[serde(borrow)] Cow<'l, str>);

struct JsonAttribute(AttributeValue);

impl<'de> Deserialize<'de> for JsonAttribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let read = control::attribute_value(&value).map_err(de::Error::custom);
        read.map(Self)
    }
}
