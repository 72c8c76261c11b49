//! Compiled records of tenants.

use crate::{AttributeId, AttributeValue, Channel, FlagId, TierId, Value, VariantId};

/// The most attributes, and flags on a list, that are searched linearly.
const FEW: usize = 8;

/// A tenant's record.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    pub(crate) id: Box<str>,
    pub(crate) tier: Option<TierId>,
    pub(crate) channel: Channel,
    pub(crate) internal: bool,
    /// By flag, sorted; a flag that is on none of the tenant's lists is not here.
    pub(crate) flag_settings: Box<[(FlagId, TenantFlagSettings)]>,
    /// Sorted by id; attributes that no condition reads are not here.
    pub(crate) attributes: Box<[(AttributeId, AttributeValue)]>,
}

/// The settings of a tenant for one flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TenantFlagSettings {
    /// The variant it is made to serve.
    pub(crate) forced: Option<VariantId>,
    /// True if the tenant is on the flag's beta allowlist.
    pub(crate) allowed: bool,
    /// The tenant's own choice.
    pub(crate) choice: TenantChoice,
}

/// A tenant's own choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TenantChoice {
    #[default]
    None,
    In,
    Out,
}

impl Tenant {
    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns its tier.
    #[must_use]
    pub fn tier(&self) -> Option<TierId> {
        self.tier
    }

    /// Returns its release channel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Returns true if it belongs to the operator's own organisation.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.internal
    }

    /// Returns true if it opted in to `flag`, or is on its beta allowlist.
    #[must_use]
    pub fn has_requested(&self, flag: FlagId) -> bool {
        let settings = self.settings_for(flag);
        settings.allowed || settings.choice == TenantChoice::In
    }

    /// Returns true if its record has the attribute. Requests are then not read for it.
    #[must_use]
    pub fn has(&self, attribute: AttributeId) -> bool {
        self.attribute(attribute).is_some()
    }

    /// Reads the record itself. This and the next two methods are called for their memory accesses
    /// (prefetching); their results have no meaning.
    pub(crate) fn fetch_record(&self) -> usize {
        self.id.len() ^ self.flag_settings.len() ^ self.attributes.len()
    }

    /// Reads the beginnings of what the record points to.
    pub(crate) fn fetch_lists(&self) -> usize {
        let id = self.id.as_bytes().first().map_or(0, |byte| usize::from(*byte));
        let settings = self.flag_settings.first().map_or(0, |(flag, _)| flag.index());
        let attribute = self.attributes.first().map_or(0, |(name, _)| name.index());
        id ^ settings ^ attribute
    }

    /// Reads the beginnings of its attributes' values.
    pub(crate) fn fetch_values(&self) -> usize {
        let values = self.attributes.iter().take(FEW);
        let read = values.map(|(_, value)| match value.as_value() {
            Value::String(text) => text.as_bytes().first().map_or(0, |byte| usize::from(*byte)),
            Value::List(items) => items.first().map_or(0, |item| item.len()),
            Value::Number(_) | Value::Boolean(_) => 0,
        });
        read.fold(0, |all, one| all ^ one)
    }

    /// Returns true if its record names one of these flags, which are sorted.
    #[must_use]
    pub fn names(&self, flags: &[FlagId]) -> bool {
        let mut named = self.flag_settings.iter();
        named.any(|(flag, _)| flags.binary_search(flag).is_ok())
    }

    /// Returns its settings for `flag`.
    pub(crate) fn settings_for(&self, flag: FlagId) -> TenantFlagSettings {
        self.listed_settings(flag).copied().unwrap_or_default()
    }

    /// Returns its settings for `flag`; `None` if it is on none of the flag's lists.
    #[inline(always)]
    pub(crate) fn listed_settings(&self, flag: FlagId) -> Option<&TenantFlagSettings> {
        // Most tenants are on no list, and the others on few.
        if self.flag_settings.len() <= FEW {
            let mut listed = self.flag_settings.iter();
            return listed.find(|(id, _)| *id == flag).map(|(_, settings)| settings);
        }
        let index = self
            .flag_settings
            .binary_search_by_key(&flag, |(id, _)| *id)
            .ok()?;
        self.flag_settings.get(index).map(|(_, settings)| settings)
    }

    /// Returns the attribute's value in the record.
    #[inline(always)]
    pub(crate) fn attribute(&self, id: AttributeId) -> Option<Value<'_>> {
        // A record has few attributes, so a walk beats a search.
        if self.attributes.len() <= FEW {
            return self
                .attributes
                .iter()
                .find(|(given, _)| *given == id)
                .map(|(_, value)| value.as_value());
        }
        let index = self.attributes.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.attributes.get(index).map(|(_, value)| value.as_value())
    }
}
