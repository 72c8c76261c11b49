//! Properties of the stages of a rollout plan, for random documents and subjects.

use config::LoadedFlags;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rules::{Arm, Cause, Eligibility, Timestamp, bucket};
use serde_json::{Value as Json, json};

use crate::oracle::{Expected, Oracle};
use crate::test_subject::{NOON, TestSubject, load, load_stored};

const KEYS: [&str; 3] = ["f0", "f1", "f2"];

fn any_condition() -> impl Strategy<Value = Json> {
    select(vec![
        json!({ "attribute": "internal", "eq": true }),
        json!({ "attribute": "groups", "any_of": ["testers"] }),
        json!({ "segment": "eu" }),
        json!({ "not": { "segment": "eu" } }),
        json!({ "attribute": "region", "eq": "us" }),
    ])
}

fn any_serve() -> impl Strategy<Value = Json> {
    select(vec![
        json!("on"),
        json!("off"),
        json!({ "split": { "on": 40, "off": 60 } }),
        json!({ "split": { "on": 70, "off": 30 }, "by": "user" }),
    ])
}

fn any_by() -> impl Strategy<Value = Json> {
    select(vec![json!("tenant"), json!("user"), json!("region")])
}

fn any_percentage() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(json!(0)),
        Just(json!(100)),
        (0_u32..=1_000).prop_map(|permille| json!(f64::from(permille) / 10.0)),
    ]
}

fn any_stages() -> impl Strategy<Value = Vec<Json>> {
    let stage =
        (proptest::option::of(any_condition()), any_percentage()).prop_map(|(audience, percentage)| {
            match audience {
                Some(audience) => json!({ "audience": audience, "percentage": percentage }),
                None => json!({ "percentage": percentage }),
            }
        });
    proptest::collection::vec(stage, 1..5).prop_map(|mut stages| {
        for (index, stage) in stages.iter_mut().enumerate() {
            stage["name"] = json!(format!("s{index}"));
        }
        stages
    })
}

fn any_exposure() -> impl Strategy<Value = Json> {
    (any_by(), proptest::option::of(any_serve()), any_stages()).prop_map(|(by, serve, stages)| match serve {
        Some(serve) => json!({ "by": by, "serve": serve, "stages": stages }),
        None => json!({ "by": by, "stages": stages }),
    })
}

fn any_flag(index: usize) -> impl Strategy<Value = Json> {
    let lifecycle = select(vec!["ga", "ga", "ga", "beta", "alpha", "retired"]);
    let rollout = (any_percentage(), any_by(), any_condition()).prop_map(
        |(percentage, by, audience)| json!({ "percentage": percentage, "by": by, "audience": audience }),
    );
    let rule =
        (any_condition(), any_serve()).prop_map(|(when, serve)| json!({ "when": when, "serve": serve }));
    let requires = (0..index.max(1), select(vec!["on", "off"]));
    let optional = (
        proptest::option::weighted(0.3, rule),
        proptest::option::of(rollout),
        proptest::option::weighted(0.8, any_exposure()),
        proptest::option::weighted(0.3, requires),
    );
    (lifecycle, proptest::bool::weighted(0.9), any_serve(), any::<bool>(), optional).prop_map(
        move |(lifecycle, enabled, default, has_tier, (rule, rollout, exposure, requires))| {
            let mut flag = json!({ "lifecycle": lifecycle, "enabled": enabled, "default": default, "salt": "shared" });
            let mut put = |field: &str, value: Option<Json>| {
                if let Some(value) = value {
                    flag[field] = value;
                }
            };
            put("rules", rule.map(|rule| json!([rule])));
            put("rollout", rollout);
            put("exposure", exposure);
            put("tiers", has_tier.then(|| json!({ "t1": "on" })));
            let requires = requires.filter(|_| index > 0);
            put("requires", requires.map(|(of, is)| json!([{ "flag": KEYS[of], "is": is }])));
            flag
        },
    )
}

fn any_document() -> impl Strategy<Value = Json> {
    (any_flag(0), any_flag(1), any_flag(2)).prop_map(|(f0, f1, f2)| {
        json!({
            "version": 1, "tiers": ["t1", "t2"], "unknown_tenant": { "tier": "t1" },
            "segments": { "eu": { "attribute": "region", "eq": "eu" } },
            "flags": { "f0": f0, "f1": f1, "f2": f2 },
            "tenants": {
                "plain": { "tier": "t2" },
                "staff": { "internal": true, "tier": "t1" },
                "forced": { "tier": "t1", "overrides": { "f0": "on", "f1": "off", "f2": "on" } },
                "beta": { "channel": "latest", "beta": KEYS, "opt_out": ["f2"] },
                "opted": { "opt_in": KEYS },
            },
        })
    })
}

fn any_subject() -> impl Strategy<Value = TestSubject> {
    let tenants = [
        "plain", "staff", "forced", "beta", "opted", "other", "another", "third",
    ];
    let tenant = proptest::option::weighted(0.9, select(tenants.to_vec()));
    let user = proptest::option::weighted(0.8, "u[0-9]{1,3}");
    let region = proptest::option::weighted(0.8, select(vec!["eu", "us"]));
    let breakers = prop_oneof![4 => Just(Vec::new()), 1 => subsequence(KEYS.to_vec(), 1..=2)];
    (tenant, user, region, any::<bool>(), breakers).prop_map(|(tenant, user, region, tests, breakers)| {
        TestSubject {
            tenant: tenant.map(str::to_owned),
            user,
            groups: tests.then(|| "testers".into()).into_iter().collect(),
            attributes: region
                .map(|region| ("region".to_owned(), region.into()))
                .into_iter()
                .collect(),
            open_breakers: breakers.into_iter().map(str::to_owned).collect(),
        }
    })
}

/// Returns what `rules` decides, in the terms of the oracle.
fn found(loaded: &LoadedFlags, key: &str, subject: &TestSubject) -> Expected {
    let id = loaded.flags.id(key).unwrap();
    let flag = loaded.flags.flag(id).unwrap();
    let decision = subject.decide(loaded, key, Timestamp::parse(NOON).unwrap());
    let arm = subject.resolve(loaded, |subject| loaded.flags.arm(id, &decision, subject));
    let stage = match decision.cause {
        Cause::Rollout | Cause::HeldBack => flag.stage_name(decision.place),
        _ => None,
    };
    Expected {
        variant: flag.variant(decision.variant).unwrap().name.to_string(),
        reason: decision.reason.as_str(),
        cause: decision.cause.as_str(),
        stage: stage.unwrap_or_default().to_owned(),
        arm: match arm {
            Arm::Treatment => "treatment".to_owned(),
            Arm::Control => "control".to_owned(),
            Arm::OptedIn => "opted_in".to_owned(),
            Arm::Excluded(cause) => format!("excluded: {cause}"),
        },
    }
}

/// Returns a document with one flag at ga that has this exposure.
fn staged(by: &Json, stages: &[Json]) -> LoadedFlags {
    let document = json!({
        "version": 1,
        "segments": { "eu": { "attribute": "region", "eq": "eu" } },
        "flags": { "f0": { "lifecycle": "ga", "default": "on", "exposure": { "by": by, "stages": stages } } },
        "tenants": { "staff": { "internal": true } },
    });
    load_stored(&document.to_string(), Eligibility::Enforced)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn decisions_and_arms_equal_those_of_the_oracle(
        document in any_document(),
        subjects in proptest::collection::vec(any_subject(), 24),
        relaxed in proptest::bool::weighted(0.2),
    ) {
        let eligibility = if relaxed { Eligibility::Relaxed } else { Eligibility::Enforced };
        let loaded = load_stored(&document.to_string(), eligibility);
        let oracle = Oracle { document: &document, eligibility };
        for subject in &subjects {
            for key in KEYS {
                prop_assert_eq!(found(&loaded, key, subject), oracle.decide(key, subject), "{} for {:?}", key, subject);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn raising_or_entering_a_stage_removes_no_subject(
        by in any_by(),
        stages in any_stages(),
        next in any_stages(),
        raised in 0.0..=1.0_f64,
        subjects in proptest::collection::vec(any_subject(), 64),
    ) {
        let before = staged(&by, &stages);
        let mut higher = stages.clone();
        let last = higher.last_mut().unwrap();
        let percentage: f64 = last["percentage"].as_f64().unwrap();
        last["percentage"] = json!(((percentage + (100.0 - percentage) * raised) * 1_000.0).round() / 1_000.0);
        let entered: Vec<Json> = stages.iter().chain(&next).cloned().collect();
        for after in [staged(&by, &higher), staged(&by, &entered)] {
            for subject in &subjects {
                let subject = TestSubject { open_breakers: Vec::new(), ..subject.clone() };
                let (was, is) = (found(&before, "f0", &subject), found(&after, "f0", &subject));
                if was.cause == "rollout" {
                    prop_assert_eq!(("on", "rollout", &was.stage), (&*is.variant, is.cause, &is.stage), "{:?}", subject);
                }
            }
        }
    }

    #[test]
    fn buckets_of_a_stage_equal_those_of_a_rollout(
        by in any_by(),
        percentage in any_percentage(),
        subjects in proptest::collection::vec(any_subject(), 64),
    ) {
        let with = |field: &str, value: Json| json!({ "version": 1, "flags": { "f0": { "lifecycle": "ga", "salt": "x", field: value } } });
        let rollout = with("rollout", json!({ "by": by, "percentage": percentage }));
        let rollout = load(&rollout.to_string(), Eligibility::Enforced);
        let stages = json!([{ "name": "one", "percentage": percentage }]);
        let exposure = with("exposure", json!({ "by": by, "stages": stages }));
        let exposure = load_stored(&exposure.to_string(), Eligibility::Enforced);
        for subject in &subjects {
            let subject = TestSubject { open_breakers: Vec::new(), ..subject.clone() };
            let (one, other) = (found(&rollout, "f0", &subject), found(&exposure, "f0", &subject));
            prop_assert_eq!(one.variant, other.variant, "{:?}", subject);
            prop_assert_eq!(one.cause == "rollout", other.cause == "rollout", "{:?}", subject);
        }
    }

    #[test]
    fn arms_partition_the_new_audience_by_the_bucket_alone(
        stages in any_stages(),
        subjects in proptest::collection::vec(any_subject(), 64),
    ) {
        let loaded = staged(&json!("tenant"), &stages);
        let document = json!({ "segments": { "eu": { "attribute": "region", "eq": "eu" } }, "tenants": { "staff": { "internal": true } } });
        let oracle = Oracle { document: &document, eligibility: Eligibility::Enforced };
        let (current, earlier) = stages.split_last().unwrap();
        for subject in &subjects {
            let subject = TestSubject { open_breakers: Vec::new(), ..subject.clone() };
            let bucket = subject.tenant.as_deref().map(|id| f64::from(bucket("f0", id)));
            let is_within = |stage: &Json| bucket.is_some_and(|bucket| bucket < (stage["percentage"].as_f64().unwrap() * 1_000.0).round());
            let is_former = earlier.iter().any(|stage| oracle.is_in_audience(stage, &subject) && is_within(stage));
            let is_new = bucket.is_some() && !is_former && oracle.is_in_audience(current, &subject);
            let arm = found(&loaded, "f0", &subject).arm;
            let expected = match (is_new, is_within(current)) {
                (true, true) => arm == "treatment",
                (true, false) => arm == "control",
                (false, _) => arm.starts_with("excluded"),
            };
            prop_assert!(expected, "{} of {:?}", arm, subject);
        }
    }
}
