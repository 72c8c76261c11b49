//! Our own evaluator, with the tenant's attributes in its record or in the request.

use std::{fmt::Write as _, hint::black_box};

use config::LoadedFlags;
use rules::{AttributeId, Decimal, Decision, FlagId, Subject, Timestamp, Value, VariantId, decide};

use crate::{Caller, evaluators::FLAG, load};

const DOCUMENT: &str = include_str!("../flags/sluice.yaml");
/// The same flag without its rules.
const ROLLOUT: &str =
    "version: 1\nflags:\n  dispatch.v2Board: { lifecycle: ga, rollout: { percentage: 25, by: tenant } }\n";

pub(crate) struct Sluice {
    loaded: LoadedFlags,
    flag: FlagId,
    off: VariantId,
    now: Timestamp,
}

/// The groups and named attributes of a caller.
pub(crate) struct Attributes<'a> {
    groups: [Box<str>; 1],
    /// Those that the flag reads.
    named: Vec<(AttributeId, Value<'a>)>,
}

impl Sluice {
    /// With a record for every caller's tenant, which holds its attributes.
    pub(crate) fn with_records(callers: &[Caller]) -> Self {
        let mut document = format!("{DOCUMENT}tenants:\n");
        for Caller {
            tenant,
            country,
            seats,
            ..
        } in callers
        {
            writeln!(
                document,
                "  {tenant}: {{ attributes: {{ country: {country}, seats: {seats} }} }}"
            )
            .expect("writing into a string");
        }
        Self::new(&document)
    }

    /// Without a record of anybody, and without rules: nothing but the rollout decides.
    pub(crate) fn rollout_alone() -> Self {
        Self::new(ROLLOUT)
    }

    /// Without a record of anybody.
    pub(crate) fn without_records() -> Self {
        Self::new(DOCUMENT)
    }

    fn new(document: &str) -> Self {
        let loaded = load(document);
        let flag = loaded.flags.id(FLAG).expect("the document has the flag");
        let off = loaded.flags.flag(flag).expect("an id of these flags").off();
        Self {
            loaded,
            flag,
            off,
            now: Timestamp(1_795_000_000_000),
        }
    }

    /// The groups and attributes of `callers`, as a request brings them along.
    pub(crate) fn attributes<'a>(&self, callers: &'a [Caller]) -> Vec<Attributes<'a>> {
        let id = |name| self.loaded.flags.attribute_id(name);
        let (country, seats) = (id("country"), id("seats"));
        let of = |caller: &'a Caller| Attributes {
            groups: [caller.group.into()],
            named: [
                country.map(|id| (id, Value::String(caller.country))),
                seats.map(|id| (id, Value::Number(Decimal::from(u64::from(caller.seats))))),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        callers.iter().map(of).collect()
    }

    /// Subjects whose tenants have no record.
    pub(crate) fn unknown_subjects<'a>(
        &'a self,
        callers: &'a [Caller],
        attributes: &'a [Attributes<'a>],
    ) -> Vec<Subject<'a>> {
        let subject = |(caller, attributes): (&'a Caller, &'a Attributes<'a>)| Subject {
            tenant: Some(&caller.tenant),
            groups: &attributes.groups,
            attributes: &attributes.named,
            ..Subject::default()
        };
        callers.iter().zip(attributes).map(subject).collect()
    }

    /// Subjects whose tenants have records, already looked up.
    pub(crate) fn known_subjects<'a>(
        &'a self,
        callers: &'a [Caller],
        attributes: &'a [Attributes<'a>],
    ) -> Vec<Subject<'a>> {
        let mut subjects = self.unknown_subjects(callers, attributes);
        for (subject, caller) in subjects.iter_mut().zip(callers) {
            subject.record = self.loaded.tenants.find(&caller.tenant);
            subject.attributes = &[];
            assert!(subject.record.is_some(), "{} has a record", caller.tenant);
        }
        subjects
    }

    /// The decision is kept whole: its reason and cause are reported to metrics and logs.
    pub(crate) fn is_on(&self, subject: &Subject<'_>) -> bool {
        let decision: Decision = black_box(decide(&self.loaded.flags, self.flag, subject, self.now));
        decision.variant != self.off
    }
}
