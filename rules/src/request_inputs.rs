//! The inputs of a flag's decisions that only a request has. Decisions that depend on them can't be predicted
//! from tenants alone.

use std::collections::BTreeSet;

use crate::{
    AttributeId, Flag, FlagId, Flags, MAX_NESTING, bucket::Bucketing, condition::Condition, split::Serve,
    subject::AttributeRef,
};

/// The inputs of a flag's decisions that only a request has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestInputs {
    /// The user or the user's groups.
    pub person: bool,
    /// The tenant's id, by buckets or conditions. It is unknown only for tenants without a record.
    pub tenant_id: bool,
    /// Attributes. Those that a tenant's record has are not read of the request.
    pub attributes: BTreeSet<AttributeId>,
    /// The attributes that a rollout or a split is `by`, such as the id of a visitor.
    pub visitor_ids: BTreeSet<AttributeId>,
}

impl Flags {
    /// Returns the request inputs of a flag and of the flags that it requires.
    #[must_use]
    pub fn request_inputs(&self, id: FlagId) -> RequestInputs {
        let mut reads = RequestInputs::default();
        reads.flag(self, id, MAX_NESTING);
        reads
    }
}

impl RequestInputs {
    fn flag(&mut self, flags: &Flags, id: FlagId, depth: usize) {
        let (Some(flag), Some(depth)) = (flags.flag(id), depth.checked_sub(1)) else {
            return;
        };
        self.flag_alone(flags, flag);
        for requirement in &flag.requires {
            self.flag(flags, requirement.flag, depth);
        }
    }

    /// Adds the inputs of a flag without those of the flags that it requires.
    pub(crate) fn flag_alone(&mut self, flags: &Flags, flag: &Flag) {
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
        if let Some(exposure) = &flag.exposure {
            self.bucketing(&exposure.bucketing);
            self.serve(&exposure.serve);
            for audience in exposure.stages.iter().filter_map(|stage| stage.audience.as_ref()) {
                self.condition(flags, audience);
            }
        }
        self.serve(&flag.default);
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
        if let AttributeRef::Named(id) = bucketing.by {
            self.visitor_ids.insert(id);
        }
    }

    fn attribute(&mut self, attribute: AttributeRef) {
        match attribute {
            AttributeRef::User | AttributeRef::Groups => self.person = true,
            AttributeRef::Named(id) => drop(self.attributes.insert(id)),
            AttributeRef::Tenant => self.tenant_id = true,
            AttributeRef::Tier | AttributeRef::Channel | AttributeRef::Internal => {}
        }
    }
}
