//! Conversion of single values to JSON: names, numbers, values of attributes, and the values of forms.

use rules::{AttributeValue, Decimal, Name, OwnedName, Sited, Spelled};
use serde_json::{Number, Value};

use crate::form::{self, Boolean, Boxed, Comparable, Form, List, Owned};

/// A definition with a JSON form.
pub trait ToJson {
    /// Returns the JSON of the definition as in a flags document, without its name.
    fn to_json(&self) -> Value;
}

impl ToJson for Spelled<Decimal> {
    fn to_json(&self) -> Value {
        number(self)
    }
}

/// A form whose values can be written as they are read.
pub(crate) trait JsonForm: Form {
    /// Returns a value of this form as JSON.
    fn to_json(value: &Self::Value<'static>) -> Value;
}

impl JsonForm for Comparable {
    fn to_json(value: &Spelled<AttributeValue>) -> Value {
        value.to_json()
    }
}

impl JsonForm for form::Number {
    fn to_json(value: &Spelled<Decimal>) -> Value {
        number(value)
    }
}

impl JsonForm for Boolean {
    fn to_json(value: &bool) -> Value {
        (*value).into()
    }
}

impl<T> JsonForm for Boxed<T>
where
    Self: for<'s> Form<Value<'s> = Box<str>>,
{
    fn to_json(value: &Box<str>) -> Value {
        (**value).into()
    }
}

impl<T, const MIN: usize, const MAX: usize> JsonForm for List<Sited<Owned<T>>, MIN, MAX>
where
    Self: for<'s> Form<Value<'s> = Vec<OwnedName>>,
{
    fn to_json(value: &Vec<OwnedName>) -> Value {
        texts(value)
    }
}

impl<const MIN: usize, const MAX: usize> JsonForm for List<Sited<Comparable>, MIN, MAX> {
    fn to_json(value: &Vec<Sited<Spelled<AttributeValue>>>) -> Value {
        value.iter().map(|value| value.value.to_json()).collect()
    }
}

impl ToJson for Spelled<AttributeValue> {
    fn to_json(&self) -> Value {
        match &self.value {
            AttributeValue::String(text) => (**text).into(),
            AttributeValue::Number(decimal) => spelled(self.spelling.as_deref(), *decimal),
            AttributeValue::Boolean(boolean) => (*boolean).into(),
            AttributeValue::List(items) => items.iter().map(|item| Value::from(&**item)).collect(),
        }
    }
}

pub(crate) fn text(name: &Name<'_>) -> Value {
    (*name.value).into()
}

pub(crate) fn texts(names: &[Name<'_>]) -> Value {
    names.iter().map(text).collect()
}

pub(crate) fn number(number: &Spelled<Decimal>) -> Value {
    spelled(number.spelling.as_deref(), number.value)
}

/// Returns a number as it was written. Spellings and the texts of decimals are valid JSON numbers.
fn spelled(spelling: Option<&str>, decimal: Decimal) -> Value {
    let number = match spelling {
        Some(spelling) => spelling.parse::<Number>(),
        None => decimal.to_string().parse(),
    };
    number.map_or(Value::Null, Value::Number)
}
