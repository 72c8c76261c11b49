//! Every flag with what its conditions refer to: segments, tiers and attribute names.

use std::sync::Arc;

use crate::{
    AttributeId, Eligibility, Flag, FlagId, Policy, SegmentId, TierId, attribute_names::AttributeNames,
    condition::Segment,
};

/// The flags of a snapshot. Its parts are shared with the snapshots before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Flags {
    /// By id; none where the flag that had it is gone.
    pub(crate) slots: Arc<[FlagSlot]>,
    /// Those that there are, in key order.
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

/// How a tenant without a record is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownTenant {
    /// As a tenant of this tier, if any, on channel stable, not internal, on no list.
    Judge(Option<TierId>),
    /// Not at all: the request is refused.
    Reject,
}

impl Flags {
    /// No flag at all.
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

    /// Every flag, in key order, with its id.
    pub fn iter(&self) -> impl Iterator<Item = (FlagId, &Flag)> {
        let ids = self.order.iter();
        ids.filter_map(|id| Some((*id, self.flag(*id)?)))
    }

    /// By id, each flag; none where the one that had the id is gone. For tables that are found into by id.
    pub fn by_id(&self) -> impl Iterator<Item = Option<&Flag>> {
        self.slots.iter().map(Option::as_deref)
    }

    /// How many flags there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no flag at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The flag with this id; none where it is gone, or of another snapshot.
    #[must_use]
    #[inline]
    pub fn flag(&self, id: FlagId) -> Option<&Flag> {
        self.slots.get(id.index())?.as_deref()
    }

    /// The id of the flag with this key. Not for the request path, which knows ids.
    #[must_use]
    pub fn id(&self, key: &str) -> Option<FlagId> {
        let place = self.place(key).ok()?;
        self.order.get(place).copied()
    }

    /// Where in the order the flag with this key is, or would be.
    pub(crate) fn place(&self, key: &str) -> Result<usize, usize> {
        let key_of = |id: &FlagId| self.flag(*id).map_or("", |flag| flag.key.as_str());
        self.order.binary_search_by(|id| key_of(id).cmp(key))
    }

    /// The id of the attribute with this name, or none where no condition reads it.
    #[must_use]
    pub fn attribute_id(&self, name: &str) -> Option<AttributeId> {
        self.attributes.id(name)
    }

    /// The attributes that conditions read, by id, reserved ones apart.
    #[must_use]
    pub fn attributes(&self) -> &[Box<str>] {
        self.attributes.names()
    }

    /// The tier's name.
    #[must_use]
    pub fn tier_name(&self, id: TierId) -> Option<&str> {
        self.tiers.get(id.index()).map(|name| &**name)
    }

    /// The names of the tiers, lowest first.
    #[must_use]
    pub fn tiers(&self) -> &[Box<str>] {
        &self.tiers
    }

    /// How a tenant without a record is judged.
    #[must_use]
    pub fn unknown_tenant(&self) -> UnknownTenant {
        self.unknown_tenant
    }

    /// Whether the lifecycle is enforced here.
    #[must_use]
    pub fn eligibility(&self) -> Eligibility {
        self.eligibility
    }

    /// The switches of the lifecycle's eligibility.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The same flags, of which these are killed, whatever their definitions say.
    #[must_use]
    pub fn with_killed(&self, killed: &[FlagId]) -> Self {
        let mut slots = self.slots.to_vec();
        for id in killed {
            if let Some(Some(flag)) = slots.get_mut(id.index()) {
                Arc::make_mut(flag).enabled = false;
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
