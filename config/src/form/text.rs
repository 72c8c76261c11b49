//! Texts with a meaning to the program: names, addresses, paths, patterns.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::Form;
use crate::node::Node;
use crate::shape::Shape;
use crate::validate::{Slot, Validator};

/// A form of texts, with its noun.
pub(crate) trait Text {
    /// The noun of the text, with its article: `a flag key`.
    const WHAT: &'static str;
}

/// The form `F`, with the text copied out of the document.
pub(crate) struct Owned<F>(PhantomData<F>);
/// The form `F`, with the text copied out of the document into a box.
pub(crate) struct Boxed<F>(PhantomData<F>);

impl<F: for<'s> Form<Value<'s> = Cow<'s, str>>> Form for Owned<F> {
    type Value<'s> = Cow<'static, str>;

    const SHAPE: Shape = F::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        F::read(node, slot, validator).map(|text| Cow::Owned(text.into_owned()))
    }
}

impl<F: for<'s> Form<Value<'s> = Cow<'s, str>>> Form for Boxed<F> {
    type Value<'s> = Box<str>;

    const SHAPE: Shape = F::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        F::read(node, slot, validator).map(|text| text.into_owned().into_boxed_str())
    }
}

/// Defines forms of texts, each with its noun. `any` accepts every text, `filled` every text that is not empty.
macro_rules! texts {
    ($($form:ident: $kind:ident $what:literal;)+) => {$(
        #[doc = concat!("The form of ", $what, ".")]
        pub(crate) enum $form {}

        impl $crate::form::Text for $form {
            const WHAT: &'static str = $what;
        }

        impl $crate::form::Form for $form {
            type Value<'s> = std::borrow::Cow<'s, str>;

            const SHAPE: $crate::shape::Shape = $crate::form::texts!(@shape $kind $what);

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<Self::Value<'s>> {
                validator.text(node, Self::SHAPE, slot)
            }
        }
    )+};
    (@shape any $what:literal) => { $crate::shape::Shape::Text($what) };
    (@shape filled $what:literal) => { $crate::shape::Shape::Name($what) };
}

pub(crate) use texts;
