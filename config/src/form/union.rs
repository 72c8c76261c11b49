//! Values of several shapes, distinguished by the kind of node or by the key that is present.

/// Defines the form of a union, and the conversion of each of its cases. A case is a `scalar`, a `list`, a `mapping`,
/// or a mapping with a `key`: the first field of its object.
///
/// ```text
/// union! {
///     Serve("a variant or `{ split: { VARIANT: PERCENT } }`"): ServeDefinition {
///         scalar Sited<VariantWord> => ServeDefinition::Variant,
///         mapping Split => |split| split,
///     }
/// }
/// ```
macro_rules! union {
    (
        $(#[$attribute:meta])*
        $form:ident($name:literal): $value:ty {
            $($when:ident $of:ty => $made:expr),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        pub(crate) enum $form {}

        impl $crate::form::Form for $form {
            type Value<'s> = $value;

            const SHAPE: $crate::shape::Shape = {
                fn union() -> &'static $crate::shape::UnionShape {
                    &UNION
                }
                static UNION: $crate::shape::UnionShape = $crate::shape::UnionShape {
                    name: $name,
                    cases: &[$($crate::shape::CaseShape {
                        when: $crate::form::union!(@when $when),
                        shape: <$of as $crate::form::Form>::SHAPE,
                    }),+],
                };
                $crate::shape::Shape::Union(union)
            };

            fn read<'s>(
                node: &$crate::node::Node<'s>,
                slot: $crate::validate::Slot<'_>,
                validator: &mut $crate::validate::Validator<'_>,
            ) -> Option<$value> {
                let case = validator.case(node, Self::SHAPE, slot)?;
                let mut cases = 0..;
                $(if cases.next() == Some(case) {
                    return <$of as $crate::form::Form>::read(node, slot, validator).map($made);
                })+
                None
            }
        }
    };
    (@when scalar) => { $crate::shape::When::Scalar };
    (@when list) => { $crate::shape::When::List };
    (@when mapping) => { $crate::shape::When::Mapping };
    (@when key) => { $crate::shape::When::Key };
}

pub(crate) use union;
