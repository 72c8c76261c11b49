//! The form of tenants' records. A document may have a million of them.

use rules::{AttributeValue, Channel, Name, Sited, Spelled, TenantDefinition};

use super::UNBOUNDED;
use super::text::{AnyText, AttributeName, FlagKey, TierName};
use crate::form::{Boolean, Comparable, List, Map, VariantWord, object, union, words};

type FlagKeys = List<Sited<FlagKey>, 0, UNBOUNDED>;

object! {
    /// Tenant with its tier, channel, flags and attributes.
    Tenant("a tenant"): TenantDefinition<'s> {
        /// Tier. Default: none.
        tier: optional Sited<TierName>,
        /// Release channel. Default: stable.
        channel: optional Channel,
        /// Marks a tenant of your own organisation, which is eligible for alpha flags. Default: false.
        internal: optional Boolean,
        /// Beta flags that the tenant is on the allowlist of.
        beta: optional FlagKeys,
        /// Variants that the tenant is served regardless of rules, rollout and defaults, by flag.
        overrides: optional Map<Sited<FlagKey>, Sited<VariantWord>, 0, UNBOUNDED>,
        /// Flags that the tenant opted in to.
        opt_in: optional FlagKeys,
        /// Flags that the tenant opted out of.
        opt_out: optional FlagKeys,
        /// Further attributes, for conditions, by name.
        attributes: optional Map<Sited<AttributeName>, TenantAttribute, 0, UNBOUNDED>,
    } => TenantDefinition {
        id: Name::default(),
        tier, channel, internal, beta, overrides, opt_in, opt_out, attributes,
    }
}

words! { Channel::ALL }

union! {
    TenantAttribute("a text, a number, a boolean or a list of texts"): Spelled<AttributeValue> {
        scalar Comparable => |value| value,
        list List<AnyText, 0, UNBOUNDED> =>
            |texts| AttributeValue::List(texts.into_iter().map(|text| Box::from(&*text)).collect()).into(),
    }
}
