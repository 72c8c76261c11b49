//! The form of what a flag serves: a variant, or a split of several by a bucket.

use rules::{Name, ServeDefinition, Sited};

use super::UNBOUNDED;
use super::text::VariantName;
use crate::form::{Map, Owned, Percentage, VariantWord, object, texts, union};

texts! {
    Identifier: filled "`tenant`, `user` or the name of an attribute";
}

union! {
    Serve("a variant or `{ split: { VARIANT: PERCENT } }`"): ServeDefinition {
        scalar Sited<Owned<VariantWord>> => ServeDefinition::Variant,
        mapping Split => |split| split,
    }
}

object! {
    /// Several variants, each for a percentage of the subjects.
    Split("a split"): ServeDefinition {
        /// Percentages by variant, 100 in total.
        split: required Map<Sited<VariantName>, Option<Sited<Percentage>>, 1, UNBOUNDED>,
        /// Attribute that selects the bucket: `tenant`, `user` or the name of another. Default: tenant.
        by: optional Sited<Owned<Identifier>>,
    } => {
        // Without all percentages their sum would be reported as well.
        let weight = |(variant, percentage): (Name<'_>, Option<_>)| Some((variant.into_owned(), percentage?));
        ServeDefinition::Split { weights: split.into_iter().map(weight).collect::<Option<_>>()?, by }
    }
}
