//! Changes of one tenant, and imports of many.

use super::*;
use crate::change::ImportMode;

fn tenants() -> State {
    state(json!({ "version": 1, "tiers": ["t1", "t2"], "flags": {
        "young": {},
        "board": { "lifecycle": "beta" },
        "wide": { "lifecycle": "ga" },
        "done": { "lifecycle": "retired" },
        "switch": { "kind": "ops" },
        "theme": { "lifecycle": "beta", "variants": { "none": 0, "blue": 1 }, "off": "none", "opt_in_serves": "blue" },
    }, "tenants": {
        "acme": { "tier": "t1", "beta": ["board"], "attributes": { "country": "DE" } },
        "bare": {},
    }}))
}

fn acme(flag: &str, change: fn(String, String) -> Change) -> Change {
    change("acme".into(), flag.into())
}

fn opt_in(org: String, flag: String) -> Change {
    Change::OptIn { org, flag }
}

fn opt_out(org: String, flag: String) -> Change {
    Change::OptOut { org, flag }
}

fn overridden(org: &str, flag: &str, variant: Option<Value>) -> Change {
    Change::SetOverride {
        org: org.into(),
        flag: flag.into(),
        variant,
    }
}

#[test]
fn all_missing_names_are_reported() {
    let state = tenants();
    for (change, expected) in [
        (overridden("acme", "none", None), vec!["FLAG_NOT_FOUND"]),
        (overridden("nobody", "board", None), vec!["TENANT_NOT_FOUND"]),
        (
            overridden("nobody", "none", None),
            vec!["FLAG_NOT_FOUND", "TENANT_NOT_FOUND"],
        ),
        (
            Change::Allow {
                org: "nobody".into(),
                flag: "board".into(),
            },
            vec!["TENANT_NOT_FOUND"],
        ),
        (
            Change::Disallow {
                org: "acme".into(),
                flag: "none".into(),
            },
            vec!["FLAG_NOT_FOUND"],
        ),
        (
            Change::DeleteTenant { org: "nobody".into() },
            vec!["TENANT_NOT_FOUND"],
        ),
        (
            Change::PatchTenant {
                org: "nobody".into(),
                patch: json!({}),
            },
            vec!["TENANT_NOT_FOUND"],
        ),
        (
            Change::PatchTenant {
                org: "acme".into(),
                patch: json!(1),
            },
            vec!["INVALID_DOCUMENT"],
        ),
        (
            Change::PutTenant {
                org: "acme".into(),
                record: json!([]),
            },
            vec!["INVALID_DOCUMENT"],
        ),
        (opt_in("nobody".into(), "board".into()), vec!["TENANT_NOT_FOUND"]),
        (acme("young", opt_in), vec!["OPT_IN_CLOSED"]),
        (acme("young", opt_out), vec!["OPT_IN_CLOSED"]),
        (acme("done", opt_out), vec!["OPT_IN_CLOSED"]),
        (acme("switch", opt_in), vec!["OPT_IN_CLOSED"]),
    ] {
        assert_eq!(
            codes(&refused(&state, &admin(change.clone(), 0))),
            expected,
            "{change:?}"
        );
    }
}

#[test]
fn overrides_on_and_off_have_different_events() {
    use crate::Event::{FlagDisabled, FlagEnabled, OverrideRemoved};
    let mut state = tenants();
    for (flag, variant, event, kept) in [
        ("board", Some(json!(true)), FlagEnabled, json!({ "board": "on" })),
        (
            "theme",
            Some(json!("none")),
            FlagDisabled,
            json!({ "board": "on", "theme": "none" }),
        ),
        (
            "theme",
            Some(json!("blue")),
            FlagEnabled,
            json!({ "board": "on", "theme": "blue" }),
        ),
        (
            "board",
            Some(json!(false)),
            FlagDisabled,
            json!({ "board": "off", "theme": "blue" }),
        ),
        ("board", None, OverrideRemoved, json!({ "theme": "blue" })),
    ] {
        let plan = made(&mut state, &admin(overridden("acme", flag, variant), HOUR));
        let entry = &plan.audit[0];
        assert_eq!(
            (entry.event, entry.org.as_deref(), entry.flag.as_deref()),
            (event, Some("acme"), Some(flag))
        );
        assert_eq!(plan.withdraws, event == FlagDisabled);
        assert_eq!(tenant(&state, "acme")["overrides"], kept);
    }
    made(&mut state, &admin(overridden("acme", "theme", None), HOUR));
    assert_eq!(
        tenant(&state, "acme").get("overrides"),
        None,
        "nothing empty is left behind"
    );
    assert!(
        made(&mut state, &admin(overridden("acme", "theme", None), HOUR))
            .writes
            .is_empty()
    );
}

#[test]
fn a_tenant_is_allowed_once_and_disallowed() {
    let mut state = tenants();
    let (allow, disallow) = (
        Change::Allow {
            org: "bare".into(),
            flag: "board".into(),
        },
        Change::Disallow {
            org: "bare".into(),
            flag: "board".into(),
        },
    );
    made(&mut state, &admin(allow.clone(), 0));
    assert_eq!(tenant(&state, "bare"), json!({ "beta": ["board"] }));
    assert!(made(&mut state, &admin(allow, 0)).writes.is_empty());
    assert!(made(&mut state, &admin(disallow.clone(), 0)).withdraws);
    assert_eq!(tenant(&state, "bare"), json!({}));
    assert!(made(&mut state, &admin(disallow, 0)).writes.is_empty());
}

#[test]
fn opting_in_undoes_opting_out_and_the_reverse() {
    let mut state = tenants();
    let own = |change| by(Role::OrgAdmin, Some("acme"), admin(change, HOUR));
    made(&mut state, &own(acme("wide", opt_out)));
    assert_eq!(tenant(&state, "acme")["opt_out"], json!(["wide"]));
    made(&mut state, &own(acme("wide", opt_in)));
    assert_eq!(tenant(&state, "acme")["opt_in"], json!(["wide"]));
    assert_eq!(tenant(&state, "acme").get("opt_out"), None);
    made(&mut state, &own(acme("wide", opt_out)));
    assert_eq!(tenant(&state, "acme").get("opt_in"), None);
    assert!(made(&mut state, &own(acme("wide", opt_out))).writes.is_empty());
}

#[test]
fn beta_opt_ins_need_the_policy_of_the_document() {
    let mut state = tenants();
    made(&mut state, &admin(acme("board", opt_in), 0));
    state.document.head = document(&json!({ "version": 1, "policy": { "beta_opt_in": false } })).head;
    assert_eq!(
        codes(&refused(&state, &admin(acme("board", opt_in), 0))),
        ["OPT_IN_CLOSED"]
    );
    made(&mut state, &admin(acme("board", opt_out), 0));
    made(&mut state, &admin(acme("wide", opt_in), 0));
}

#[test]
fn closed_flags_do_not_exist_for_an_org_admin() {
    let own = |flag| by(Role::OrgAdmin, Some("acme"), admin(acme(flag, opt_in), 0));
    let unknown = refused(&tenants(), &own("none"));
    for flag in ["young", "done", "switch"] {
        let refusals = refused(&tenants(), &own(flag));
        assert_eq!(codes(&refusals), ["FLAG_NOT_FOUND"], "{flag}");
        assert_eq!(refusals[0].detail, unknown[0].detail.replace("none", flag));
        assert_eq!(refusals[0].help, unknown[0].help);
    }
}

#[test]
fn a_patch_is_a_merge_patch_of_rfc_7396() {
    let mut state = tenants();
    let patch = json!({ "tier": "t2", "beta": null, "attributes": { "seats": 5 } });
    made(
        &mut state,
        &admin(
            Change::PatchTenant {
                org: "acme".into(),
                patch: patch.clone(),
            },
            0,
        ),
    );
    let expected = json!({ "tier": "t2", "attributes": { "country": "DE", "seats": 5 } });
    assert_eq!(tenant(&state, "acme"), expected);
    assert!(
        made(
            &mut state,
            &admin(
                Change::PatchTenant {
                    org: "acme".into(),
                    patch
                },
                0
            )
        )
        .writes
        .is_empty()
    );
    let put = Change::PutTenant {
        org: "acme".into(),
        record: json!({ "tier": "t1" }),
    };
    made(&mut state, &admin(put, 0));
    assert_eq!(tenant(&state, "acme"), json!({ "tier": "t1" }));
    made(&mut state, &admin(Change::DeleteTenant { org: "acme".into() }, 0));
    assert!(state.tenant("acme").is_none());
}

#[test]
fn an_import_has_a_result_for_each_tenant() {
    // Null removes a field, which only a patch may do.
    let fresh = |mode| match mode {
        ImportMode::Patch => json!({ "tier": "t1", "channel": null }),
        ImportMode::Create | ImportMode::Upsert => json!({ "tier": "t1" }),
    };
    let all = |mode| {
        vec![
            ("acme".to_owned(), json!({ "tier": "t2" })),
            ("fresh".to_owned(), fresh(mode)),
            ("bare".to_owned(), json!({})),
            ("fresh".to_owned(), json!({})),
            ("no good".to_owned(), json!({})),
            ("list".to_owned(), json!([])),
        ]
    };
    let bad = [
        "refused ALREADY_EXISTS",
        "refused INVALID_DOCUMENT",
        "refused INVALID_DOCUMENT",
    ];
    for (mode, first, acme) in [
        (
            ImportMode::Upsert,
            ["changed", "created", "unchanged"],
            json!({ "tier": "t2" }),
        ),
        (
            ImportMode::Patch,
            ["changed", "created", "unchanged"],
            json!({ "tier": "t2", "beta": ["board"], "attributes": { "country": "DE" } }),
        ),
        (
            ImportMode::Create,
            ["refused ALREADY_EXISTS", "created", "refused ALREADY_EXISTS"],
            tenant(&tenants(), "acme"),
        ),
    ] {
        let mut state = tenants();
        let plan = made(
            &mut state,
            &admin(
                Change::ImportTenants {
                    mode,
                    tenants: all(mode),
                },
                0,
            ),
        );
        let outcomes: Vec<String> = plan.items.iter().map(|item| outcome(&item.outcome)).collect();
        assert_eq!(outcomes, [&first[..], &bad[..]].concat(), "{mode:?}");
        assert_eq!(tenant(&state, "acme"), acme, "{mode:?}");
        let orgs: Vec<_> = plan
            .audit
            .iter()
            .map(|entry| entry.org.as_deref().unwrap_or("-"))
            .collect();
        assert_eq!(orgs.last(), Some(&"-"), "the whole is remembered after its parts");
        assert!(orgs.contains(&"fresh"), "what concerns an org is in its log");
    }
}

fn outcome(outcome: &ItemOutcome) -> String {
    match outcome {
        ItemOutcome::Created => "created".into(),
        ItemOutcome::Changed => "changed".into(),
        ItemOutcome::Unchanged => "unchanged".into(),
        ItemOutcome::Refused(refusal) => format!("refused {}", refusal.code.as_str()),
    }
}

#[test]
fn an_import_has_a_limit() {
    let many = |count| {
        let tenants = (0..count).map(|place: usize| (format!("t{place}"), json!({})));
        admin(
            Change::ImportTenants {
                mode: ImportMode::Upsert,
                tenants: tenants.collect(),
            },
            0,
        )
    };
    assert_eq!(
        codes(&refused(&tenants(), &many(MAX_IMPORT + 1))),
        ["INVALID_DOCUMENT"]
    );
    let plan = made(&mut tenants(), &many(MAX_IMPORT));
    assert_eq!((plan.items.len(), plan.writes.len()), (MAX_IMPORT, MAX_IMPORT));
    assert_eq!(plan.audit.last().unwrap().details["created"], MAX_IMPORT);
}

#[test]
fn the_audit_entries_of_an_import_have_a_limit() {
    let flags: Vec<String> = (0..400).map(|place| format!("f{place}")).collect();
    let defined = flags.iter().map(|flag| (flag.clone(), json!({ "kind": "ops" })));
    let mut state = state(json!({ "version": 1, "flags": Value::Object(defined.collect()) }));
    let overrides: Map<_, _> = flags.iter().map(|flag| (flag.clone(), json!(true))).collect();
    // One entry for the record, and one for each override.
    let most = (MAX_IMPORT_ENTRIES - 1) / (flags.len() + 1);
    let import = |count: usize| {
        let record = |place: usize| (format!("t{place}"), json!({ "overrides": overrides }));
        let tenants = (0..count).map(record).collect();
        let mode = ImportMode::Upsert;
        admin(Change::ImportTenants { mode, tenants }, 0)
    };
    let refusals = refused(&state, &import(most + 1));
    assert_eq!(codes(&refusals), ["INVALID_DOCUMENT"]);
    assert!(refusals[0].detail.contains("50000"), "{}", refusals[0].detail);
    let plan = made(&mut state, &import(most));
    assert_eq!(plan.audit.len(), most * (flags.len() + 1) + 1);
    let of_flag = plan
        .audit
        .iter()
        .filter(|entry| entry.flag.as_deref() == Some("f7"));
    assert_eq!(of_flag.count(), most, "each change is found by its flag");
}

/// Returns the events of flags of a plan, with their orgs.
fn flag_events(plan: &Plan) -> Vec<(crate::Event, String, String)> {
    let entries = plan.audit.iter();
    let mut events: Vec<_> = entries
        .filter_map(|entry| Some((entry.event, entry.org.clone()?, entry.flag.clone()?)))
        .collect();
    events.sort_by_key(|(event, org, flag)| (org.clone(), flag.clone(), event.platform_name()));
    events
}

#[test]
fn every_change_of_a_record_has_the_events_of_its_flags() {
    use crate::Event::{BetaAllowed, BetaDisallowed, FlagDisabled, FlagEnabled, OptedIn, OptedOut};
    let record = json!({ "tier": "t1", "beta": ["theme"], "attributes": { "country": "DE" },
        "overrides": { "wide": false, "theme": "blue" }, "opt_in": ["board"], "opt_out": ["wide"] });
    let set = |org: &str| {
        let events = [
            (OptedIn, "board"),
            (BetaAllowed, "theme"),
            (FlagEnabled, "theme"),
            (FlagDisabled, "wide"),
            (OptedOut, "wide"),
        ];
        events.map(|(event, flag)| (event, org.to_owned(), flag.to_owned()))
    };
    let of_acme = {
        let mut events = set("acme").to_vec();
        events.insert(0, (BetaDisallowed, "acme".to_owned(), "board".to_owned()));
        events
    };
    let import = |org: &str, mode| Change::ImportTenants {
        mode,
        tenants: vec![(org.to_owned(), record.clone())],
    };
    let put = |org: &str| Change::PutTenant {
        org: org.to_owned(),
        record: record.clone(),
    };
    let patch = Change::PatchTenant {
        org: "acme".to_owned(),
        patch: record.clone(),
    };
    let new = set("fresh").to_vec();
    for (change, expected) in [
        (put("acme"), &of_acme),
        (patch, &of_acme),
        (import("acme", ImportMode::Upsert), &of_acme),
        (import("acme", ImportMode::Patch), &of_acme),
        (put("fresh"), &new),
        (import("fresh", ImportMode::Create), &new),
        (
            applying(json!({ "version": 1, "tiers": ["t1", "t2"], "tenants": { "fresh": record.clone() } })),
            &new,
        ),
    ] {
        let mut state = tenants();
        let plan = made(&mut state, &admin(change.clone(), HOUR));
        assert_eq!(flag_events(&plan), *expected, "{change:?}");
    }
}

#[test]
fn a_repeated_flag_of_a_record_has_one_audit_entry() {
    let record = json!({ "beta": ["theme", "board", "theme"], "opt_in": ["board", "board"], "opt_out": ["wide", "wide"] });
    let once = json!({ "beta": ["theme", "board"], "opt_in": ["board"], "opt_out": ["wide"] });
    let patch = Change::PatchTenant {
        org: "bare".into(),
        patch: record.clone(),
    };
    let put = Change::PutTenant {
        org: "bare".into(),
        record: record.clone(),
    };
    let import = Change::ImportTenants {
        mode: ImportMode::Upsert,
        tenants: vec![("bare".into(), record.clone())],
    };
    let document = applying(json!({ "version": 1, "tiers": ["t1", "t2"], "tenants": { "bare": record } }));
    for change in [patch, put, import, document] {
        let mut state = tenants();
        if matches!(change, Change::ApplyDocument { .. }) {
            made(
                &mut state,
                &admin(Change::DeleteTenant { org: "bare".into() }, HOUR),
            );
        }
        let plan = made(&mut state, &admin(change.clone(), HOUR));
        assert_eq!(flag_events(&plan).len(), 4, "{change:?}");
        let of_record = plan
            .audit
            .iter()
            .filter(|entry| entry.flag.is_none() && entry.org.is_some());
        let is_new = matches!(change, Change::ApplyDocument { .. });
        assert_eq!(of_record.count(), usize::from(is_new), "nothing else is changed");
        assert_eq!(tenant(&state, "bare"), once);
        let again = made(&mut state, &admin(change, 2 * HOUR));
        assert!(again.audit.is_empty(), "{:?}", again.audit);
    }
}

#[test]
fn the_events_of_flags_are_those_of_single_calls() {
    let single = [
        overridden("acme", "wide", Some(json!(false))),
        acme("theme", |org, flag| Change::Allow { org, flag }),
        acme("board", |org, flag| Change::Disallow { org, flag }),
        acme("board", opt_in),
        acme("wide", opt_out),
    ];
    let mut one_by_one = tenants();
    let mut expected = Vec::new();
    for change in single {
        expected.extend(flag_events(&made(&mut one_by_one, &admin(change, HOUR))));
    }
    expected.sort_by_key(|(event, _, flag)| (flag.clone(), event.platform_name()));
    let mut at_once = tenants();
    let patch = json!({ "overrides": { "wide": "off" }, "beta": ["theme"], "opt_in": ["board"], "opt_out": ["wide"] });
    let change = Change::PatchTenant {
        org: "acme".into(),
        patch,
    };
    let plan = made(&mut at_once, &admin(change, HOUR));
    assert_eq!(flag_events(&plan), expected);
    assert_eq!(plan.audit.len(), expected.len(), "nothing else is changed");
    assert_eq!(tenant(&at_once, "acme"), tenant(&one_by_one, "acme"));
}

#[test]
fn a_removed_record_or_flag_has_the_events_of_its_flags() {
    use crate::Event::{BetaDisallowed, OverrideRemoved};
    let mut state = tenants();
    made(
        &mut state,
        &admin(overridden("acme", "wide", Some(json!("on"))), 0),
    );
    let named = |event, flag: &str| (event, "acme".to_owned(), flag.to_owned());
    let expected = [named(BetaDisallowed, "board"), named(OverrideRemoved, "wide")];
    let removal = made(
        &mut state.clone(),
        &admin(Change::DeleteTenant { org: "acme".into() }, HOUR),
    );
    assert_eq!(flag_events(&removal), expected);
    assert_eq!(removal.audit.last().unwrap().event, crate::Event::TenantRemoved);
    let pruned = Change::ApplyDocument {
        document: document(&json!({ "version": 1, "tiers": ["t1", "t2"] })),
        prune: true,
        new_flags: NewFlags::Alpha,
    };
    let pruned = made(&mut state.clone(), &admin(pruned, HOUR));
    assert_eq!(flag_events(&pruned), expected);
}

#[test]
fn overrides_of_new_flags_are_told_apart_by_their_off_variant() {
    let theme = json!({ "variants": { "none": 0, "blue": 1 }, "off": "none", "opt_in_serves": "blue" });
    let applied = applying(json!({ "version": 1, "flags": { "fresh": theme },
        "tenants": { "a": { "overrides": { "fresh": "none" } }, "b": { "overrides": { "fresh": "blue" } } } }));
    let plan = made(&mut State::default(), &admin(applied, 0));
    let events: Vec<_> = flag_events(&plan).into_iter().map(|(event, ..)| event).collect();
    assert_eq!(events, [crate::Event::FlagDisabled, crate::Event::FlagEnabled]);
}
