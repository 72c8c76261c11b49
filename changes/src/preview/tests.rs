use std::collections::BTreeSet;

use config::{Catalog, Compiled};
use proptest::prelude::*;
use rules::{Eligibility, Subject, decide};
use serde_json::{Value, json};

use super::*;
use crate::plan::tests::{GOOD, HOUR, START, admin, applying, document, properties, state};
use crate::policy::LifecyclePolicy;
use crate::state::State;
use crate::{Change, NewFlags, Plan, StateEdit};

/// Number of tenants that are counted by several threads, if the machine has several cores.
const MANY_TENANTS: usize = 10_000;

fn edits(plan: &Plan) -> Vec<config::Edit> {
    plan.edits.iter().map(StateEdit::document_edit).collect()
}

fn catalog(state: &State) -> Catalog {
    Catalog::new(Eligibility::Enforced, state.document.clone()).unwrap()
}

/// Returns the preview of a change, and the compiled state before and after it; none if it is rejected or invalid.
fn previewed(state: &State, change: Change, page: &PreviewPage) -> Option<(Preview, Compiled, Compiled)> {
    let request = admin(change, HOUR);
    let plan = crate::plan::plan(state, &request, &LifecyclePolicy::default(), &GOOD).ok()?;
    let catalog = catalog(state);
    let before = catalog.compiled().clone();
    let after = catalog.draft(edits(&plan)).ok()?.compiled().clone();
    let sides = (
        (&*before.flags, &*before.tenants),
        (&*after.flags, &*after.tenants),
    );
    let preview = preview_page(sides.0, sides.1, &plan.affected, request.at, page);
    for limit in [0, 1, 1_000] {
        let is_beyond = affects_more_than(limit, sides.0, sides.1, &plan.affected, request.at);
        assert_eq!(
            is_beyond,
            preview.affects_more_than(limit),
            "counted up to {limit}"
        );
    }
    Some((preview, before, after))
}

/// Tenant (none: one without a record), flag, from, to.
type Line = (Option<String>, String, Option<String>, Option<String>);

/// Number of ids that the brute force decides for tenants without a record.
const UNKNOWN_TENANTS: usize = 60;

/// Decides every flag for every tenant before and after the change, and for some tenants without a record.
fn by_brute_force(before: &Compiled, after: &Compiled) -> BTreeSet<Line> {
    let tenants = before.tenants.iter().chain(after.tenants.iter());
    let known = tenants.map(|tenant| (Some(tenant.id().to_owned()), tenant.id().to_owned()));
    let unknown = (0..UNKNOWN_TENANTS).map(|number| (None, unknown_tenants::sampled_id(number)));
    let tenants: Vec<(Option<String>, String)> = known.chain(unknown).collect();
    let keys = before.flags.iter().chain(after.flags.iter());
    let keys: BTreeSet<String> = keys.map(|(_, flag)| flag.key().as_str().to_owned()).collect();
    let mut lines = BTreeSet::new();
    for (tenant, id) in tenants {
        for key in &keys {
            let (from, was) = variant(before, key, &id);
            let (to, is) = variant(after, key, &id);
            let differ = match (&from, &to) {
                (Some(from), Some(to)) => from != to,
                _ => was != is,
            };
            if differ {
                lines.insert((tenant.clone(), key.clone(), from, to));
            }
        }
    }
    lines
}

/// Returns the variant, and true if it is on.
fn variant(side: &Compiled, key: &str, id: &str) -> (Option<String>, bool) {
    let record = side.tenants.find(id);
    if record.is_none() && side.flags.unknown_tenant() == rules::UnknownTenant::Reject {
        return (None, false);
    }
    let Some(flag_id) = side.flags.id(key) else {
        return (None, false);
    };
    let flag = side.flags.flag(flag_id).unwrap();
    let subject = Subject {
        tenant: Some(id),
        record,
        ..Subject::default()
    };
    let decision = decide(&side.flags, flag_id, &subject, Timestamp(START + HOUR));
    let name = flag.variant(decision.variant).unwrap().name.to_string();
    (Some(name), decision.variant != flag.off())
}

fn lines<'f>(flips: impl IntoIterator<Item = &'f ChangedDecision>) -> BTreeSet<Line> {
    let line = |flip: &ChangedDecision| {
        (
            flip.tenant.clone(),
            flip.flag.clone(),
            flip.from.clone(),
            flip.to.clone(),
        )
    };
    flips.into_iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The listed decisions are those found by deciding every flag for every tenant before and after.
    #[test]
    fn a_preview_equals_deciding_everything_twice(
        changes in prop::collection::vec(properties::change(), 0..6),
        last in properties::change(),
    ) {
        let mut state = properties::start();
        for change in changes {
            let planned = crate::plan::plan(&state, &admin(change, HOUR), &LifecyclePolicy::default(), &GOOD);
            if let Some(plan) = planned.ok().filter(|plan| catalog(&state).draft(edits(plan)).is_ok()) {
                state.absorb(&plan.edits, state.revision);
            }
        }
        let previewed = previewed(&state, last, &PreviewPage::default());
        prop_assume!(previewed.is_some());
        let (preview, before, after) = previewed.unwrap();
        let expected = by_brute_force(&before, &after);
        let (of_known, of_unknown): (BTreeSet<Line>, BTreeSet<Line>) =
            expected.clone().into_iter().partition(|line| line.0.is_some());
        prop_assert_eq!(&lines(&preview.decisions), &of_known);
        prop_assert!(of_unknown.is_subset(&lines(&preview.unknown_tenant)), "{:?}", of_unknown);
        let is_common = |decision: &&ChangedDecision| decision.share_permille.is_none_or(|share| share >= 250);
        let common = lines(preview.unknown_tenant.iter().filter(is_common));
        prop_assert!(common.is_subset(&of_unknown), "{:?}", common);
        let of_tenants: Vec<&Line> = expected.iter().filter(|line| line.0.is_some()).collect();
        let tenants: BTreeSet<&Option<String>> = of_tenants.iter().map(|line| &line.0).collect();
        prop_assert_eq!((preview.decisions_changed, preview.tenants_changed), (of_tenants.len(), tenants.len()));
        prop_assert_eq!((preview.not_evaluated, preview.next), (0, None));
        prop_assert_eq!(preview.tenants_total, after.tenants.len());
    }
}

/// The board of the walk-through: tenants of tier2 that are eligible at beta and that are not.
fn board() -> State {
    let mut tenants = serde_json::Map::new();
    for id in ["globex", "hooli", "soylent"] {
        tenants.insert(
            id.into(),
            json!({ "tier": "tier2", "channel": "latest", "beta": ["board"] }),
        );
    }
    for place in 0..9 {
        tenants.insert(format!("stable-{place}"), json!({ "tier": "tier2" }));
    }
    tenants.insert(
        "umbrella".into(),
        json!({ "tier": "tier2", "overrides": { "board": "off" } }),
    );
    tenants.insert("initech".into(), json!({ "tier": "tier2", "opt_out": ["board"] }));
    tenants.insert(
        "acme".into(),
        json!({ "tier": "tier3", "channel": "latest", "beta": ["board"] }),
    );
    state(
        json!({ "version": 1, "tiers": ["tier1", "tier2", "tier3"], "flags": {
        "board": { "lifecycle": "beta", "tiers": { "tier3": "on" } },
        "detail": { "lifecycle": "beta", "requires": ["board"], "default": "on" },
    }, "tenants": tenants }),
    )
}

fn tier2_on() -> Change {
    Change::SetTiers {
        flag: "board".into(),
        tiers: serde_json::Map::from_iter([("tier2".to_owned(), Value::Bool(true))]),
    }
}

#[test]
fn a_preview_lists_changes_and_causes_of_no_change() {
    let (preview, _, _) = previewed(&board(), tier2_on(), &PreviewPage::default()).unwrap();
    assert_eq!((preview.tenants_changed, preview.tenants_total), (3, 15));
    let reported: Vec<String> = preview.decisions.iter().map(reported).collect();
    assert_eq!(
        reported,
        [
            "globex board off on tier tier2",
            "hooli board off on tier tier2",
            "soylent board off on tier tier2"
        ]
    );
    let kept = preview
        .unchanged
        .iter()
        .filter(|kept| kept.tier.as_deref() == Some("tier2"));
    let kept: Vec<(usize, &str)> = kept.map(|kept| (kept.tenants, kept.reason.as_str())).collect();
    assert_eq!(
        kept,
        [(9, "not eligible at beta"), (1, "opted out"), (1, "overridden")]
    );
}

fn reported(flip: &ChangedDecision) -> String {
    let texts = [
        &flip.tenant,
        &Some(flip.flag.clone()),
        &flip.from,
        &flip.to,
        &Some(flip.reason.clone()),
    ];
    texts.map(|text| text.as_deref().unwrap_or("-")).join(" ")
}

#[test]
fn dependents_of_a_changed_flag_are_previewed() {
    let internal = json!({ "internal": true });
    let mut state = board();
    crate::plan::tests::made(
        &mut state,
        &admin(
            Change::PutTenant {
                org: "us".into(),
                record: internal,
            },
            0,
        ),
    );
    let on = Change::SetOverride {
        org: "us".into(),
        flag: "board".into(),
        variant: Some(json!(true)),
    };
    let (preview, _, _) = previewed(&state, on, &PreviewPage::default()).unwrap();
    let reported: Vec<String> = preview.decisions.iter().map(reported).collect();
    assert_eq!(
        reported,
        ["us board off on overridden", "us detail off on default"]
    );
    assert_eq!((preview.tenants_changed, preview.decisions_changed), (1, 2));
}

#[test]
fn pages_have_no_gap_and_no_repetition() {
    let kill = || Change::ApplyDocument {
        document: document(&json!({ "version": 1, "tiers": ["tier1", "tier2", "tier3"],
            "flags": { "board": { "schedule": { "until": "2020-01-01T00:00:00Z" } } } })),
        prune: false,
        new_flags: NewFlags::Alpha,
    };
    let mut state = board();
    crate::plan::tests::made(&mut state, &admin(tier2_on(), 0));
    let whole = previewed(&state, kill(), &PreviewPage::default())
        .unwrap()
        .0
        .decisions;
    assert_eq!(whole.len(), 4);
    let mut pages = Vec::new();
    let mut after = None;
    for _ in 0..4 {
        let preview = previewed(
            &state,
            kill(),
            &PreviewPage {
                after: after.take(),
                limit: 2,
            },
        )
        .unwrap()
        .0;
        assert_eq!(
            (preview.decisions_changed, preview.tenants_changed),
            (4, 4),
            "the counts are those of all pages"
        );
        pages.extend(preview.decisions);
        after = preview.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, whole);
}

#[test]
fn a_new_flag_changes_no_decision_until_it_is_on() {
    let document = |default: &str| {
        applying(json!({ "version": 1, "tiers": ["tier1", "tier2", "tier3"],
            "flags": { "fresh": { "lifecycle": "ga", "default": default } } }))
    };
    let (off, _, _) = previewed(&board(), document("off"), &PreviewPage::default()).unwrap();
    assert_eq!((off.tenants_changed, off.unknown_tenant.len()), (0, 0));
    let (on, _, _) = previewed(&board(), document("on"), &PreviewPage::default()).unwrap();
    assert_eq!((on.tenants_changed, on.unknown_tenant.len()), (15, 1));
    assert_eq!(
        (on.decisions[0].from.as_deref(), on.decisions[0].to.as_deref()),
        (None, Some("on"))
    );
}

#[test]
fn a_policy_change_affects_tenants_eligible_by_it() {
    let document = json!({ "version": 1, "flags": {
        "young": { "lifecycle": "alpha" },
        "open": { "lifecycle": "beta", "default": "on" },
        "wide": { "lifecycle": "ga", "default": "on" },
    }, "tenants": { "acme": { "opt_in": ["open"] }, "globex": { "overrides": { "young": "on" } } } });
    let policy = json!({ "version": 1, "policy": { "alpha_overrides": false, "beta_opt_in": false } });
    let (preview, _, _) = previewed(&state(document), applying(policy), &PreviewPage::default()).unwrap();
    let reported: Vec<String> = preview.decisions.iter().map(reported).collect();
    assert_eq!(
        reported,
        [
            "acme open on off not eligible at beta",
            "globex young on off not eligible at alpha"
        ]
    );
}

#[test]
fn another_unknown_tier_affects_only_unknown_tenants() {
    let unknown = json!({ "version": 1, "unknown_tenant": { "tier": "tier3" },
        "flags": { "paid": { "lifecycle": "ga", "tiers": { "tier3": "on" } } } });
    let mut state = board();
    crate::plan::tests::made(&mut state, &admin(applying(unknown), 0));
    let refused = applying(json!({ "version": 1, "unknown_tenant": "reject" }));
    let (preview, _, _) = previewed(&state, refused, &PreviewPage::default()).unwrap();
    assert_eq!(preview.tenants_changed, 0);
    let reported: Vec<String> = preview.unknown_tenant.iter().map(reported).collect();
    assert_eq!(reported, ["- paid on - tenants without a record are rejected"]);
}

#[test]
fn tenants_without_a_record_have_a_share_of_a_rollout() {
    let state = state(json!({ "version": 1, "flags": {
        "board": { "lifecycle": "ga" },
        "above": { "lifecycle": "ga", "default": "on", "requires": ["board"] },
        "theme": { "lifecycle": "ga", "variants": { "off": 0, "blue": 1, "green": 2 }, "off": "off",
            "opt_in_serves": "blue", "default": { "split": { "blue": 50, "green": 50 }, "by": "tenant" } },
    } }));
    let set = |flag: &str, percentage: f64| Change::SetRollout {
        flag: flag.into(),
        rollout: Some(json!({ "percentage": percentage })),
    };
    let shares = |change: Change| -> Vec<_> {
        let (preview, _, _) = previewed(&state, change, &PreviewPage::default()).unwrap();
        let unknown = preview.unknown_tenant.into_iter();
        unknown
            .map(|found| (found.flag, found.from, found.to, found.share_permille))
            .collect()
    };
    for (percentage, about) in [(25.0, 250), (80.0, 800), (1.0, 10)] {
        let found = shares(set("board", percentage));
        assert_eq!(found.len(), 2, "{found:?}");
        for (flag, from, to, share) in found {
            assert!(["above", "board"].contains(&flag.as_str()));
            assert_eq!((from.as_deref(), to.as_deref()), (Some("off"), Some("on")));
            assert!(share.unwrap().abs_diff(about) <= 15, "{share:?}, about {about}");
        }
    }
    let everyone = shares(set("board", 100.0));
    assert!(
        everyone.iter().all(|(.., share)| share.is_none()) && everyone.len() == 2,
        "{everyone:?}"
    );
    assert_eq!(shares(set("board", 0.0)), []);
    let killed = shares(Change::Kill { flag: "theme".into() });
    assert_eq!(killed.len(), 2, "{killed:?}");
    for (_, _, to, share) in killed {
        assert_eq!(to.as_deref(), Some("off"));
        assert!(share.unwrap().abs_diff(500) <= 15, "{share:?}");
    }
}

/// Returns the number of tenants whose decision of `board` differs between two documents, and the number of further
/// tenants for which it may differ by request.
fn reached(before: &Value, after: &Value) -> (usize, usize) {
    let (before, after) = (catalog(&state(before.clone())), catalog(&state(after.clone())));
    let sides = [before.compiled(), after.compiled()].map(|side| (&*side.flags, &*side.tenants));
    let affected = Affected {
        flags: BTreeSet::from(["board".to_owned()]),
        ..Affected::default()
    };
    let preview = preview(sides[0], sides[1], &affected, Timestamp(START));
    let reached = preview.tenants_changed + preview.tenants_maybe_changed;
    for limit in [reached.saturating_sub(1), reached] {
        let is_beyond = affects_more_than(limit, sides[0], sides[1], &affected, Timestamp(START));
        assert_eq!(is_beyond, reached > limit);
        assert_eq!(preview.affects_more_than(limit), is_beyond);
    }
    (preview.tenants_changed, preview.tenants_maybe_changed)
}

#[test]
fn changes_that_depend_on_requests_are_counted_apart() {
    let document = |flag: Value| {
        json!({ "version": 1, "flags": { "board": flag }, "tenants": {
            "acme": { "attributes": { "country": "AT" } },
            "globex": {},
            "hooli": { "overrides": { "board": "off" } },
        } })
    };
    let rule = |clause: Value| json!({ "lifecycle": "ga", "rules": [{ "when": clause, "serve": "on" }] });
    let plain = document(json!({ "lifecycle": "ga" }));
    let of_users = document(json!({ "lifecycle": "ga", "rollout": { "percentage": 100, "by": "user" } }));
    let of_groups = document(rule(json!({ "attribute": "groups", "any_of": ["pilots"] })));
    let of_requests = document(rule(json!({ "attribute": "device", "eq": "phone" })));
    let of_records = document(rule(json!({ "attribute": "country", "eq": "AT" })));
    // An override decides before any condition on a request.
    assert_eq!(reached(&plain, &of_users), (0, 2));
    assert_eq!(reached(&of_users, &plain), (0, 2));
    assert_eq!(reached(&plain, &of_groups), (0, 2));
    assert_eq!(reached(&plain, &of_requests), (0, 2));
    assert_eq!(
        reached(&plain, &of_records),
        (1, 0),
        "acme, and no other has a country by request"
    );
    // A description or a tier's default changes no decision by user.
    let mut described = of_users.clone();
    described["flags"]["board"]["description"] = "the new board".into();
    assert_eq!(reached(&of_users, &described), (0, 0));
}

#[test]
fn many_tenants_are_each_counted_once() {
    let tenants = (0..2 * MANY_TENANTS).map(|place| {
        let tier = if place % 3 == 0 { "tier2" } else { "tier1" };
        (format!("tenant-{place}"), json!({ "tier": tier }))
    });
    let tenants: serde_json::Map<String, Value> = tenants.collect();
    let document = |tiers: Value| {
        json!({ "version": 1, "tiers": ["tier1", "tier2"],
            "flags": { "board": { "lifecycle": "ga", "tiers": tiers } }, "tenants": tenants })
    };
    let before = catalog(&state(document(json!({}))));
    let after = before
        .draft_json(&[config::JsonEdit::Flag(
            "board".into(),
            Some(json!({ "lifecycle": "ga", "tiers": { "tier2": "on" } })),
        )])
        .unwrap();
    let sides = [before.compiled(), after.compiled()].map(|side| (&*side.flags, &*side.tenants));
    let affected = Affected {
        flags: BTreeSet::from(["board".to_owned()]),
        ..Affected::default()
    };
    let all = (2 * MANY_TENANTS).div_ceil(3);
    assert_eq!(
        preview(sides[0], sides[1], &affected, Timestamp(START)).tenants_changed,
        all
    );
    for (limit, is_beyond) in [(0, true), (all - 1, true), (all, false)] {
        let found = affects_more_than(limit, sides[0], sides[1], &affected, Timestamp(START));
        assert_eq!(found, is_beyond, "{limit}");
    }
}

#[test]
fn a_preview_of_a_stage_equals_deciding_everything_twice() {
    let tenants = (0..40).map(|place| {
        let record = if place % 4 == 0 {
            json!({ "internal": true })
        } else {
            json!({})
        };
        (format!("tenant-{place}"), record)
    });
    let tenants: serde_json::Map<String, Value> = tenants.collect();
    let before = state(json!({ "version": 1, "tenants": tenants, "flags": {
        "board": { "lifecycle": "ga", "default": "on" },
        "above": { "lifecycle": "ga", "default": "on", "requires": ["board"] },
    } }));
    let internal = json!({ "attribute": "internal", "eq": true });
    let stages = json!({ "stages": [
        { "name": "internal", "audience": internal, "percentage": 100 }, { "name": "half", "percentage": 50 },
    ] });
    let mut board = before.flag("board").unwrap();
    board.definition_mut().exposure = config::read_exposure(&stages);
    let edits = [StateEdit::Flag("board".into(), Some(board))];
    let affected = Affected::of(&before, &edits);
    let mut after = before.clone();
    after.absorb(&edits, before.revision);
    let (before, after) = (catalog(&before), catalog(&after));
    let sides = [before.compiled(), after.compiled()].map(|side| (&*side.flags, &*side.tenants));
    let preview = preview(sides[0], sides[1], &affected, Timestamp(START + HOUR));
    let expected = by_brute_force(before.compiled(), after.compiled());
    let of_known = expected.into_iter().filter(|line| line.0.is_some()).collect();
    assert_eq!(lines(&preview.decisions), of_known);
    let held_back = preview
        .decisions
        .iter()
        .filter(|decision| decision.flag == "board");
    assert!((10..20).contains(&held_back.clone().count()));
    for decision in held_back {
        let reason = (decision.cause.as_str(), &*decision.reason);
        assert_eq!(reason, ("held_back", "held back at stage half"));
    }
    assert_eq!(preview.unknown_tenant.len(), 2, "{:?}", preview.unknown_tenant);
    for unknown in &preview.unknown_tenant {
        assert!(unknown.share_permille.unwrap().abs_diff(500) <= 15, "{unknown:?}");
    }
}

#[test]
fn a_preview_names_a_rollout_at_0_percent() {
    let before = state(json!({ "version": 1, "tenants": { "acme": {} }, "flags": {
        "board": { "lifecycle": "ga", "default": "on" },
    } }));
    let mut board = before.flag("board").unwrap();
    board.definition_mut().exposure =
        config::read_exposure(&json!({ "stages": [{ "name": "half", "percentage": 0 }] }));
    let mut after = before.clone();
    let edits = [StateEdit::Flag("board".into(), Some(board))];
    let affected = Affected::of(&before, &edits);
    after.absorb(&edits, before.revision);
    let (before, after) = (catalog(&before), catalog(&after));
    let sides = [before.compiled(), after.compiled()].map(|side| (&*side.flags, &*side.tenants));
    let preview = preview(sides[0], sides[1], &affected, Timestamp(START + HOUR));
    let reasons: Vec<&str> = preview
        .decisions
        .iter()
        .map(|decision| &*decision.reason)
        .collect();
    assert_eq!(reasons, ["outside of the rollout, which is at 0 %"]);
}
