//! What decisions about a flag read of a request beside its tenant: what nobody knows who looks at tenants alone.

use std::collections::BTreeSet;

use crate::{
    AttributeId, FlagId, Flags, bucket::Bucketing, compile::MAX_NESTING, condition::Condition, flag::Flag,
    split::Serve, subject::AttributeRef,
};

/// What decisions about a flag read of a request beside its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestReads {
    /// The user or the user's groups.
    pub person: bool,
    /// Attributes. Those that a tenant's record has are not read of the request.
    pub attributes: BTreeSet<AttributeId>,
}

impl Flags {
    /// What decisions about a flag, and about those that it requires, read of a request.
    #[must_use]
    pub fn request_reads(&self, id: FlagId) -> RequestReads {
        let mut reads = RequestReads::default();
        reads.flag(self, id, MAX_NESTING);
        reads
    }

    /// Whether decisions about the flag can differ from those about it among other flags, but for tiers and what those
    /// get who opted in. So can those where what it requires does.
    #[must_use]
    pub fn may_decide_otherwise(&self, id: FlagId, other: (&Self, FlagId)) -> bool {
        !self.decides_alike(id, other, MAX_NESTING)
    }

    fn decides_alike(&self, id: FlagId, (others, other): (&Self, FlagId), depth: usize) -> bool {
        let (Some(one), Some(two)) = (self.flag(id), others.flag(other)) else {
            return false;
        };
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let same_ground = self.policy == others.policy
            && self.eligibility == others.eligibility
            && (self.segments == others.segments || !one.names_segments());
        let required = one.requires.iter().zip(&two.requires);
        same_ground
            && one.decides_like(two)
            && required
                .into_iter()
                .all(|(one, two)| self.decides_alike(one.flag, (others, two.flag), depth))
    }
}

impl RequestReads {
    fn flag(&mut self, flags: &Flags, id: FlagId, depth: usize) {
        let (Some(flag), Some(depth)) = (flags.flag(id), depth.checked_sub(1)) else {
            return;
        };
        for rule in &flag.rules {
            self.condition(flags, &rule.when);
            self.serve(&rule.serve);
        }
        if let Some(rollout) = &flag.rollout {
            self.bucketing(&rollout.bucketing);
            self.serve(&rollout.serve);
            if let Some(audience) = &rollout.audience {
                self.condition(flags, audience);
            }
        }
        self.serve(&flag.default);
        for requirement in &flag.requires {
            self.flag(flags, requirement.flag, depth);
        }
    }

    fn condition(&mut self, flags: &Flags, condition: &Condition) {
        match condition {
            Condition::All(conditions) | Condition::Any(conditions) => {
                for condition in conditions {
                    self.condition(flags, condition);
                }
            }
            Condition::Not(condition) => self.condition(flags, condition),
            Condition::Segment(id) => {
                if let Some(segment) = flags.segment(*id) {
                    self.condition(flags, &segment.condition);
                }
            }
            Condition::Clause(clause) => self.attribute(clause.attribute),
        }
    }

    fn serve(&mut self, serve: &Serve) {
        if let Serve::Split(split) = serve {
            self.bucketing(&split.bucketing);
        }
    }

    fn bucketing(&mut self, bucketing: &Bucketing) {
        self.attribute(bucketing.by);
    }

    fn attribute(&mut self, attribute: AttributeRef) {
        match attribute {
            AttributeRef::User | AttributeRef::Groups => self.person = true,
            AttributeRef::Named(id) => drop(self.attributes.insert(id)),
            AttributeRef::Tenant | AttributeRef::Tier | AttributeRef::Channel | AttributeRef::Internal => {}
        }
    }
}

impl Flag {
    /// Whether it stands for the same in a decision, but for tiers and what those get who opted in.
    fn decides_like(&self, other: &Self) -> bool {
        let lines = |flag: &Self| {
            (
                flag.lifecycle,
                flag.enabled,
                flag.schedule,
                flag.off,
                flag.final_variant,
            )
        };
        lines(self) == lines(other)
            && self.salt == other.salt
            && self.variants == other.variants
            && self.requires == other.requires
            && self.rules == other.rules
            && self.rollout == other.rollout
            && self.default == other.default
    }

    fn names_segments(&self) -> bool {
        let audience = self
            .rollout
            .iter()
            .filter_map(|rollout| rollout.audience.as_ref());
        let mut conditions = self.rules.iter().map(|rule| &rule.when).chain(audience);
        conditions.any(Condition::names_segments)
    }
}

impl Condition {
    fn names_segments(&self) -> bool {
        match self {
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().any(Self::names_segments),
            Self::Not(condition) => condition.names_segments(),
            Self::Segment(_) => true,
            Self::Clause(_) => false,
        }
    }
}
