//! Mappings with known fields. A line of [`object!`], [`fields!`] or [`group!`] defines a field completely: its word,
//! whether it is required, its form, and its documentation, which is also the description in the JSON Schema.

use crate::node::MappingEntry;
use crate::shape;
use crate::validate::Validator;

/// Fields that several objects have in common.
pub(crate) trait Fields {
    /// The fields, as written.
    type Value<'s>: Default;

    /// The fields, in the order of the documentation.
    const FIELDS: &'static [shape::FieldShape];

    /// Reads an entry and returns true if it is one of these fields; otherwise returns false.
    fn take<'s>(into: &mut Self::Value<'s>, entry: &MappingEntry<'s>, validator: &mut Validator<'_>) -> bool;
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

/// The word of a field of a struct of fields. A name that is no field does not compile.
macro_rules! word_of {
    ($fields:ident.$field:ident) => {{
        const _: fn(&$fields<'_>) = |fields| {
            let _ = &fields.$field;
        };
        stringify!($field)
    }};
}

/// Defines the form of an object, and the value that its fields make.
///
/// ```text
/// object! {
///     /// Flag that must be on, or the variant that it must serve.
///     Requirement("a requirement"): RequirementDefinition {
///         /// Key of the flag.
///         flag: required Sited<FlagKey>,
///         /// Variant that the flag must serve. Default: any except its off variant.
///         is: optional Sited<VariantWord>,
///     } => RequirementDefinition { flag, is }
/// }
/// ```
///
/// The kinds of fields:
/// - `required`: without a valid value there is no object;
/// - `strict`: none if omitted (or the value after `=`, as in `weight: strict Weight = 1`); no object if refused;
/// - `optional`: none if omitted or refused;
/// - `default`: the default of its type if omitted or refused;
/// - `stored`: as `optional`, and refused in documents that people write. The JSON Schema does not have it;
/// - `field`: a [`Field`](super::Field), for the lowering; `must` is the same for a required field;
/// - `include`: the fields of a group.
///
/// A field whose word is not a name in Rust has the word in brackets: `takes("match")`. [`Needs`](shape::Needs) may
/// follow the name of the object. `with validator` names the validator, to report problems of several fields.
macro_rules! object {
    (
        $(#[doc = $doc:literal])+
        $form:ident($name:literal $(, $needs:expr)?): $value:ty {
            $($(#[doc = $field_doc:literal])+ $field:ident $(($word:literal))?:
                $need:ident $of:ty $(= $left_out:expr)?),+ $(,)?
        } $(with $validator:ident)? => $made:expr
    ) => {
        $(#[doc = $doc])+
        pub(crate) enum $form {}

        impl $crate::form::Form for $form {
            type Value<'s> = $value;

            const SHAPE: $crate::shape::Shape = {
                fn object() -> &'static $crate::shape::ObjectShape {
                    &OBJECT
                }
                static OBJECT: $crate::shape::ObjectShape = $crate::shape::ObjectShape {
                    name: $name,
                    doc: concat!($($doc),+).trim_ascii(),
                    members: &[$($crate::form::object!(@member $need [$($field_doc)+] [$field $($word)?] $of)),+],
                    needs: $crate::form::object!(@needs $($needs)?),
                };
                $crate::shape::Shape::Object(object)
            };

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<$value> {
                let entries = validator.entries(node, Self::SHAPE, slot)?;
                $(let mut $field = <$crate::form::object!(@type $need $of)>::default();)+
                let mut unknown = false;
                for entry in entries {
                    if $($crate::form::object!(@take $need $field [$field $($word)?] $of, entry, validator))||+ {
                        continue;
                    }
                    unknown = true;
                    validator.unknown(entry, Self::SHAPE);
                }
                validator.finish(node, Self::SHAPE, slot, unknown);
                $(let $field = $crate::form::object!(@end $need $field $(, $left_out)?);)+
                $(let $validator = validator;)?
                Some($made)
            }
        }
    };

    (@needs) => { $crate::shape::Needs::Nothing };
    (@needs $needs:expr) => { $needs };

    (@member include [$($doc:literal)+] [$($word:tt)+] $of:ty) => {
        $crate::shape::Member::Group(<$of as $crate::form::Fields>::FIELDS)
    };
    (@member stored [$($doc:literal)+] [$($word:tt)+] $of:ty) => {
        $crate::shape::Member::Stored
    };
    (@member $need:ident [$($doc:literal)+] [$($word:tt)+] $of:ty) => {
        $crate::shape::Member::Field($crate::form::object!(@field $need [$($doc)+] [$($word)+] $of))
    };
    (@field $need:ident [$($doc:literal)+] [$($word:tt)+] $of:ty) => {
        $crate::shape::FieldShape {
            name: $crate::form::word!($($word)+),
            doc: concat!($($doc),+).trim_ascii(),
            required: $crate::form::object!(@required $need),
            shape: <$of as $crate::form::Form>::SHAPE,
        }
    };
    (@required required) => { true };
    (@required must) => { true };
    (@required $need:ident) => { false };

    (@type include $of:ty) => { <$of as $crate::form::Fields>::Value<'s> };
    (@type $need:ident $of:ty) => { $crate::form::Field<$crate::form::Of<'s, $of>> };

    (@take include $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        <$of as $crate::form::Fields>::take(&mut $field, $entry, $validator)
    };
    (@take stored $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        $field.take_stored::<$of>($crate::form::word!($($word)+), $entry, $validator)
    };
    (@take $need:ident $field:ident [$($word:tt)+] $of:ty, $entry:ident, $validator:ident) => {
        $field.take::<$of>($crate::form::word!($($word)+), $entry, $validator)
    };

    (@end required $field:ident) => { $field.into_value()? };
    (@end optional $field:ident) => { $field.into_value() };
    (@end stored $field:ident) => { $field.into_value() };
    (@end default $field:ident) => { $field.into_value().unwrap_or_default() };
    (@end strict $field:ident) => { $field.into_optional()? };
    (@end strict $field:ident, $left_out:expr) => { $field.into_optional()?.unwrap_or_else(|| $left_out) };
    (@end $need:ident $field:ident) => { $field };
}

/// Defines the form of an object, and a struct of its fields as written, each a [`Field`](super::Field) with its
/// places. A field is a `must` (required) or a `field`.
macro_rules! fields {
    (
        $(#[doc = $doc:literal])+
        $form:ident($name:literal $(, $needs:expr)?) => $fields:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident $(($word:literal))?: $need:ident $of:ty),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Default)]
        pub(crate) struct $fields<'s> {
            $($(#[doc = $field_doc])+ pub(crate) $field: $crate::form::object!(@type $need $of),)+
        }

        $crate::form::object! {
            $(#[doc = $doc])+
            $form($name $(, $needs)?): $fields<'s> {
                $($(#[doc = $field_doc])+ $field $(($word))?: $need $of),+
            } => $fields { $($field),+ }
        }
    };
}

/// Defines fields that several objects include, and a struct of them. The lines are those of [`fields!`].
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
            $($(#[doc = $field_doc])+ pub(crate) $field: $crate::form::object!(@type $need $of),)+
        }

        impl $crate::form::Fields for $form {
            type Value<'s> = $fields<'s>;

            const FIELDS: &'static [$crate::shape::FieldShape] =
                &[$($crate::form::object!(@field $need [$($field_doc)+] [$field $($word)?] $of)),+];

            fn take<'s>(
                into: &mut $fields<'s>,
                entry: &$crate::node::MappingEntry<'s>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> bool {
                let $fields { $($field),+ } = into;
                $($crate::form::object!(@take $need $field [$field $($word)?] $of, entry, validator))||+
            }
        }
    };
}

/// Defines forms of objects with one required field, whose value is that of the object. A line has the documentation,
/// the form, its name, the field and its documentation.
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

pub(crate) use {fields, group, object, single, word, word_of};
