//! Decisions that depend on the tenant alone: all requests of the tenant are decided alike, within a period.

use config::LoadedFlags;
use proptest::prelude::*;
use rules::{Eligibility, FlagsHeader, Include, Tenant, Timestamp};

use crate::properties::{any_document, any_number};
use crate::test_subject::{NOON, TestSubject, load, load_stored};

const DOCUMENT: &str = r#"
version: 1
tiers: [small, large]
segments:
  large: { attribute: tier, in: [large] }
  german: { attribute: country, in: [DE] }
flags:
  by.tier: { lifecycle: ga, rules: [{ when: { segment: large }, serve: on }] }
  by.tenant: { lifecycle: ga, rollout: { percentage: 50 } }
  by.country: { lifecycle: ga, rules: [{ when: { segment: german }, serve: on }] }
  by.user: { lifecycle: ga, rollout: { percentage: 50, by: user } }
  by.groups: { lifecycle: ga, rules: [{ when: { attribute: groups, any_of: [a] }, serve: on }] }
  by.split: { lifecycle: ga, default: { split: { on: 50, off: 50 }, by: user } }
  by.audience: { lifecycle: ga, rollout: { percentage: 50, audience: { attribute: country, in: [DE] } } }
  requires.user: { lifecycle: ga, requires: [by.user], default: on }
  killed: { lifecycle: ga, enabled: false, rollout: { percentage: 50, by: user } }
  retired: { lifecycle: retired, requires: [by.user], rules: [{ when: { attribute: user, exists: true }, serve: on }] }
  timed: { lifecycle: ga, default: on, schedule: { from: 2026-11-01T00:00:00Z, until: 2026-12-01T00:00:00Z } }
  requires.timed: { lifecycle: ga, default: on, requires: [timed] }
tenants:
  known: { tier: large, attributes: { country: DE } }
  bare: { tier: small }
"#;

fn record<'l>(loaded: &'l LoadedFlags, tenant: Option<&str>) -> Option<&'l Tenant> {
    tenant.and_then(|id| loaded.tenants.find(id))
}

/// Returns the header's value with one flag, as a request of `subject` gets it.
fn listed(loaded: &LoadedFlags, flag: &str, subject: &TestSubject, now: Timestamp) -> Option<String> {
    let header = FlagsHeader {
        name: "flags".into(),
        include: Include::List([loaded.flags.id(flag).unwrap()].into()),
        budget: 1_000,
    };
    subject.resolve(loaded, |subject| {
        header.list(&loaded.flags, &[], subject, now).value
    })
}

fn check(flag: &str, tenant: Option<&str>, expected: bool) {
    let loaded = load(DOCUMENT, Eligibility::Enforced);
    let inputs = loaded.flags.decision_inputs(loaded.flags.id(flag));
    let found = inputs.depend_on_tenant_alone(record(&loaded, tenant));
    assert_eq!(found, expected, "{flag} for {tenant:?}");
}

#[test]
fn flags_that_read_a_request_do_not_depend_on_tenants_alone() {
    for flag in [
        "by.tier",
        "by.tenant",
        "killed",
        "retired",
        "timed",
        "requires.timed",
    ] {
        for tenant in [Some("known"), Some("bare"), Some("unknown"), None] {
            check(flag, tenant, true);
        }
    }
    for flag in ["by.user", "by.groups", "by.split", "requires.user"] {
        for tenant in [Some("known"), Some("bare"), Some("unknown"), None] {
            check(flag, tenant, false);
        }
    }
}

#[test]
fn attributes_of_a_record_are_not_read_of_requests() {
    for flag in ["by.country", "by.audience"] {
        check(flag, Some("known"), true);
        check(flag, Some("bare"), false);
        check(flag, Some("unknown"), false);
        check(flag, None, false);
    }
}

#[test]
fn decisions_stay_until_the_next_schedule_begins_or_ends() {
    let loaded = load(DOCUMENT, Eligibility::Enforced);
    let (from, until) = (
        Timestamp::parse("2026-11-01T00:00:00Z").unwrap(),
        Timestamp::parse("2026-12-01T00:00:00Z").unwrap(),
    );
    for flag in ["timed", "requires.timed"] {
        let inputs = loaded.flags.decision_inputs(loaded.flags.id(flag));
        assert_eq!(inputs.period(Timestamp::parse(NOON).unwrap()), from..until);
        assert_eq!(inputs.period(from), from..until);
        assert_eq!(inputs.period(until), until..Timestamp::MAX);
        assert_eq!(inputs.period(Timestamp(from.0 - 1)), Timestamp::MIN..from);
    }
    let inputs = loaded.flags.decision_inputs(loaded.flags.id("by.tier"));
    assert_eq!(inputs.period(from), Timestamp::MIN..Timestamp::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_depends_on_a_tenant_alone_is_alike_for_its_requests(
        document in any_document(),
        users in proptest::collection::vec(proptest::option::of(".{0,9}"), 2),
        texts in proptest::collection::vec("[a-c]{0,3}", 2),
        numbers in proptest::collection::vec(any_number(), 2),
        now in -2_000_000_000_000_i64..4_000_000_000_000,
    ) {
        let loaded = load_stored(&document, Eligibility::Enforced);
        let now = Timestamp(now);
        for tenant in [Some("a"), Some("b"), Some("c"), Some("d"), Some("z"), None] {
            let requests: Vec<TestSubject> = (0..2).map(|at| TestSubject {
                tenant: tenant.map(str::to_owned),
                user: users[at].clone(),
                groups: vec![texts[at].as_str().into()],
                attributes: vec![
                    ("x".to_owned(), texts[at].as_str().into()),
                    ("y".to_owned(), numbers[at].into()),
                    ("z".to_owned(), [texts[at].as_str()].into_iter().collect()),
                ],
                open_breakers: Vec::new(),
            }).collect();
            for (id, flag) in loaded.flags.iter() {
                let inputs = loaded.flags.decision_inputs([id]);
                let key = flag.key().as_str();
                let period = inputs.period(now);
                prop_assert!(period.contains(&now));
                // The time alone does not matter within the period, even where the request does.
                for at in [period.start, Timestamp(period.end.0 - 1)] {
                    prop_assert_eq!(
                        listed(&loaded, key, &requests[0], now), listed(&loaded, key, &requests[0], at), "{} at {:?}", key, at
                    );
                }
                if inputs.depend_on_tenant_alone(record(&loaded, tenant)) {
                    prop_assert_eq!(
                        listed(&loaded, key, &requests[0], now), listed(&loaded, key, &requests[1], now), "{} of {:?}", key, tenant
                    );
                }
            }
        }
    }
}
