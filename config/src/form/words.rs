//! Known sets of words.

/// Makes an enum the form of its words: one table for what is accepted, for the messages, and for the values. Each
/// variant needs a word, and may have several.
macro_rules! words {
    ($type:ty { $($word:literal => $variant:ident),+ $(,)? }) => {
        impl $crate::form::Form for $type {
            type Value<'s> = Self;

            const SHAPE: $crate::shape::Shape = $crate::shape::Shape::Choice(&[$($word),+]);

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<Self> {
                const VALUES: &[$type] = &[$(<$type>::$variant),+];
                #[allow(unreachable_patterns, reason = "a variant may have two words")]
                const _: fn(&$type) = |value| match value { $(<$type>::$variant => {})+ };
                VALUES.get(validator.word(node, Self::SHAPE, slot)?).copied()
            }
        }
    };
}

pub(crate) use words;
