//! Values that are parsed further than their kind of scalar.

/// Defines forms of values that are parsed further. A line has the form, its input, the code of the problem, the type
/// of the value, and a function that parses the input. The input is a text, given by its noun, or another form; then
/// the function gets the name of the field as well.
macro_rules! parsed {
    ($($(#[$attribute:meta])* $form:ident($what:literal, $code:literal): $value:ty = $parse:expr;)+) => {$(
        $(#[$attribute])*
        #[doc = concat!("The form of ", $what, ".")]
        pub(crate) enum $form {}

        impl $crate::form::Form for $form {
            type Value<'s> = $value;

            const SHAPE: $crate::shape::Shape = $crate::shape::Shape::Text($what);

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<$value> {
                let parse: fn(&str) -> Result<$value, $crate::validate::InvalidValue> = $parse;
                let text = validator.text(node, Self::SHAPE, slot)?;
                validator.parsed(node, $code, parse(&text))
            }
        }
    )+};
    ($($(#[$attribute:meta])+ $form:ident: $of:ty, $code:literal, $value:ty = $parse:expr;)+) => {$(
        $(#[$attribute])+
        pub(crate) enum $form {}

        impl $crate::form::Form for $form {
            type Value<'s> = $value;

            const SHAPE: $crate::shape::Shape = <$of as $crate::form::Form>::SHAPE;

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<$value> {
                let parse: fn($crate::form::Of<'s, $of>, &str) -> Result<$value, $crate::validate::InvalidValue> = $parse;
                let value = <$of as $crate::form::Form>::read(node, slot, validator)?;
                validator.parsed(node, $code, parse(value, slot.name))
            }
        }
    )+};
}

pub(crate) use parsed;
