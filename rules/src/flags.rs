//! All flags of a snapshot, with the segments, tiers and attribute names that their conditions refer to.

use std::sync::Arc;

use crate::{
    AttributeId, Eligibility, Flag, FlagId, Policy, SegmentId, TierId, attribute_names::AttributeNames,
    condition::Segment, flag::TableStart,
};

/// The flags of a snapshot. Its parts are shared with the snapshots before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Flags {
    /// The flags by id; `None` if the flag of an id is gone.
    pub(crate) slots: Arc<[FlagSlot]>,
    /// The ids of the existing flags, in key order.
    pub(crate) order: Arc<[FlagId]>,
    pub(crate) segments: Arc<[Segment]>,
    pub(crate) tiers: Arc<[Box<str>]>,
    pub(crate) attributes: Arc<AttributeNames>,
    pub(crate) unknown_tenant: UnknownTenant,
    pub(crate) policy: Policy,
    pub(crate) eligibility: Eligibility,
}

/// A place of a flag.
pub(crate) type FlagSlot = Option<Arc<Flag>>;

/// The treatment of a tenant without a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownTenant {
    /// Evaluated as a tenant of this tier, if any, on channel stable, not internal and on no list.
    Judge(Option<TierId>),
    /// Not at all: the request is refused.
    Reject,
}

impl Flags {
    /// Creates a set without flags.
    #[must_use]
    pub fn none(eligibility: Eligibility) -> Self {
        Self {
            slots: Arc::default(),
            order: Arc::default(),
            segments: Arc::default(),
            tiers: Arc::default(),
            attributes: Arc::default(),
            unknown_tenant: UnknownTenant::Judge(None),
            policy: Policy::default(),
            eligibility,
        }
    }

    /// Returns every flag with its id, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (FlagId, &Flag)> {
        let ids = self.order.iter();
        ids.filter_map(|id| Some((*id, self.flag(*id)?)))
    }

    /// Returns a slot for each id, in order; `None` if the flag is gone. For building tables indexed by id.
    pub fn by_id(&self) -> impl Iterator<Item = Option<&Flag>> {
        self.slots.iter().map(Option::as_deref)
    }

    /// Returns the number of flags.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns true if there are no flags.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns the flag with this id; `None` if it is gone, or of another snapshot.
    #[must_use]
    #[inline]
    pub fn flag(&self, id: FlagId) -> Option<&Flag> {
        self.slots.get(id.index())?.as_deref()
    }

    /// Returns the id of the flag with this key. Not for the request path, which uses ids.
    #[must_use]
    pub fn id(&self, key: &str) -> Option<FlagId> {
        let place = self.place(key).ok()?;
        self.order.get(place).copied()
    }

    /// Returns the position in key order of the flag with this key, or the position to insert it at.
    pub(crate) fn place(&self, key: &str) -> Result<usize, usize> {
        let key_of = |id: &FlagId| self.flag(*id).map_or("", |flag| flag.key.as_str());
        self.order.binary_search_by(|id| key_of(id).cmp(key))
    }

    /// Returns the id of the attribute with this name; `None` if no condition reads it.
    #[must_use]
    pub fn attribute_id(&self, name: &str) -> Option<AttributeId> {
        self.attributes.id(name)
    }

    /// Returns the names of the attributes that conditions read, by id, without the reserved ones.
    #[must_use]
    pub fn attributes(&self) -> &[Box<str>] {
        self.attributes.names()
    }

    /// Returns the name of the tier.
    #[must_use]
    pub fn tier_name(&self, id: TierId) -> Option<&str> {
        self.tiers.get(id.index()).map(|name| &**name)
    }

    /// Returns the names of the tiers, lowest first.
    #[must_use]
    pub fn tiers(&self) -> &[Box<str>] {
        &self.tiers
    }

    /// Returns the treatment of a tenant without a record.
    #[must_use]
    pub fn unknown_tenant(&self) -> UnknownTenant {
        self.unknown_tenant
    }

    /// Returns the enforcement of the lifecycle in this environment.
    #[must_use]
    pub fn eligibility(&self) -> Eligibility {
        self.eligibility
    }

    /// Returns the policy switches of the lifecycle.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Returns a copy with these flags killed, whatever their definitions are.
    #[must_use]
    pub fn with_killed(&self, killed: &[FlagId]) -> Self {
        let mut slots = self.slots.to_vec();
        for id in killed {
            if let Some(Some(flag)) = slots.get_mut(id.index()) {
                let flag = Arc::make_mut(flag);
                flag.enabled = false;
                flag.start = TableStart::First;
            }
        }
        Self {
            slots: slots.into(),
            ..self.clone()
        }
    }

    pub(crate) fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(id.index())
    }
}
