//! Known sets of words.

/// Makes an enum the form of its words: one table of the accepted words and their values, also used by messages. A
/// variant without its word does not compile. `Type::ALL` uses the words of an enum that has `as_str`; further words
/// of variants can follow.
macro_rules! words {
    ($type:ident { $($word:literal => $variant:ident),+ $(,)? }) => {
        impl $crate::form::Form for $type {
            type Value<'s> = Self;

            const SHAPE: $crate::shape::Shape = $crate::shape::Shape::Choice(&[$($word),+]);

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<Self> {
                // A variant without its word does not compile here.
                const _: fn(&$type) = |value| match value { $($type::$variant => {})+ };
                let values = [$($type::$variant),+];
                values.get(validator.word(node, Self::SHAPE, slot)?).copied()
            }
        }
    };
    ($type:ident::ALL $(, $word:literal => $variant:ident)*) => {
        impl $crate::form::Form for $type {
            type Value<'s> = Self;

            const SHAPE: $crate::shape::Shape = {
                const OTHERS: &[&str] = &[$($word),*];
                const WORDS: [&str; $type::ALL.len() + OTHERS.len()] = {
                    let mut words = [""; $type::ALL.len() + OTHERS.len()];
                    let mut index = 0;
                    #[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
                    while index < words.len() {
                        words[index] = match index.checked_sub($type::ALL.len()) {
                            None => $type::ALL[index].as_str(),
                            Some(index) => OTHERS[index],
                        };
                        index += 1;
                    }
                    words
                };
                $crate::shape::Shape::Choice(&WORDS)
            };

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<Self> {
                let mut values = $type::ALL.into_iter().chain([$($type::$variant),*]);
                values.nth(validator.word(node, Self::SHAPE, slot)?)
            }
        }
    };
}

pub(crate) use words;
