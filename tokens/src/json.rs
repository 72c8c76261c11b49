//! JSON with one meaning: no repeated member at any depth, nothing after the value, UTF-8 only. If two
//! readers choose different members of the same name, a check of the one is bypassed in the other.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Reasons for refusing bytes as JSON with one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidJson {
    /// Not JSON, or deeper than 127 levels.
    Syntax,
    /// An object has two members of one name.
    RepeatedName,
}

/// Reads one value that fills `bytes`. Numbers keep their digits.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, InvalidJson> {
    let repeated = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let checked = NamesOnce { repeated: &repeated }.deserialize(&mut reader);
    // The checking visitor can't build the value itself: serde_json passes a number that is no machine
    // integer to it as an object with a private name.
    let value = checked.and_then(|()| serde_json::from_slice(bytes));
    value.map_err(|_| match repeated.get() {
        true => InvalidJson::RepeatedName,
        false => InvalidJson::Syntax,
    })
}

/// The prefix of the names by which serde_json passes numbers and raw values through its own interfaces. It
/// reads an object with such a name as the number or raw value, and would hide the other names from this
/// module.
const PRIVATE_NAMES: &str = "$serde_json::private::";

/// Reads the value under a private name, which only serde_json itself passes as an owned string: in a number. What was
/// sent is a borrowed string, or no string.
struct NumberOnly;

impl<'de> DeserializeSeed<'de> for NumberOnly {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for NumberOnly {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no private name")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::custom("a private name"))
    }

    fn visit_string<E>(self, _: String) -> Result<(), E> {
        Ok(())
    }
}

/// A reader of any value. It keeps nothing of the value, and sets the flag if it stops at a repeated name.
#[derive(Clone, Copy)]
struct NamesOnce<'f> {
    repeated: &'f Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for NamesOnce<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NamesOnce<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            if name.starts_with(PRIVATE_NAMES) {
                entries.next_value_seed(NumberOnly)?;
                continue;
            }
            if !names.insert(name) {
                self.repeated.set(true);
                return Err(A::Error::custom("a repeated name"));
            }
            entries.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
