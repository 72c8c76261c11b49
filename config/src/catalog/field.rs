//! Reading of single fields of a flag from JSON, by the forms of documents.

use rules::{ExposureDefinition, Name, OwnedName, RolloutDefinition, ServeDefinition};
use serde_json::Value;

use super::part::read_field;
use crate::shape::flags::{Exposure, Rollout, TierVariants};
use crate::shape::serve::Serve;

/// Reads the rollout of a flag, as documents write it. Returns none if it does not have the form; [`Catalog::explain`]
/// returns the problems of the flag with it.
///
/// [`Catalog::explain`]: super::Catalog::explain
#[must_use]
pub fn read_rollout(written: &Value) -> Option<RolloutDefinition> {
    read_field::<Rollout>(written)
}

/// Reads the stages of a rollout plan in force. Returns none if they do not have the form.
#[must_use]
pub fn read_exposure(written: &Value) -> Option<ExposureDefinition> {
    read_field::<Exposure>(written)
}

/// Reads the default of a flag, as documents write it. Returns none if it does not have the form.
#[must_use]
pub fn read_default(written: &Value) -> Option<ServeDefinition> {
    read_field::<Serve>(written)
}

/// Reads the variants of a flag by tier, as documents write them. Returns none if they do not have the form;
/// [`Catalog::explain`] returns the problems of the flag with them.
///
/// [`Catalog::explain`]: super::Catalog::explain
#[must_use]
pub fn read_tiers(written: &Value) -> Option<Vec<(OwnedName, OwnedName)>> {
    let tiers = read_field::<TierVariants>(written)?.into_iter();
    Some(
        tiers
            .map(|(tier, variant): (Name<'_>, _)| (tier.into_owned(), variant))
            .collect(),
    )
}
