//! Lists, and maps from names that the operator chooses. Refused entries are reported and left out.

use std::borrow::Cow;
use std::marker::PhantomData;

use rules::Sited;

use super::{Form, Of, Placed, Text};
use crate::node::{Node, Span};
use crate::shape::{self, Shape};
use crate::validate::{Slot, Validator};

/// A list of `MIN` to `MAX` items.
pub(crate) struct List<F, const MIN: usize, const MAX: usize>(PhantomData<F>);

/// A mapping of `MIN` to `MAX` entries.
pub(crate) struct Map<K, F, const MIN: usize, const MAX: usize>(PhantomData<(K, F)>);

/// The description of the keys of a map.
pub(crate) trait MapKey {
    /// The value of a key.
    type Value<'s>;

    /// The noun of a key, with its article: `a flag key`.
    const WHAT: &'static str;

    /// Reads a key.
    fn read<'s>(key: &Cow<'s, str>, span: Span, validator: &Validator<'_>) -> Self::Value<'s>;
}

impl<T: Text> MapKey for Sited<T> {
    type Value<'s> = rules::Name<'s>;

    const WHAT: &'static str = T::WHAT;

    fn read<'s>(key: &Cow<'s, str>, span: Span, validator: &Validator<'_>) -> Self::Value<'s> {
        Sited::new(key.clone(), validator.site(span))
    }
}

impl<T: Text> MapKey for Placed<T> {
    type Value<'s> = Placed<Cow<'s, str>>;

    const WHAT: &'static str = T::WHAT;

    fn read<'s>(key: &Cow<'s, str>, span: Span, _: &Validator<'_>) -> Self::Value<'s> {
        let value = key.clone();
        Placed { value, span }
    }
}

impl<F: Form, const MIN: usize, const MAX: usize> List<F, MIN, MAX> {
    const LIST: shape::ListShape = shape::ListShape {
        item: F::SHAPE,
        min: MIN,
        max: MAX,
    };
}

impl<F: Form, const MIN: usize, const MAX: usize> Form for List<F, MIN, MAX> {
    type Value<'s> = Vec<Of<'s, F>>;

    const SHAPE: Shape = Shape::List(&Self::LIST);

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        let items = validator.items(node, &Self::LIST, slot)?;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.extend(F::read(item, slot.item(item), validator));
        }
        Some(values)
    }
}

impl<K: MapKey, F: Form, const MIN: usize, const MAX: usize> Map<K, F, MIN, MAX> {
    const MAP: shape::MapShape = shape::MapShape {
        key: K::WHAT,
        value: F::SHAPE,
        min: MIN,
        max: MAX,
    };
}

impl<K: MapKey, F: Form, const MIN: usize, const MAX: usize> Form for Map<K, F, MIN, MAX> {
    type Value<'s> = Vec<(K::Value<'s>, Of<'s, F>)>;

    const SHAPE: Shape = Shape::Map(&Self::MAP);

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        let entries = validator.map_entries(node, &Self::MAP, slot)?;
        let mut values = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(value) = F::read(&entry.value, Slot::field(&entry.key, entry.key_span), validator) {
                values.push((K::read(&entry.key, entry.key_span, validator), value));
            }
        }
        Some(values)
    }
}
