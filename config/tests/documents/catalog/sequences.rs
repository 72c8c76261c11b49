//! Random sequences of edits: a catalog that is compiled part by part decides as one that is compiled at once, has the
//! same problems, and exports an equivalent document.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Catalog, Compiled, Files, IdChanges, JsonEdit, LoadedFlags, Report};
use proptest::prelude::*;
use rules::{Eligibility, FlagId, Flags, Subject, Tenants, Timestamp, decide};
use serde_json::{Value, json};

use crate::catalog::edits::document;

const KEYS: [&str; 5] = ["a", "b.v2", "c", "d", "e"];
const IDS: [&str; 5] = ["acme", "bolt", "core", "delta", "unknown"];
/// A time within the schedules below, and one after them.
const TIMES: [Timestamp; 2] = [Timestamp(0), Timestamp(4_000_000_000_000)];

fn one_of(values: &[Value]) -> impl Strategy<Value = Value> + use<> {
    proptest::sample::select(values.to_vec())
}

fn condition() -> impl Strategy<Value = Value> {
    one_of(&[
        json!({ "segment": "s1" }),
        json!({ "segment": "s2" }),
        json!({ "attribute": "tier", "in": ["t2"] }),
        json!({ "attribute": "seats", "gte": 5 }),
        json!({ "not": { "attribute": "country", "in": ["DE", "\u{e4}\u{2028}\u{7f}"] } }),
        json!({ "any": [{ "attribute": "odd \" name", "exists": true }, { "segment": "s1" }] }),
    ])
}

fn serve() -> impl Strategy<Value = Value> {
    one_of(&[
        json!("on"),
        json!("off"),
        json!(true),
        json!("blue"),
        json!({ "split": { "on": 30, "off": 70 } }),
    ])
}

/// Returns flags of which most are valid.
fn flag() -> impl Strategy<Value = Value> {
    let fields = (
        proptest::option::of(one_of(&[
            json!("alpha"),
            json!("beta"),
            json!("ga"),
            json!("retired"),
        ])),
        proptest::option::of(any::<bool>()),
        proptest::option::weighted(0.3, serve()),
        proptest::option::weighted(
            0.3,
            one_of(&[
                json!({ "off": 0, "on": "\u{1}\t\"\\", "blue": [null, 1.5] }),
                json!({ "on": 1, "blue": 2, "off": 0 }),
            ]),
        ),
        proptest::option::weighted(
            0.3,
            one_of(&[json!({ "t1": "on" }), json!({ "t2": "on", "t3": "off" })]),
        ),
        proptest::option::weighted(0.2, proptest::sample::select(&KEYS[..])),
        proptest::option::weighted(0.4, (condition(), serve())),
        proptest::option::weighted(0.3, (0..=100_u32, proptest::option::of(condition()))),
        proptest::option::weighted(0.1, one_of(&[json!({ "until": "2050-01-01T00:00:00Z" })])),
        proptest::option::weighted(
            0.1,
            one_of(&[json!("permission"), json!("experiment"), json!("nonsense")]),
        ),
    );
    fields.prop_map(
        |(lifecycle, enabled, default, variants, tiers, requires, rule, rollout, schedule, kind)| {
            let mut flag = json!({});
            let mut set = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    flag[name] = value;
                }
            };
            set("lifecycle", lifecycle);
            set("enabled", enabled.map(Value::from));
            set("default", default);
            set("variants", variants);
            set("tiers", tiers);
            set("requires", requires.map(|key| json!([key])));
            set(
                "rules",
                rule.map(|(when, serve)| json!([{ "when": when, "serve": serve }])),
            );
            set("schedule", schedule);
            set("kind", kind);
            set(
                "rollout",
                rollout.map(|(percentage, audience)| match audience {
                    Some(audience) => json!({ "percentage": percentage, "audience": audience }),
                    None => json!({ "percentage": percentage }),
                }),
            );
            flag
        },
    )
}

fn tenant() -> impl Strategy<Value = Value> {
    let keys = || proptest::sample::subsequence(KEYS.to_vec(), 0..2);
    let fields = (
        one_of(&[json!("t1"), json!("t2"), json!("t3")]),
        any::<bool>(),
        any::<bool>(),
        (keys(), keys(), keys(), keys()),
        one_of(&[
            json!({}),
            json!({ "country": "DE", "seats": 9 }),
            json!({ "seats": 4, "odd \" name": true }),
            json!({ "country": "\u{e4}\u{2028}\u{7f}" }),
        ]),
    );
    fields.prop_map(
        |(tier, latest, internal, (beta, forced, opt_in, opt_out), attributes)| {
            let overrides: serde_json::Map<_, _> = forced
                .iter()
                .map(|key| ((*key).to_owned(), json!("on")))
                .collect();
            json!({
                "tier": tier,
                "channel": if latest { "latest" } else { "stable" },
                "internal": internal,
                "beta": beta,
                "overrides": overrides,
                "opt_in": opt_in,
                "opt_out": opt_out,
                "attributes": attributes,
            })
        },
    )
}

fn edit() -> impl Strategy<Value = JsonEdit> {
    let key = || proptest::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let id = || proptest::sample::select(&IDS[..4]).prop_map(str::to_owned);
    let segment = || proptest::sample::select(vec!["s1".to_owned(), "s2".to_owned()]);
    let head = one_of(&[
        json!({ "tiers": ["t1", "t2", "t3"] }),
        json!({ "tiers": ["t2", "t1", "t3"], "unknown_tenant": { "tier": "t2" } }),
        json!({ "tiers": ["t1", "t2"], "unknown_tenant": "reject", "policy": { "alpha_overrides": false } }),
    ]);
    prop_oneof![
        8 => (key(), flag()).prop_map(|(key, flag)| JsonEdit::Flag(key, Some(flag))),
        5 => key().prop_map(|key| JsonEdit::Flag(key, None)),
        6 => (id(), tenant()).prop_map(|(id, tenant)| JsonEdit::Tenant(id, Some(tenant))),
        1 => id().prop_map(|id| JsonEdit::Tenant(id, None)),
        2 => (segment(), condition()).prop_map(|(name, condition)| JsonEdit::Segment(name, Some(condition))),
        1 => segment().prop_map(|name| JsonEdit::Segment(name, None)),
        1 => head.prop_map(JsonEdit::Head),
    ]
}

/// Returns edits that are applied at once: mostly of one part; or of a flag that is added together with a tenant that
/// names it, or removed together with every mention of flags in the records of tenants.
fn edits() -> impl Strategy<Value = Vec<JsonEdit>> {
    let key = || proptest::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let id = proptest::sample::select(&IDS[..4]).prop_map(str::to_owned);
    let comes = (key(), id, serve()).prop_map(|(key, id, default)| {
        let record = json!({ "tier": "t1", "overrides": { key.as_str(): "on" }, "beta": [key] });
        let flag = json!({ "lifecycle": "ga", "default": default });
        vec![
            JsonEdit::Flag(key, Some(flag)),
            JsonEdit::Tenant(id, Some(record)),
        ]
    });
    let goes = key().prop_map(|key| {
        let bare = |id: &&str| JsonEdit::Tenant((*id).to_owned(), Some(json!({ "tier": "t2" })));
        let tenants = IDS[..4].iter().map(bare);
        tenants.chain([JsonEdit::Flag(key, None)]).collect()
    });
    prop_oneof![
        8 => edit().prop_map(|edit| vec![edit]),
        2 => proptest::collection::vec(edit(), 2..6),
        3 => comes,
        2 => goes,
    ]
}

/// Returns all decisions of the document.
fn decisions(flags: &Flags, tenants: &Tenants) -> Vec<String> {
    let mut all = Vec::new();
    for (id, flag) in flags.iter() {
        for (tenant, now) in IDS.iter().flat_map(|id| TIMES.map(|now| (*id, now))) {
            let subject = Subject {
                tenant: Some(tenant),
                record: tenants.find(tenant),
                ..Subject::default()
            };
            let decision = decide(flags, id, &subject, now);
            let variant = flag.variant(decision.variant);
            all.push(format!(
                "{} {tenant} {now:?} {variant:?} {:?} {:?}",
                flag.key(),
                decision.cause,
                decision.reason
            ));
        }
    }
    all
}

fn load(document: &Value) -> Result<LoadedFlags, Report> {
    let files = Files::Memory([("flags.json".into(), document.to_string().into_bytes())].into());
    config::load_flags_from(files, Path::new("flags.json"), Eligibility::Enforced)
}

fn of(compiled: &Compiled) -> Vec<String> {
    decisions(&compiled.flags, &compiled.tenants)
}

/// Returns the first pair that differs.
fn difference(found: Vec<String>, expected: Vec<String>) -> Option<(String, String)> {
    assert_eq!(found.len(), expected.len());
    found
        .into_iter()
        .zip(expected)
        .find(|(found, expected)| found != expected)
}

/// Returns the document with edits applied, as JSON.
fn edited(document: Value, edits: &[JsonEdit]) -> Value {
    edits.iter().fold(document, with_edit)
}

fn with_edit(mut document: Value, edit: &JsonEdit) -> Value {
    let (section, name, value) = match edit {
        JsonEdit::Head(head) => {
            for field in ["tiers", "unknown_tenant", "policy"] {
                document.as_object_mut().unwrap().remove(field);
            }
            document
                .as_object_mut()
                .unwrap()
                .extend(head.as_object().unwrap().clone());
            return document;
        }
        JsonEdit::Segment(name, value) => ("segments", name, value),
        JsonEdit::Flag(key, value) => ("flags", key, value),
        JsonEdit::Tenant(id, value) => ("tenants", id, value),
    };
    let section = document
        .as_object_mut()
        .unwrap()
        .entry(section)
        .or_insert(json!({}))
        .as_object_mut()
        .unwrap();
    match value {
        Some(value) => section.insert(name.clone(), value.clone()),
        None => section.remove(name),
    };
    document
}

/// Returns the initial document, which has every kind of part.
fn beginning() -> Vec<JsonEdit> {
    let mut edits = vec![
        JsonEdit::Head(json!({ "tiers": ["t1", "t2", "t3"], "unknown_tenant": { "tier": "t1" } })),
        JsonEdit::Segment("s1".into(), Some(json!({ "attribute": "country", "eq": "DE" }))),
        JsonEdit::Segment("s2".into(), Some(json!({ "segment": "s1" }))),
    ];
    edits.extend(KEYS.map(|key| JsonEdit::Flag(key.into(), Some(json!({ "lifecycle": "ga" })))));
    edits
}

/// All flags that have existed, by their ids.
#[derive(Default)]
struct Lives {
    keys: BTreeMap<FlagId, String>,
    gone: Vec<FlagId>,
}

impl Lives {
    /// Checks the ids after a change.
    fn follow(&mut self, flags: &Flags) -> Result<(), TestCaseError> {
        for (id, flag) in flags.iter() {
            prop_assert!(
                !self.gone.contains(&id),
                "{} has the id of a flag that is gone",
                flag.key()
            );
            let key = self.keys.entry(id).or_insert_with(|| flag.key().to_string());
            prop_assert_eq!(&**key, flag.key().as_str());
        }
        let gone = self.keys.keys().filter(|id| flags.flag(**id).is_none());
        self.gone.extend(gone);
        Ok(())
    }
}

/// Returns true if all ids that are reported as kept have their former meaning.
fn kept(before: &Flags, now: &Compiled) -> bool {
    let variants = |flags: &Flags, id| {
        let flag = flags.flag(id)?;
        let names = flag.variants().iter().map(|variant| variant.name.to_string());
        Some((
            flag.key().to_string(),
            flag.kind(),
            flag.variant(flag.off()).cloned().map(|off| off.name),
            names.collect::<Vec<_>>(),
        ))
    };
    let moved = match &now.id_changes {
        IdChanges::None => &[][..],
        IdChanges::Flags(moved) => moved,
        IdChanges::All => return true,
    };
    let same = |id| variants(before, id) == variants(&now.flags, id);
    before.iter().all(|(id, _)| moved.contains(&id) || same(id))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn edits_equal_a_reload_of_the_whole_document(changes in proptest::collection::vec(edits(), 1..24)) {
        let mut catalog = Catalog::of_json(Eligibility::Enforced, &beginning()).unwrap();
        let mut lives = Lives::default();
        for edit in changes {
            let whole = load(&edited(document(&catalog), &edit));
            match (catalog.draft_json(&edit.clone()), whole) {
                (Ok(draft), Ok(whole)) => {
                    let expected = decisions(&whole.flags, &whole.tenants);
                    prop_assert_eq!(difference(of(draft.compiled()), expected), None, "{:?}", edit);
                    prop_assert!(kept(&catalog.compiled().flags, draft.compiled()), "{:?}", edit);
                    lives.follow(&draft.compiled().flags)?;
                    catalog.apply(draft);
                }
                (Err(refused), Err(whole)) => {
                    let codes = |report: &Report| {
                        let mut codes: Vec<_> = report.problems().iter().map(|p| (p.code, p.title.clone())).collect();
                        codes.sort();
                        codes
                    };
                    prop_assert!(!codes(&refused).is_empty());
                    prop_assert!(codes(&refused).iter().all(|code| codes(&whole).contains(code)), "{refused}\n{whole}");
                }
                (Ok(_), Err(whole)) => prop_assert!(false, "{:?} is good in parts only: {}", edit, whole),
                (Err(refused), Ok(_)) => prop_assert!(false, "{:?} is good as a whole only: {}", edit, refused),
            }
        }
        let exported = load(&document(&catalog)).unwrap();
        let expected = decisions(&exported.flags, &exported.tenants);
        prop_assert_eq!(difference(of(catalog.compiled()), expected), None);
        let anew = Catalog::of_json(Eligibility::Enforced, &parts(&document(&catalog))).unwrap();
        prop_assert_eq!(difference(of(anew.compiled()), of(catalog.compiled())), None);
        prop_assert_eq!(document(&anew), document(&catalog));
    }
}

/// Returns the edits that make a whole document.
fn parts(document: &Value) -> Vec<JsonEdit> {
    let mut parts = Vec::new();
    let mut head = document.as_object().unwrap().clone();
    head.remove("version");
    let mut section = |name: &str, edit: fn(String, Option<Value>) -> JsonEdit| {
        let entries = head.remove(name).unwrap_or(json!({}));
        let entries = entries.as_object().unwrap().clone().into_iter();
        parts.extend(entries.map(|(name, value)| edit(name, Some(value))));
    };
    section("tenants", JsonEdit::Tenant);
    section("flags", JsonEdit::Flag);
    section("segments", JsonEdit::Segment);
    parts.push(JsonEdit::Head(head.into()));
    parts
}
