//! Applied documents: the fields they replace, and the fields they leave alone.

use super::*;

fn kept() -> State {
    state(
        json!({ "version": 1, "tiers": ["t1"], "policy": { "beta_opt_in": false },
            "segments": { "dach": { "attribute": "country", "in": ["DE"] }, "old": { "attribute": "a", "eq": 1 } },
            "flags": {
                "board": { "lifecycle": "beta", "owner": "a", "tiers": { "t1": "on" }, "revertible": true },
                "theme": { "kind": "ops" },
            },
            "tenants": {
                "acme": { "tier": "t1", "beta": ["board", "theme"], "overrides": { "theme": "on" }, "opt_out": [] },
            },
        }),
    )
}

fn apply(written: Value, prune: bool, adopt: bool) -> Request {
    admin(
        Change::ApplyDocument {
            document: document(&written),
            prune,
            new_flags: if adopt {
                NewFlags::AsWritten
            } else {
                NewFlags::Alpha
            },
        },
        HOUR,
    )
}

fn lifecycle(state: &State, key: &str) -> Option<&'static str> {
    state.flag(key).unwrap().lifecycle().map(Lifecycle::as_str)
}

/// Returns the difference as JSON, so that an expected one is short.
fn difference(plan: &Plan) -> Value {
    let section = |section: Section| format!("{section:?}").to_lowercase();
    let parts = |parts: &[Part]| -> Value {
        let part = |part: &Part| json!({ "section": section(part.section), "name": part.name });
        parts.iter().map(part).collect()
    };
    let fields = |parts: &[PartFields]| -> Value {
        let part = |part: &PartFields| json!({ "section": section(part.section), "name": part.name, "fields": part.fields });
        parts.iter().map(part).collect()
    };
    let difference = plan.summary.document.as_ref().unwrap();
    json!({
        "added": parts(&difference.added),
        "changed": fields(&difference.changed),
        "removed": parts(&difference.removed),
        "kept_by_operators": fields(&difference.kept_by_operators),
    })
}

#[test]
fn a_document_replaces_its_fields_and_reports_the_difference() {
    let mut state = kept();
    let document = json!({ "version": 1, "tiers": ["t1", "t2"],
        "segments": { "dach": { "attribute": "country", "in": ["DE", "AT"] } },
        "flags": {
            "board": { "owner": "b", "lifecycle": "ga", "enabled": false, "tiers": { "t1": "off" },
                "rollout": { "percentage": 5 } },
            "fresh": { "lifecycle": "beta", "enabled": false, "tiers": { "t1": true }, "rollout": { "percentage": 1 } },
        },
        "tenants": { "acme": { "tier": "t2" }, "globex": { "tier": "t2" } },
    });
    let plan = made(&mut state, &apply(document, false, false));
    assert_eq!(
        difference(&plan),
        json!({
            "added": [{ "section": "flag", "name": "fresh" }, { "section": "tenant", "name": "globex" }],
            "changed": [
                { "section": "head", "name": "", "fields": ["tiers"] },
                { "section": "segment", "name": "dach", "fields": ["in"] },
                { "section": "flag", "name": "board", "fields": ["owner", "revertible"] },
            ],
            "removed": [],
            "kept_by_operators": [
                { "section": "flag", "name": "board", "fields": ["lifecycle", "enabled", "tiers", "rollout"] },
                { "section": "flag", "name": "fresh", "fields": ["lifecycle"] },
                { "section": "tenant", "name": "acme", "fields": ["beta", "opt_out", "overrides", "tier"] },
            ],
        })
    );
    assert_eq!(
        flag(&state, "board"),
        json!({ "owner": "b", "lifecycle": "beta", "tiers": { "t1": "on" } })
    );
    let fresh = json!({ "lifecycle": "alpha", "enabled": false, "tiers": { "t1": "on" }, "rollout": { "percentage": 1 } });
    assert_eq!(flag(&state, "fresh"), fresh);
    assert_eq!(state.flag("fresh").unwrap().definition_record(), json!({}));
    assert_eq!(
        Value::Object(state.document.head.fields().clone()),
        json!({ "tiers": ["t1", "t2"], "policy": { "beta_opt_in": false } })
    );
    assert!(state.document.segments.contains_key("old"));
    let audited: Vec<_> = plan
        .audit
        .iter()
        .map(|entry| (entry.flag.as_deref(), entry.org.as_deref()))
        .collect();
    assert_eq!(
        audited,
        [
            (Some("board"), None),
            (Some("fresh"), None),
            (None, Some("globex")),
            (None, None)
        ]
    );
    assert_eq!(plan.audit[3].details["added"], 2);
}

#[test]
fn an_adopted_flag_keeps_its_lifecycle() {
    for (written, adopt, expected) in [
        (json!({ "lifecycle": "ga" }), true, Some("ga")),
        (json!({ "lifecycle": "dev" }), true, Some("alpha")),
        (json!({}), true, Some("alpha")),
        (json!({ "lifecycle": "ga" }), false, Some("alpha")),
        (json!({ "kind": "permission" }), true, None),
        (json!({ "kind": "permission" }), false, None),
    ] {
        let mut state = State::default();
        made(
            &mut state,
            &apply(json!({ "version": 1, "flags": { "a": written } }), false, adopt),
        );
        assert_eq!(lifecycle(&state, "a"), expected, "{adopt}");
    }
}

#[test]
fn pruning_removes_missing_parts_and_references_to_them() {
    let mut state = kept();
    let document = json!({ "version": 1, "tiers": ["t1"], "flags": { "board": {} } });
    let plan = made(&mut state, &apply(document, true, false));
    let removed = json!([
        { "section": "segment", "name": "dach" }, { "section": "segment", "name": "old" },
        { "section": "flag", "name": "theme" },
    ]);
    assert_eq!(difference(&plan)["removed"], removed);
    assert!(state.document.segments.is_empty());
    assert!(state.flag("theme").is_none() && !state.has_flag("theme"));
    assert_eq!(
        tenant(&state, "acme"),
        json!({ "tier": "t1", "beta": ["board"], "opt_out": [] })
    );
    assert_eq!(
        Value::Object(state.document.head.fields().clone()),
        json!({ "tiers": ["t1"] }),
        "what the head leaves out goes, too"
    );
    assert!(
        plan.audit
            .iter()
            .any(|entry| entry.org.as_deref() == Some("acme"))
    );
}

#[test]
fn a_document_equal_to_the_state_changes_nothing() {
    let mut state = kept();
    let plan = made(
        &mut state,
        &apply(serde_json::to_value(&kept().document).unwrap(), true, false),
    );
    assert_eq!((plan.writes.len(), plan.audit.len()), (0, 0));
}

#[test]
fn an_equal_definition_reports_only_fields_of_operators() {
    let mut state = kept();
    let board = json!({ "owner": "a", "revertible": true, "lifecycle": "ga", "tiers": { "t1": "off" } });
    let document = json!({ "version": 1, "flags": { "board": board, "theme": { "kind": "ops" } } });
    let plan = made(&mut state, &apply(document, false, false));
    assert!(plan.writes.is_empty() && plan.audit.is_empty(), "{plan:?}");
    let left = json!([{ "section": "flag", "name": "board", "fields": ["lifecycle", "tiers"] }]);
    assert_eq!(difference(&plan)["kept_by_operators"], left);
    // Without a field it is another definition.
    let document = json!({ "version": 1, "flags": { "board": { "owner": "a" }, "theme": {} } });
    let plan = made(&mut state, &apply(document, false, false));
    let changed = json!([
        { "section": "flag", "name": "board", "fields": ["revertible"] },
        { "section": "flag", "name": "theme", "fields": ["kind"] },
    ]);
    assert_eq!(difference(&plan)["changed"], changed);
}

#[test]
fn changed_kind_starts_or_ends_the_lifecycle() {
    let mut state = kept();
    let mut board = state.flag("board").unwrap();
    board.definition_mut().lifecycle = Some(rules::Sited::new(Lifecycle::Ga, rules::Site::default()));
    state.absorb(&[StateEdit::Flag("board".into(), Some(board))], Revision(2));
    let document = json!({ "version": 1, "flags": { "board": { "kind": "ops" }, "theme": {} } });
    made(&mut state, &apply(document, false, false));
    assert_eq!(lifecycle(&state, "board"), None);
    assert_eq!(lifecycle(&state, "theme"), Some("alpha"));
    assert_eq!(state.states["theme"].since, Timestamp(START + HOUR));
}

#[test]
fn document_can_not_remove_a_lifecycle_before_ga() {
    let state = state(json!({ "version": 1, "flags": {
        "young": {}, "board": { "lifecycle": "beta" }, "trial": { "kind": "experiment", "lifecycle": "beta" },
        "wide": { "lifecycle": "ga" }, "done": { "lifecycle": "retired" }, "switch": { "kind": "ops" },
    }}));
    for (flags, expected) in [
        (json!({ "young": { "kind": "ops" } }), &["alpha"][..]),
        (json!({ "young": { "kind": "permission" } }), &["alpha"]),
        (
            json!({ "board": { "kind": "permission", "lifecycle": "ga" } }),
            &["beta"],
        ),
        (json!({ "trial": { "kind": "ops" } }), &["beta"]),
        (
            json!({ "board": { "kind": "ops" }, "fresh": {}, "young": { "kind": "ops" } }),
            &["beta", "alpha"],
        ),
        (json!({ "board": { "kind": "experiment" }, "trial": {} }), &[]),
        (json!({ "wide": { "kind": "ops" } }), &[]),
        (json!({ "done": { "kind": "permission" } }), &["retired"]),
        (
            json!({ "switch": { "kind": "permission" }, "fresh": { "kind": "ops" } }),
            &[],
        ),
    ] {
        let request = apply(json!({ "version": 1, "flags": flags }), false, true);
        let refusals = match plan(&state, &request, &LifecyclePolicy::default(), &GOOD) {
            Ok(_) => Vec::new(),
            Err(NoPlan::Refused(refusals)) => refusals,
            Err(unreadable) => panic!("{unreadable:?}"),
        };
        assert!(
            refusals.iter().all(|refusal| refusal.code == Code::StateSkipped),
            "{refusals:?}"
        );
        assert!(
            refusals.iter().all(|refusal| refusal.help.is_some()),
            "{refusals:?}"
        );
        let from: Vec<_> = refusals
            .iter()
            .map(|refusal| refusal.facts["from"].clone())
            .collect();
        assert_eq!(from, expected, "{flags}");
    }
}

#[test]
fn a_flag_adopted_beyond_alpha_has_an_audit_entry() {
    for (written, adopt, expected) in [
        (json!({ "lifecycle": "beta" }), true, Some("beta")),
        (json!({ "lifecycle": "ga" }), true, Some("ga")),
        (json!({ "lifecycle": "retired" }), true, Some("retired")),
        (json!({ "lifecycle": "dev" }), true, None),
        (json!({}), true, None),
        (json!({ "lifecycle": "ga" }), false, None),
        (json!({ "kind": "permission" }), true, None),
    ] {
        let document = json!({ "version": 1, "flags": { "a": written } });
        let plan = made(&mut kept(), &apply(document, false, adopt));
        let reported = plan
            .audit
            .iter()
            .filter(|entry| entry.event == crate::event::Event::StateChanged);
        let reported: Vec<_> = reported
            .map(|entry| (entry.flag.as_deref(), Value::Object(entry.details.clone())))
            .collect();
        let expected = expected.map(|to| (Some("a"), json!({ "from": "alpha", "to": to, "adopted": true })));
        assert_eq!(reported, Vec::from_iter(expected), "{adopt}");
    }
}

#[test]
fn another_definition_removes_the_sign_offs() {
    type Edit = fn(&mut Value);
    let flags = json!({
        "board": { "lifecycle": "beta", "owner": "a", "rules": [{ "when": { "segment": "eu" }, "serve": "on" }] },
    });
    let document = |change: Edit| {
        let mut document = json!({
            "version": 1, "tiers": ["t1"], "flags": flags,
            "segments": {
                "dach": { "attribute": "country", "in": ["DE"] },
                "eu": { "any": [{ "segment": "dach" }, { "attribute": "country", "eq": "FR" }] },
                "other": { "attribute": "country", "eq": "US" },
            },
        });
        change(&mut document);
        document
    };
    let changes: [(&str, Edit, bool); 9] = [
        ("nothing", |_| {}, false),
        (
            "who answers for it",
            |d| d["flags"]["board"]["owner"] = "b".into(),
            false,
        ),
        (
            "when it should be gone",
            |d| d["flags"]["board"]["expires"] = "2027-01-01".into(),
            false,
        ),
        (
            "what operators own",
            |d| d["flags"]["board"]["tiers"] = json!({ "t1": "on" }),
            false,
        ),
        (
            "a segment of others",
            |d| d["segments"]["other"]["eq"] = "CA".into(),
            false,
        ),
        (
            "a rule",
            |d| d["flags"]["board"]["rules"][0]["serve"] = "off".into(),
            true,
        ),
        (
            "the default",
            |d| d["flags"]["board"]["default"] = true.into(),
            true,
        ),
        (
            "a segment within its segment",
            |d| d["segments"]["dach"]["in"] = json!(["DE", "AT"]),
            true,
        ),
        (
            "the same, without the flag",
            |d| {
                d["segments"]["dach"]["in"] = json!(["DE", "AT"]);
                d["flags"] = json!({});
            },
            true,
        ),
    ];
    for (what, change, takes_back) in changes {
        let mut state = state(document(|_| {}));
        let signed = crate::SignOff {
            role: "operations".into(),
            by: "eve".into(),
            groups: vec![],
            at: Timestamp(START),
        };
        let mut board = state.flag("board").unwrap();
        board.state_mut().sign_offs.push(signed);
        state.absorb(&[StateEdit::Flag("board".into(), Some(board))], Revision(2));
        let plan = made(&mut state, &apply(document(change), false, false));
        let board = &state.states["board"];
        assert_eq!(board.sign_offs.is_empty(), takes_back, "{what}");
        assert_eq!(
            board.changed_by == "ada" && board.changed != Timestamp(START),
            takes_back,
            "{what}"
        );
        let reported = difference(&plan)["changed"].to_string().contains("sign_offs");
        assert_eq!(reported, takes_back, "{what}");
    }
}

#[test]
fn a_document_leaves_the_stages_of_a_plan_alone() {
    let mut state = kept();
    let exposure = json!({ "by": "user", "serve": "on", "stages": [
        { "name": "internal", "audience": { "segment": "old" }, "percentage": 100 },
        { "name": "quarter", "percentage": 25 },
    ] });
    let mut board = state.flag("board").unwrap();
    board.definition_mut().exposure = config::read_exposure(&exposure);
    state.absorb(&[StateEdit::Flag("board".into(), Some(board))], Revision(2));
    let stored = records(&state);
    assert_eq!(stored["states"]["board"]["exposure"], exposure);
    assert_eq!(stored["definitions"]["board"].get("exposure"), None);
    let keys = all_keys(&state).into_iter();
    let keyed = keys.map(|key| {
        let record = codec::record(&state, &key).unwrap();
        (key, crate::record::Json::from(&record))
    });
    assert_eq!(codec::read_records(state.revision, keyed).unwrap(), state);

    let document =
        json!({ "version": 1, "flags": { "board": { "owner": "b", "rollout": { "percentage": 50 } } } });
    made(&mut state, &apply(document, false, false));
    let board = flag(&state, "board");
    assert_eq!((&board["owner"], &board["exposure"]), (&json!("b"), &exposure));
    let exported = state.document.clone().without_stored_fields();
    assert_eq!(exported.flags["board"].exposure, None);
    let segment = json!({ "version": 1, "segments": { "old": { "attribute": "a", "eq": 2 } } });
    let plan = made(&mut state, &apply(segment, false, false));
    assert!(plan.affected.flags.contains("board"), "{:?}", plan.affected);
}
