//! Mappings with known fields. A line of [`object!`] or [`fields!`] is the whole of a field: its word, whether it must
//! be written, its form, and its documentation, which is also that of the JSON Schema.

use crate::node::Entry;
use crate::shape::{self, Member};
use crate::validate::Validator;

/// Fields that objects have, alone or together with others.
pub(crate) trait Fields {
    /// The fields as they were written.
    type Value<'s>: Default;

    /// The fields, in the order of the documentation.
    const MEMBERS: &'static [Member];

    /// Reads an entry where it is one of these fields, and returns true then.
    fn take<'s>(into: &mut Self::Value<'s>, entry: &Entry<'s>, validator: &mut Validator<'_>) -> bool;
}

/// Counts fields.
pub(crate) const fn count(members: &[Member]) -> usize {
    let mut fields = 0;
    let mut rest = members;
    while let [member, others @ ..] = rest {
        fields += match member {
            Member::Field(_) => 1,
            Member::Group(members) => count(members),
        };
        rest = others;
    }
    fields
}

/// Lists `N` fields, those of groups among them.
pub(crate) const fn flatten<const N: usize>(members: &[Member]) -> [shape::Field; N] {
    let mut fields = [shape::Field::NONE; N];
    fill(members, &mut fields);
    fields
}

const fn fill<'p>(members: &[Member], mut places: &'p mut [shape::Field]) -> &'p mut [shape::Field] {
    let mut rest = members;
    while let [member, others @ ..] = rest {
        match member {
            Member::Field(field) => {
                let Some((place, free)) = places.split_first_mut() else {
                    return &mut [];
                };
                *place = *field;
                places = free;
            }
            Member::Group(members) => places = fill(members, places),
        }
        rest = others;
    }
    places
}

/// Returns true where all of these words are fields. Checked when the program is compiled.
pub(crate) const fn has_fields(fields: &[shape::Field], words: &[&str]) -> bool {
    let mut rest = words;
    while let [word, others @ ..] = rest {
        let mut known = fields;
        loop {
            match known {
                [] => return false,
                [field, ..] if is_same(field.name.as_bytes(), word.as_bytes()) => break,
                [_, behind @ ..] => known = behind,
            }
        }
        rest = others;
    }
    true
}

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, rest @ ..], [b, others @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (rest, others);
    }
    one.is_empty() && other.is_empty()
}

/// The word of a field: its name, unless another is given.
macro_rules! word {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $word:literal) => {
        $word
    };
}

/// Defines the form of an object and what its fields mean together.
///
/// ```text
/// object! {
///     /// A flag and the variant that it must serve.
///     Requirement("a requirement"): RequirementDefinition {
///         /// The flag.
///         flag: required Sited<FlagKey>,
///         /// The variant; left out: any but its off variant.
///         is: optional Sited<Variant>,
///     } => RequirementDefinition { flag, is }
/// }
/// ```
///
/// A field is `required`; `strict` (none where it is left out, and no object where it was refused); `optional` (none where
/// it is left out or was refused); `default` (of its type then); or the fields of a group, `include`. A `strict` field
/// may say what it is when it is left out: `weight: strict Weight = 1`. A field whose word is no name in Rust has the word in brackets: `takes("match")`.
/// `exactly_one` and `at_least_one` of some fields may be demanded.
macro_rules! object {
    (
        $(#[doc = $doc:literal])+
        $form:ident($name:literal $(, $rule:ident: $words:expr)*): $value:ty {
            $($(#[doc = $field_doc:literal])+ $field:ident $(($word:literal))?:
                $need:ident $of:ty $(= $left_out:expr)?),+ $(,)?
        } => $made:expr
    ) => {
        $(#[doc = $doc])+
        pub(crate) enum $form {}

        impl $crate::form::Form for $form {
            type Value<'s> = $value;

            const SHAPE: $crate::shape::Shape = $crate::form::object!(@shape
                [$($doc)+] $name, [$($rule: $words)*],
                [$($need [$($field_doc)+] [$field $($word)?] $of,)+]
            );

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<$value> {
                let entries = validator.entries(node, Self::SHAPE, slot)?;
                $(let mut $field = $crate::form::object!(@start $need $of);)+
                let mut unknown = false;
                for entry in entries {
                    $($crate::form::object!(@take $need $field [$field $($word)?] $of, entry, validator);)+
                    unknown = true;
                    validator.unknown(entry, Self::SHAPE);
                }
                validator.finish(node, Self::SHAPE, slot, unknown);
                $(let $field = $crate::form::object!(@end $need $field $(, $left_out)?);)+
                Some($made)
            }
        }
    };

    (@shape [$($doc:literal)+] $name:literal, [$($rule:ident: $words:expr)*], [$($members:tt)+]) => {{
        const MEMBERS: &[$crate::shape::Member] = $crate::form::object!(@members [$($members)+]);
        $crate::form::object!(@shape_of [$($doc)+] $name, [$($rule: $words)*], MEMBERS)
    }};
    (@shape_of [$($doc:literal)+] $name:literal, [$($rule:ident: $words:expr)*], $members:expr) => {{
        fn object() -> &'static $crate::shape::Object {
            &OBJECT
        }
        static FIELDS: [$crate::shape::Field; $crate::form::count($members)] = $crate::form::flatten($members);
        static OBJECT: $crate::shape::Object = $crate::shape::Object {
            name: $name,
            doc: concat!($($doc),+).trim_ascii(),
            fields: &FIELDS,
            $($rule: $words,)*
            ..$crate::shape::Object::PLAIN
        };
        $(const _: () = assert!($crate::form::has_fields(&FIELDS, $words), "a word is none of the fields");)*
        $crate::shape::Shape::Object(object)
    }};

    (@members [$($need:ident [$($doc:literal)+] [$($word:tt)+] $of:ty,)+]) => {
        &[$($crate::form::object!(@member $need [$($doc)+] [$($word)+] $of)),+]
    };
    (@member include [$($doc:literal)+] [$($word:tt)+] $of:ty) => {
        $crate::shape::Member::Group(<$of as $crate::form::Fields>::MEMBERS)
    };
    (@member $need:ident [$($doc:literal)+] [$($word:tt)+] $of:ty) => {
        $crate::shape::Member::Field($crate::shape::Field {
            name: $crate::form::word!($($word)+),
            doc: concat!($($doc),+).trim_ascii(),
            required: $crate::form::object!(@required $need),
            shape: <$of as $crate::form::Form>::SHAPE,
        })
    };
    (@required required) => { true };
    (@required optional) => { false };
    (@required default) => { false };
    (@required strict) => { false };

    (@start include $of:ty) => { <<$of as $crate::form::Fields>::Value<'_> as Default>::default() };
    (@start strict $of:ty) => { $crate::form::Field::<$crate::form::Of<'_, $of>>::LeftOut };
    (@start $need:ident $of:ty) => { None };

    (@take include $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        if <$of as $crate::form::Fields>::take(&mut $field, $entry, $validator) {
            continue;
        }
    };
    (@take strict $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        if $field.take::<$of>($crate::form::word!($($word)+), $entry, $validator) {
            continue;
        }
    };
    (@take $need:ident $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        if $entry.key == $crate::form::word!($($word)+) {
            let slot = $crate::validate::Slot::field($crate::form::word!($($word)+), $entry.key_span);
            $field = <$of as $crate::form::Form>::read(&$entry.value, slot, $validator);
            continue;
        }
    };

    (@end required $field:ident) => { $field? };
    (@end optional $field:ident) => { $field };
    (@end include $field:ident) => { $field };
    (@end default $field:ident) => { $field.unwrap_or_default() };
    (@end strict $field:ident) => { $field.into_optional()? };
    (@end strict $field:ident, $left_out:expr) => { $field.into_optional()?.unwrap_or_else(|| $left_out) };
}

/// Defines the form of an object, and a struct of its fields as they were written, each a
/// [`Field`](super::Field) with its places. The lines are those of [`object!`].
macro_rules! fields {
    (
        $(#[doc = $doc:literal])+
        $form:ident($name:literal $(, $rule:ident: $words:expr)*) => $fields:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident $(($word:literal))?: $need:ident $of:ty),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        pub(crate) enum $form {}

        $(#[doc = $doc])+
        #[derive(Default)]
        pub(crate) struct $fields<'s> {
            $($(#[doc = $field_doc])+ pub(crate) $field: $crate::form::fields!(@type $need $of),)+
        }

        impl $crate::form::Form for $form {
            type Value<'s> = $fields<'s>;

            const SHAPE: $crate::shape::Shape = $crate::form::object!(@shape
                [$($doc)+] $name, [$($rule: $words)*],
                [$($need [$($field_doc)+] [$field $($word)?] $of,)+]
            );

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<$fields<'s>> {
                let entries = validator.entries(node, Self::SHAPE, slot)?;
                $(let mut $field: $crate::form::fields!(@type $need $of) = Default::default();)+
                let mut unknown = false;
                for entry in entries {
                    $(if $crate::form::fields!(@take $need $field [$field $($word)?] $of, entry, validator) {
                        continue;
                    })+
                    unknown = true;
                    validator.unknown(entry, Self::SHAPE);
                }
                validator.finish(node, Self::SHAPE, slot, unknown);
                Some($fields { $($field),+ })
            }
        }
    };

    (@type include $of:ty) => { <$of as $crate::form::Fields>::Value<'s> };
    (@type $need:ident $of:ty) => { $crate::form::Field<$crate::form::Of<'s, $of>> };

    (@take include $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        <$of as $crate::form::Fields>::take(&mut $field, $entry, $validator)
    };
    (@take $need:ident $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        $field.take::<$of>($crate::form::word!($($word)+), $entry, $validator)
    };
}

/// Defines fields that several objects include, and a struct of them. The lines are those of [`object!`].
macro_rules! group {
    (
        $(#[doc = $doc:literal])+
        $form:ident => $fields:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident $(($word:literal))?: $need:ident $of:ty),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        pub(crate) enum $form {}

        $(#[doc = $doc])+
        #[derive(Default)]
        pub(crate) struct $fields<'s> {
            $($(#[doc = $field_doc])+ pub(crate) $field: $crate::form::fields!(@type $need $of),)+
        }

        impl $crate::form::Fields for $form {
            type Value<'s> = $fields<'s>;

            const MEMBERS: &'static [$crate::shape::Member] = $crate::form::object!(@members
                [$($need [$($field_doc)+] [$field $($word)?] $of,)+]
            );

            fn take<'s>(
                into: &mut $fields<'s>,
                entry: &$crate::node::Entry<'s>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> bool {
                let $fields { $($field),+ } = into;
                $($crate::form::fields!(@take $need $field [$field $($word)?] $of, entry, validator))||+
            }
        }
    };
}

/// Defines forms of objects with one field, which is required and is the value: the documentation, the form, its name,
/// the field and its documentation.
macro_rules! single {
    ($($(#[doc = $doc:literal])+ $form:ident($name:literal) $field:ident: $of:ty, $field_doc:literal;)+) => {$(
        $crate::form::object! {
            $(#[doc = $doc])+
            $form($name): $crate::form::Of<'s, $of> {
                #[doc = $field_doc]
                $field: required $of,
            } => $field
        }
    )+};
}

pub(crate) use {fields, group, object, single, word};
