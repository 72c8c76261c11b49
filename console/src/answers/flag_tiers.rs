//! The defaults of tiers of a flag.

use serde::Deserialize;

use super::VariantName;

/// The defaults of tiers of a flag.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagTiers {
    /// The tiers, in the order of the document.
    pub(crate) tiers: Vec<Tier>,
    /// The names of the variants that a default may be.
    pub(crate) variants: Vec<String>,
}

/// A tier, and the default that the flag has for it.
#[derive(Debug, Deserialize)]
pub(crate) struct Tier {
    pub(crate) tier: String,
    default: Option<VariantName>,
    /// The number of its tenants.
    pub(crate) tenants: usize,
}

impl Tier {
    /// Returns the default; an empty text if there is none.
    pub(crate) fn default(&self) -> &str {
        self.default.as_ref().map_or("", |variant| &variant.0)
    }
}
