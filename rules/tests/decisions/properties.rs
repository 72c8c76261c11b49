//! Properties of every subject, every percentage and every document that compiles.

use proptest::prelude::*;
use rules::{Cause, Decimal, Eligibility, OperatorWord, StepOutcome, Timestamp, explain};
use serde_json::Value as Json;

use crate::test_subject::{NOON, TestSubject, load, load_stored};

fn rollout(percentage: &str, enabled: bool) -> config::LoadedFlags {
    let document = format!(
        "version: 1\nflags:\n  f:\n    lifecycle: ga\n    enabled: {enabled}\n    rollout: {{ percentage: {percentage} }}\n"
    );
    load(&document, Eligibility::Enforced)
}

/// Formats thousandths as a percentage in a document.
fn percentage(thousandths: u32) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn raising_a_percentage_removes_no_subject(low in 0_u32..=100_000, high in 0_u32..=100_000, salt in 0_u32..1_000) {
        let (low, high) = (low.min(high), low.max(high));
        let (before, after) = (rollout(&percentage(low), true), rollout(&percentage(high), true));
        for n in 0..200 {
            let test_subject = TestSubject::tenant(&format!("t-{salt}-{n}"));
            if test_subject.variant(&before, "f") == "on" {
                prop_assert_eq!(test_subject.variant(&after, "f"), "on");
            }
        }
    }

    #[test]
    fn pausing_and_resuming_moves_no_subject(share in 0_u32..=100_000, salt in 0_u32..1_000) {
        let running = rollout(&percentage(share), true);
        let paused = rollout(&percentage(share), false);
        let resumed = rollout(&percentage(share), true);
        for n in 0..200 {
            let test_subject = TestSubject::tenant(&format!("t-{salt}-{n}"));
            prop_assert_eq!(test_subject.variant(&paused, "f"), "off");
            prop_assert_eq!(test_subject.variant(&running, "f"), test_subject.variant(&resumed, "f"));
        }
    }

    #[test]
    fn deciding_never_panics_and_is_explained_as_it_is_decided(
        document in any_document(),
        tenant in proptest::option::of("[a-d]{1,2}"),
        user in proptest::option::of(".{0,300}"),
        text in ".{0,40}",
        number in any_number(),
        now in any::<i64>(),
    ) {
        let loaded = load_stored(&document, Eligibility::Enforced);
        let test_subject = TestSubject {
            tenant,
            user,
            groups: vec![text.as_str().into(), "a".into()],
            attributes: vec![
                ("x".to_owned(), text.as_str().into()),
                ("y".to_owned(), number.into()),
                ("z".to_owned(), ["a", text.as_str()].into_iter().collect()),
            ],
            open_breakers: Vec::new(),
        };
        for (id, flag) in loaded.flags.iter() {
            let decision = test_subject.decide(&loaded, flag.key().as_str(), Timestamp(now));
            prop_assert!(flag.variant(decision.variant).is_some());
            prop_assert!(decision.cause != Cause::UnknownFlag);
            let explanation =
                test_subject.resolve(&loaded, |subject| explain(&loaded.flags, id, subject, Timestamp(now))).unwrap();
            prop_assert_eq!(explanation.decision, decision);
            let decided: Vec<_> =
                explanation.steps.iter().filter(|step| step.outcome == StepOutcome::Decided).collect();
            prop_assert_eq!(decided.len(), 1);
            prop_assert_eq!(decided[0].cause, decision.cause);
            let mut rules = explanation.steps.iter().filter(|step| step.cause == Cause::Rule);
            let first = rules.find(|step| step.answer.starts_with("yes") || step.answer.contains("after another rule"));
            prop_assert!(first.is_none_or(|step| step.answer.starts_with("yes")), "{:?}", explanation.steps);
            prop_assert!(rules.all(|step| !step.answer.starts_with("yes")), "one rule at most serves");
        }
    }
}

/// Generates a whole number, or one with decimals.
pub(crate) fn any_number() -> impl Strategy<Value = Decimal> {
    let decimals = (any::<i64>(), -300..=280_i32)
        .prop_map(|(digits, power)| Decimal::parse(&format!("{digits}e{power}")).unwrap());
    prop_oneof![any::<i64>().prop_map(Decimal::from), decimals]
}

/// Generates a document of four flags that compiles; later flags may require earlier ones.
pub(crate) fn any_document() -> impl Strategy<Value = String> {
    proptest::collection::vec(any_flag(), 4).prop_map(|flags| {
        let mut document = String::from(
            "version: 1\ntiers: [t1, t2]\nunknown_tenant: { tier: t1 }\nsegments:\n  s: { attribute: x, prefix: [a, b] }\nflags:\n",
        );
        for (index, flag) in flags.iter().enumerate() {
            let requires = match index {
                0 => String::new(),
                _ => format!(", requires: [f{}]", index - 1),
            };
            document.push_str(&format!("  f{index}: {{ {flag}{} }}\n", if flag.contains("#r") { requires } else { String::new() }));
        }
        document.push_str(
            "tenants:\n  a: { tier: t2, overrides: { f1: on, f2: off } }\n  b: { internal: true }\n  c: { channel: latest, beta: [f0, f1, f2, f3], opt_out: [f3] }\n  d: { opt_in: [f0, f1, f2, f3], attributes: { x: abc, y: 5 } }\n",
        );
        document.replace("#r", "")
    })
}

/// Returns the clauses on the attribute `x` in the specification of operators, which has every operator.
fn specified_clauses() -> Vec<String> {
    let spec: Json = serde_json::from_str(include_str!("../../spec/decisions/operators.json")).unwrap();
    let flags = spec["document"]["flags"].as_object().unwrap().values();
    let clauses = flags.map(|flag| &flag["rules"][0]["when"]);
    let clauses: Vec<String> = clauses
        .filter(|when| when["attribute"] == "x")
        .map(Json::to_string)
        .collect();
    assert!(clauses.len() >= OperatorWord::ALL.len());
    clauses
}

fn any_flag() -> impl Strategy<Value = String> {
    let lifecycle = prop_oneof![Just("alpha"), Just("beta"), Just("ga"), Just("retired")];
    let condition = prop_oneof![
        proptest::sample::select(specified_clauses()),
        Just("{ segment: s }".to_owned()),
        Just("{ attribute: y, gt: 0 }".to_owned()),
        Just("{ attribute: tier, in: [t2] }".to_owned()),
        Just("{ attribute: channel, in: [latest] }".to_owned()),
        Just("{ not: { attribute: x, matches: 'a+' } }".to_owned()),
        Just("{ any: [ { attribute: z, any_of: [a] }, { attribute: user, exists: false } ] }".to_owned()),
    ];
    let serve = prop_oneof![
        Just("on"),
        Just("off"),
        Just("{ split: { on: 50, off: 50 } }"),
        Just("{ split: { on: 30, off: 70 }, by: user }"),
        Just("{ split: { on: 0.001, off: 99.999 }, by: y }"),
    ];
    let rule = (condition.clone(), serve.clone())
        .prop_map(|(when, serve)| format!("{{ when: {when}, serve: {serve} }}"));
    let rules = proptest::collection::vec(rule, 1..4);
    (lifecycle, any::<bool>(), rules, 0_u32..=100_000, condition, serve, any::<[bool; 2]>()).prop_map(
        |(lifecycle, enabled, rules, share, audience, default, [requires, staged])| {
            let rules = rules.join(", ");
            let stages = format!(
                ", exposure: {{ by: user, stages: [{{ name: a, audience: {audience}, percentage: {} }}, {{ name: b, audience: {{ segment: s }}, percentage: 50 }}] }}",
                percentage(share),
            );
            format!(
                "lifecycle: {lifecycle}, enabled: {enabled}, rules: [{rules}], rollout: {{ percentage: {}, audience: {audience} }}, default: {default}, tiers: {{ t1: on }}, schedule: {{ from: '1990-01-01T00:00:00Z' }}{}{}",
                percentage(share),
                if staged { &stages } else { "" },
                if requires { "#r" } else { "" },
            )
        },
    )
}

/// Computes the chi-squared statistic of a table of counts against independence of rows and columns.
fn chi_squared(table: &[[f64; 4]; 4]) -> f64 {
    let total: f64 = table.iter().flatten().sum();
    let column = |c: usize| table.iter().map(|row| row[c]).sum::<f64>();
    let cell = |row: &[f64; 4], c: usize| {
        let expected = row.iter().sum::<f64>() * column(c) / total;
        (row[c] - expected).powi(2) / expected
    };
    table
        .iter()
        .flat_map(|row| (0..4).map(move |c| cell(row, c)))
        .sum()
}

#[test]
fn rollout_and_split_of_a_flag_are_independent() {
    // Each subject falls into one of four rollout stages and one of four arms of the split.
    let stages = ["25", "50", "75", "100"].map(|percentage| rollout(percentage, true));
    let split = load(
        "version: 1\nflags:\n  f:\n    lifecycle: ga\n    variants: { a: 1, b: 2, c: 3, off: 4 }\n    default: { split: { a: 25, b: 25, c: 25, off: 25 } }\n",
        Eligibility::Enforced,
    );
    let mut table = [[0.0; 4]; 4];
    for n in 0..100_000 {
        let test_subject = TestSubject::tenant(&format!("tenant-{n}"));
        let stage = stages
            .iter()
            .position(|stage| test_subject.variant(stage, "f") == "on")
            .unwrap();
        let arm = ["a", "b", "c", "off"]
            .iter()
            .position(|arm| *arm == test_subject.variant(&split, "f"))
            .unwrap();
        table[stage][arm] += 1.0;
    }
    // 27.88 is the 99.9th percentile at 9 degrees of freedom; the tenants are fixed, so this never flickers.
    let dependence = chi_squared(&table);
    assert!(dependence < 27.88, "chi-squared {dependence}, {table:?}");
    // Each cell has about a sixteenth of the tenants, so the test above was not passed by an empty table.
    assert!(
        table
            .iter()
            .flatten()
            .all(|count| (5_800.0..6_700.0).contains(count)),
        "{table:?}"
    );
}

#[test]
fn buckets_of_two_flags_are_unrelated_unless_they_share_a_salt() {
    let document = "version: 1\nflags:\n  one: { lifecycle: ga, rollout: { percentage: 50 } }\n  two: { lifecycle: ga, rollout: { percentage: 50 } }\n  three: { lifecycle: ga, salt: one, rollout: { percentage: 50 } }\n";
    let loaded = load(document, Eligibility::Enforced);
    let now = Timestamp::parse(NOON).unwrap();
    let (mut with_another, mut with_the_same) = (0, 0);
    for n in 0..10_000 {
        let test_subject = TestSubject::tenant(&format!("tenant-{n}"));
        let served = |flag| test_subject.decide(&loaded, flag, now).variant;
        with_another += usize::from(served("one") == served("two"));
        with_the_same += usize::from(served("one") == served("three"));
    }
    assert_eq!(with_the_same, 10_000);
    assert!((4_800..5_200).contains(&with_another), "{with_another}");
}
