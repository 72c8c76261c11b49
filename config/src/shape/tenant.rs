//! The form of tenants' records. A document may have a million of them.

use rules::{AttributeValue, Channel, Name, Sited, Spelled, TenantDefinition};

use super::UNBOUNDED;
use super::flags::TierName;
use super::text::{AnyText, AttributeName, FlagKey};
use crate::form::{Boolean, Comparable, List, Map, Variant, object, union, words};

type FlagKeys = List<Sited<FlagKey>, 0, UNBOUNDED>;

object! {
    /// What is known of a tenant.
    Tenant("a tenant"): TenantDefinition<'s> {
        /// Its tier; left out: none.
        tier: optional Sited<TierName>,
        /// Its release channel; left out: stable.
        channel: optional Channel,
        /// Whether it is one of our own; left out: false.
        internal: optional Boolean,
        /// The beta allowlist.
        beta: optional FlagKeys,
        /// Flags and the variant it is made to be served.
        overrides: optional Map<Sited<FlagKey>, Sited<Variant>, 0, UNBOUNDED>,
        /// Flags it opted in to.
        opt_in: optional FlagKeys,
        /// Flags it opted out of.
        opt_out: optional FlagKeys,
        /// What else is known of it.
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
