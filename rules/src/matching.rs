//! Evaluates the parts of a flag for a subject: attribute values, conditions, buckets and splits.
//! The types themselves know no [`Flags`], which hold them.

use xxhash_rust::xxh3::xxh3_64;

use crate::bucket::{Bucketing, digits};
use crate::condition::{Clause, Condition};
use crate::exposure::Stage;
use crate::split::{Serve, Split};
use crate::subject::{AttributeRef, Subject};
use crate::{AttributeId, Flags, TierId, UnknownTenant, Value, VariantId};

impl<'a> Subject<'a> {
    /// Returns the tier of the record, or that of unknown tenants. An anonymous subject has none.
    pub(crate) fn tier(&self, flags: &Flags) -> Option<TierId> {
        match (self.record, self.tenant, flags.unknown_tenant()) {
            (Some(record), _, _) => record.tier(),
            (None, Some(_), UnknownTenant::Judge(tier)) => tier,
            (None, _, _) => None,
        }
    }

    /// Returns the subject's value of `attribute`. The tenant's record takes precedence over the request.
    #[inline(always)]
    pub(crate) fn value(&self, flags: &'a Flags, attribute: AttributeRef) -> Option<Value<'a>> {
        match attribute {
            AttributeRef::Tenant => self.tenant.map(Value::String),
            AttributeRef::Tier => self
                .tier(flags)
                .and_then(|tier| flags.tier_name(tier))
                .map(Value::String),
            AttributeRef::Channel => self.tenant.map(|_| Value::String(self.channel().as_str())),
            AttributeRef::Internal => self.tenant.map(|_| Value::Boolean(self.is_internal())),
            AttributeRef::User => self.user.map(Value::String),
            // A user in no group has an empty list. The groups of a token without a user count as well.
            AttributeRef::Groups => {
                (self.user.is_some() || !self.groups.is_empty()).then_some(Value::List(self.groups))
            }
            AttributeRef::Named(id) => self.attribute(id),
        }
    }

    /// Returns the subject's value of a named attribute. The tenant's record takes precedence over the request.
    #[inline(always)]
    #[must_use]
    pub fn attribute(&self, id: AttributeId) -> Option<Value<'a>> {
        self.record.and_then(|record| record.attribute(id)).or_else(|| {
            self.attributes
                .iter()
                .find(|(given, _)| *given == id)
                .map(|(_, value)| *value)
        })
    }
}

impl Condition {
    /// Returns true if the condition holds for the subject. Compiling limits its depth and length.
    pub(crate) fn holds(&self, flags: &Flags, subject: &Subject<'_>) -> bool {
        match self {
            Self::All(conditions) => conditions
                .iter()
                .all(|condition| condition.part_holds(flags, subject)),
            Self::Any(conditions) => conditions
                .iter()
                .any(|condition| condition.part_holds(flags, subject)),
            Self::Not(condition) => !condition.part_holds(flags, subject),
            Self::Segment(id) => flags
                .segment(*id)
                .is_some_and(|segment| segment.condition.holds(flags, subject)),
            Self::Clause(clause) => clause.holds(flags, subject),
        }
    }

    /// Like [`Condition::holds`], without a call for a clause, which most parts are.
    #[inline(always)]
    pub(crate) fn part_holds(&self, flags: &Flags, subject: &Subject<'_>) -> bool {
        match self {
            Self::Clause(clause) => clause.holds(flags, subject),
            other => other.holds(flags, subject),
        }
    }
}

impl Clause {
    /// Not inlined: one copy for all calls keeps their frames small.
    #[inline(never)]
    fn holds(&self, flags: &Flags, subject: &Subject<'_>) -> bool {
        self.operator.holds(subject.value(flags, self.attribute))
    }
}

impl Bucketing {
    /// Returns the subject's bucket; `None` if it has no id.
    #[inline(always)]
    pub(crate) fn bucket(&self, flags: &Flags, subject: &Subject<'_>) -> Option<u32> {
        // Most buckets are the tenant's.
        if self.by == AttributeRef::Tenant {
            let id = subject.tenant.filter(|id| !id.is_empty());
            return id.map(|id| self.salt.bucket(id.as_bytes()));
        }
        self.bucket_of_value(flags, subject)
    }

    /// Returns the hash of the subject's id without the salt; `None` if it has no id.
    pub(crate) fn id_hash(&self, flags: &Flags, subject: &Subject<'_>) -> Option<u64> {
        match subject.value(flags, self.by)? {
            Value::String("") | Value::Boolean(_) | Value::List(_) => None,
            Value::String(id) => Some(xxh3_64(id.as_bytes())),
            Value::Number(id) => digits(id).map(|digits| xxh3_64(digits.as_bytes())),
        }
    }

    /// Returns the bucket of any attribute's value. A call of its own, so that the tenant's bucket needs few registers.
    #[inline(never)]
    fn bucket_of_value(&self, flags: &Flags, subject: &Subject<'_>) -> Option<u32> {
        match subject.value(flags, self.by)? {
            Value::String("") | Value::Boolean(_) | Value::List(_) => None,
            Value::String(id) => Some(self.salt.bucket(id.as_bytes())),
            Value::Number(id) => digits(id).map(|digits| self.salt.bucket(digits.as_bytes())),
        }
    }
}

impl Stage {
    /// Returns true if the subject is in the audience.
    pub(crate) fn is_in_audience(&self, flags: &Flags, subject: &Subject<'_>) -> bool {
        let audience = self.audience.as_ref();
        audience.is_none_or(|audience| audience.holds(flags, subject))
    }
}

impl Serve {
    /// Returns the variant for this subject; `None` if a split finds no id.
    #[inline(always)]
    pub(crate) fn variant(&self, flags: &Flags, subject: &Subject<'_>) -> Option<VariantId> {
        match self {
            Self::Variant(variant) => Some(*variant),
            Self::Split(split) => split.variant(flags, subject),
        }
    }
}

impl Split {
    #[inline(never)]
    fn variant(&self, flags: &Flags, subject: &Subject<'_>) -> Option<VariantId> {
        let bucket = self.bucketing.bucket(flags, subject)?;
        self.bounds
            .iter()
            .find(|(upper, _)| bucket < *upper)
            .map(|(_, variant)| *variant)
    }
}
