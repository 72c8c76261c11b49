//! What names become: small integers that index the tables of one snapshot.
//! An id means nothing in another snapshot, but for those that `Names` and `Flags` keep from one to the next.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) $inner);

        impl $name {
            /// Its place in the snapshot's table.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The id of the `index`th entry, or none where the table could not be that long.
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
