//! Fields of an object, as written.

use super::{Form, Placed};
use crate::node::{MappingEntry, Span};
use crate::validate::{Slot, Validator};

/// A field of an object. A refused field differs from an omitted one, so that no refused value becomes the default.
#[derive(Debug, Default)]
pub(crate) enum Field<T> {
    /// The field is omitted.
    #[default]
    LeftOut,
    /// The value was refused and reported.
    Refused(FieldKey),
    /// The field has this value.
    Written(FieldKey, Placed<T>),
}

/// The key of a field that is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldKey {
    pub(crate) name: &'static str,
    pub(crate) span: Span,
}

impl<T> Field<T> {
    /// Returns the value and its place, if there is a valid one.
    pub(crate) fn written(&self) -> Option<&Placed<T>> {
        match self {
            Self::Written(_, placed) => Some(placed),
            Self::LeftOut | Self::Refused(_) => None,
        }
    }

    /// Returns the value, if there is a valid one.
    pub(crate) fn value(&self) -> Option<&T> {
        self.written().map(|placed| &placed.value)
    }

    /// Makes the field of an object that is written as this value alone, without its key.
    pub(crate) fn alone(value: Placed<T>) -> Self {
        let (name, span) = ("", value.span);
        Self::Written(FieldKey { name, span }, value)
    }

    /// Maps the value.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::LeftOut => Field::LeftOut,
            Self::Refused(key) => Field::Refused(key),
            Self::Written(key, placed) => Field::Written(key, placed.map(make)),
        }
    }

    /// Returns the value lowered by `lower`, or `left_out` for an omitted field; none for a refused one.
    pub(crate) fn lower<'f, U>(
        &'f self,
        left_out: U,
        lower: impl FnOnce(&'f Placed<T>) -> Option<U>,
    ) -> Option<U> {
        match self {
            Self::LeftOut => Some(left_out),
            Self::Refused(_) => None,
            Self::Written(_, placed) => lower(placed),
        }
    }

    /// Returns the value lowered by `lower`, or an inner none for an omitted field; an outer none for a refused one.
    pub(crate) fn lower_optional<'f, U>(
        &'f self,
        lower: impl FnOnce(&'f Placed<T>) -> Option<U>,
    ) -> Option<Option<U>> {
        self.lower(None, |placed| lower(placed).map(Some))
    }

    /// Returns the value by itself, if there is a valid one.
    pub(crate) fn into_value(self) -> Option<T> {
        match self {
            Self::Written(_, placed) => Some(placed.value),
            Self::LeftOut | Self::Refused(_) => None,
        }
    }

    /// Returns the value by itself, or an inner none for an omitted field; an outer none for a refused one.
    pub(crate) fn into_optional(self) -> Option<Option<T>> {
        match self {
            Self::LeftOut => Some(None),
            Self::Refused(_) => None,
            Self::Written(_, placed) => Some(Some(placed.value)),
        }
    }

    /// Returns the key of a written field, whether its value is valid or not.
    pub(crate) fn key(&self) -> Option<FieldKey> {
        match self {
            Self::LeftOut => None,
            Self::Refused(key) | Self::Written(key, _) => Some(*key),
        }
    }
}

impl<T: Clone> Field<T> {
    /// Returns the value, or `left_out` for an omitted field; none for a refused one.
    pub(crate) fn or(&self, left_out: T) -> Option<T> {
        self.lower(left_out, |placed| Some(placed.value.clone()))
    }

    /// Returns the value, or its type's default for an omitted field; none for a refused one.
    pub(crate) fn or_default(&self) -> Option<T>
    where
        T: Default,
    {
        self.or(T::default())
    }

    /// Returns the value, or an inner none for an omitted field; an outer none for a refused one.
    pub(crate) fn optional(&self) -> Option<Option<T>> {
        self.lower_optional(|placed| Some(placed.value.clone()))
    }
}

impl<T> Field<T> {
    /// Reads an entry as [`Field::take`] does. In a document that people write, it is refused.
    pub(crate) fn take_stored<'s, F: Form<Value<'s> = T>>(
        &mut self,
        name: &'static str,
        entry: &MappingEntry<'s>,
        validator: &mut Validator<'_>,
    ) -> bool {
        if entry.key != name || validator.accepts_stored_field(name, entry.key_span) {
            return self.take::<F>(name, entry, validator);
        }
        let span = entry.key_span;
        *self = Self::Refused(FieldKey { name, span });
        true
    }

    /// Reads an entry and returns true if its key is this name; otherwise returns false.
    pub(crate) fn take<'s, F: Form<Value<'s> = T>>(
        &mut self,
        name: &'static str,
        entry: &MappingEntry<'s>,
        validator: &mut Validator<'_>,
    ) -> bool {
        if entry.key != name {
            return false;
        }
        let span = entry.key_span;
        let key = FieldKey { name, span };
        *self = match Placed::<F>::read(&entry.value, Slot::field(name, span), validator) {
            Some(placed) => Self::Written(key, placed),
            None => Self::Refused(key),
        };
        true
    }
}
