//! Compiled records of tenants.

use std::sync::Arc;

use crate::short_str::ShortStr;
use crate::{AttributeId, AttributeValue, Channel, FlagId, TierId, Value, VariantId};

/// The most attributes, and flags on a list, that are searched linearly.
const FEW: usize = 8;

/// A tenant's record. It takes 40 bytes: most of a million tenants have neither lists nor attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    pub(crate) id: ShortStr,
    pub(crate) tier: Option<TierId>,
    pub(crate) channel: Channel,
    pub(crate) internal: bool,
    /// Shared by the versions of a table; none if the tenant has neither settings nor attributes.
    pub(crate) lists: Option<Arc<TenantLists>>,
}

/// The settings and attributes of a tenant.
#[derive(Debug, PartialEq)]
pub(crate) struct TenantLists {
    /// By flag, sorted; a flag that is on none of the tenant's lists is not here.
    flag_settings: Box<[(FlagId, TenantFlagSettings)]>,
    /// Sorted by id; attributes that no condition reads are not here.
    attributes: Box<[(AttributeId, AttributeValue)]>,
}

/// The settings of a tenant for one flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantFlagSettings {
    /// The variant of the tenant's override.
    pub forced: Option<VariantId>,
    /// True if the tenant is on the flag's beta allowlist.
    pub allowed: bool,
    /// The tenant's own choice.
    pub choice: TenantChoice,
}

/// A tenant's own choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TenantChoice {
    /// It made none.
    #[default]
    None,
    /// It opted in.
    In,
    /// It opted out.
    Out,
}

impl Tenant {
    /// Creates a record of stable channel, not internal, without settings and attributes.
    pub(crate) fn new(id: &str, tier: Option<TierId>) -> Self {
        Self {
            id: id.into(),
            tier,
            channel: Channel::Stable,
            internal: false,
            lists: None,
        }
    }

    /// Returns the record with these settings and attributes, each sorted by id.
    #[must_use]
    pub(crate) fn with_lists(
        self,
        flag_settings: Vec<(FlagId, TenantFlagSettings)>,
        attributes: Vec<(AttributeId, AttributeValue)>,
    ) -> Self {
        let is_empty = flag_settings.is_empty() && attributes.is_empty();
        let lists = (!is_empty).then(|| {
            Arc::new(TenantLists {
                flag_settings: flag_settings.into(),
                attributes: attributes.into(),
            })
        });
        Self { lists, ..self }
    }

    /// Returns its settings by flag, sorted; a flag that is on none of its lists is missing.
    #[must_use]
    #[inline(always)]
    pub fn flag_settings(&self) -> &[(FlagId, TenantFlagSettings)] {
        self.lists.as_ref().map_or(&[], |lists| &lists.flag_settings)
    }

    /// Returns its attributes, sorted by id.
    #[inline(always)]
    pub(crate) fn attributes(&self) -> &[(AttributeId, AttributeValue)] {
        self.lists.as_ref().map_or(&[], |lists| &lists.attributes)
    }

    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
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

    /// Returns true if both are versions of one record: they share their settings and attributes, of which there are
    /// some.
    #[must_use]
    pub fn shares_lists_with(&self, other: &Self) -> bool {
        let lists = self.lists.as_ref().zip(other.lists.as_ref());
        lists.is_some_and(|(one, two)| Arc::ptr_eq(one, two))
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

    /// Reads the record itself. This and the next three methods are called for their memory accesses
    /// (prefetching); their results have no meaning.
    pub(crate) fn fetch_record(&self) -> usize {
        self.id().len()
    }

    /// Reads the lists that the record points to, and the beginning of a long id.
    pub(crate) fn fetch_lists(&self) -> usize {
        let id = self.id().as_bytes().first().map_or(0, |byte| usize::from(*byte));
        id ^ self.flag_settings().len() ^ self.attributes().len()
    }

    /// Reads the beginnings of its lists.
    pub(crate) fn fetch_entries(&self) -> usize {
        let settings = self.flag_settings().first().map_or(0, |(flag, _)| flag.index());
        let attribute = self.attributes().first().map_or(0, |(name, _)| name.index());
        settings ^ attribute
    }

    /// Reads the beginnings of its attributes' values.
    pub(crate) fn fetch_values(&self) -> usize {
        let values = self.attributes().iter().take(FEW);
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
        let mut named = self.flag_settings().iter();
        named.any(|(flag, _)| flags.binary_search(flag).is_ok())
    }

    /// Returns its settings for `flag`.
    #[must_use]
    pub fn settings_for(&self, flag: FlagId) -> TenantFlagSettings {
        self.listed_settings(flag).copied().unwrap_or_default()
    }

    /// Returns its settings for `flag`; `None` if it is on none of the flag's lists.
    #[inline(always)]
    pub(crate) fn listed_settings(&self, flag: FlagId) -> Option<&TenantFlagSettings> {
        // Most tenants are on no list, and the others on few.
        let settings = self.flag_settings();
        if settings.len() <= FEW {
            let mut listed = settings.iter();
            return listed.find(|(id, _)| *id == flag).map(|(_, settings)| settings);
        }
        let index = settings.binary_search_by_key(&flag, |(id, _)| *id).ok()?;
        settings.get(index).map(|(_, settings)| settings)
    }

    /// Returns the attribute's value in the record.
    #[inline(always)]
    pub(crate) fn attribute(&self, id: AttributeId) -> Option<Value<'_>> {
        // A record has few attributes, so a walk beats a search.
        let attributes = self.attributes();
        if attributes.len() > FEW {
            return attribute_among_many(attributes, id);
        }
        let mut given = attributes.iter();
        let found = given.find(|(given, _)| *given == id);
        found.map(|(_, value)| value.as_value())
    }
}

/// Searches an attribute. A call of its own, because clauses would save the registers that it needs each time.
#[inline(never)]
fn attribute_among_many(attributes: &[(AttributeId, AttributeValue)], id: AttributeId) -> Option<Value<'_>> {
    let index = attributes.binary_search_by_key(&id, |(id, _)| *id).ok()?;
    attributes.get(index).map(|(_, value)| value.as_value())
}
