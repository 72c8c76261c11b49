//! Endpoint of the defaults of tiers of a flag: each tier of the document, with the number of its tenants.

use std::collections::HashMap;

use config::ToJson as _;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Api;
use super::body::VariantForm;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;

/// The defaults of tiers of a flag.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagTiers)]
pub(crate) struct FlagTiersBody {
    revision: u64,
    flag: String,
    /// The tiers, in the order of the document.
    tiers: Vec<TierBody>,
    /// The names of the variants that a default may be.
    variants: Vec<String>,
}

/// A tier, and the default that the flag has for it.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagTier)]
struct TierBody {
    tier: String,
    /// The variant of its default; absent if the flag has none for the tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = VariantForm)]
    default: Option<Value>,
    /// The number of tenants whose record has the tier.
    tenants: usize,
}

/// A part of the state, copied so that changes do not wait while tenants are counted.
struct Copied {
    revision: u64,
    tiers: Vec<String>,
    defaults: Map<String, Value>,
    variants: Vec<String>,
    counts: HashMap<String, usize>,
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<FlagTiersBody>, ApiProblem> {
    let key = request.flag();
    let copied = api.control().read(|state, _| {
        let definition = state.flag(key)?.definition.to_json();
        let member = |name: &str| definition.get(name).and_then(Value::as_object);
        let variants = member("variants").map(|variants| variants.keys().cloned().collect());
        let mut counts = HashMap::new();
        for (_, record) in state.tenants() {
            if let Some(tier) = &record.tier {
                let count: &mut usize = counts.entry(tier.value.to_string()).or_default();
                *count = count.saturating_add(1);
            }
        }
        Some(Copied {
            revision: state.revision.0,
            tiers: state.document.head.tiers().map(str::to_owned).collect(),
            defaults: member("tiers").cloned().unwrap_or_default(),
            variants: variants.unwrap_or_else(|| vec!["on".to_owned(), "off".to_owned()]),
            counts,
        })
    });
    let mut copied = copied.ok_or_else(|| ApiProblem::flag_not_found(key))?;
    let tiers = copied.tiers.into_iter().map(|tier| TierBody {
        default: copied.defaults.remove(&tier),
        tenants: copied.counts.get(&tier).copied().unwrap_or_default(),
        tier,
    });
    let body = FlagTiersBody {
        revision: copied.revision,
        flag: key.to_owned(),
        tiers: tiers.collect(),
        variants: copied.variants,
    };
    Ok(Reply::at(changes::Revision(copied.revision), body))
}
