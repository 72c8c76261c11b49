//! Ids: small integers that index the tables of one snapshot. An id is invalid in another snapshot, except
//! for ids that `Names` and `Flags` carry over.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) $inner);

        impl $name {
            /// Returns its index in the snapshot's table.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// Returns the id of the `index`th entry; `None` if a table can't be that long.
            #[must_use]
            pub fn from_index(index: usize) -> Option<Self> {
                <$inner>::try_from(index).ok().map(Self)
            }
        }
    };
}

id!(
    /// A flag.
    FlagId,
    u32
);
id!(
    /// A variant of one flag.
    VariantId,
    u16
);
id!(
    /// A segment.
    SegmentId,
    u32
);
id!(
    /// A tier; a greater one is a higher tier.
    TierId,
    u16
);
id!(
    /// An attribute that some clause, split or rollout reads.
    AttributeId,
    u32
);
id!(
    /// An upstream.
    UpstreamId,
    u32
);
