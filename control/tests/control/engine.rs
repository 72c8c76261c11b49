//! The engine: a change is applied whole or not at all, is served once it is acknowledged, and is audited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use config::{FlagsDocument, ToJson as _};
use control::{
    ApplyError, Change, Code, Event, FlagObservation, GaDefault, ImportMode, ItemOutcome, LifecyclePolicy,
    NewFlags, Outcome, Revision, State, Store as _, verify,
};
use rules::{Lifecycle, Timestamp};
use serde_json::{Value, json};
use testkit::{ControlFixture, HOUR, RecordingPlane, START, admin_request, flags_document, variant};

/// Flags `board` (beta) and `list` (alpha, requires board), and the tenants acme and globex.
const DOCUMENT: &str = r#"
version: 1
tiers: [small, large]
flags:
  board: { lifecycle: beta, revertible: true, revert: docs }
  list: { requires: [board] }
tenants:
  acme: { tier: large, channel: latest, beta: [board] }
  globex: { tier: large }
"#;

fn control_plane(policy: LifecyclePolicy) -> ControlFixture {
    ControlFixture::new(policy, DOCUMENT)
}

fn document(written: &Value) -> FlagsDocument {
    flags_document(&written.to_string())
}

/// Returns the record of a tenant.
fn record(state: &State, id: &str) -> Value {
    state.tenant(id).unwrap().to_json()
}

fn kill(flag: &str) -> Change {
    Change::Kill { flag: flag.into() }
}

fn restore(flag: &str) -> Change {
    Change::Restore { flag: flag.into() }
}

fn tiers(flag: &str, tier: &str, variant: bool) -> Change {
    let tiers = json!({ tier: variant });
    Change::SetTiers {
        flag: flag.into(),
        tiers: tiers.as_object().unwrap().clone(),
    }
}

fn override_on(org: &str, flag: &str) -> Change {
    Change::SetOverride {
        org: org.into(),
        flag: flag.into(),
        variant: Some(json!(true)),
    }
}

fn codes(error: ApplyError) -> Vec<Code> {
    match error {
        ApplyError::Refused(refusals) => refusals.into_iter().map(|refusal| refusal.code).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_applied_change_is_stored_served_and_audited() {
    let fixture = control_plane(LifecyclePolicy::default());
    let before = fixture.revision();
    assert_eq!(fixture.served("acme", "board"), "off");
    let applied = fixture.apply(override_on("acme", "board")).unwrap();
    assert!(applied.changed);
    assert_eq!(applied.revision, Revision(before.0 + 1));
    assert_eq!(
        (fixture.revision(), fixture.served_revision()),
        (applied.revision, applied.revision)
    );
    assert_eq!(fixture.served("acme", "board"), "on");
    let log = fixture.log();
    let last = log.last().unwrap();
    assert_eq!((last.event, last.outcome), (Event::FlagEnabled, Outcome::Applied));
    assert_eq!(
        (last.org.as_deref(), last.flag.as_deref()),
        (Some("acme"), Some("board"))
    );
    assert_eq!(
        (last.actor.as_str(), last.reason.as_deref()),
        ("ada", Some("a test"))
    );
    assert!(!last.patch.is_empty() && !last.inverse.is_empty());

    let again = ControlFixture::open(Arc::clone(&fixture.store), LifecyclePolicy::default());
    assert_eq!(again.revision(), applied.revision);
    assert_eq!(
        again.served("acme", "board"),
        "on",
        "another process reads the same"
    );
}

#[test]
fn a_change_without_effect_writes_nothing() {
    let fixture = control_plane(LifecyclePolicy::default());
    fixture.apply(kill("board")).unwrap();
    let (revision, log) = (fixture.revision(), fixture.log().len());
    let applied = fixture.apply(kill("board")).unwrap();
    assert_eq!((applied.changed, applied.revision), (false, revision));
    assert_eq!((fixture.revision(), fixture.log().len()), (revision, log));
}

#[test]
fn a_rejected_change_has_no_effect_and_is_audited() {
    let fixture = control_plane(LifecyclePolicy::default());
    let (revision, log) = (fixture.revision(), fixture.log().len());
    let refused = fixture.apply(Change::SetState {
        flag: "board".into(),
        to: Lifecycle::Ga,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: None,
    });
    let codes = codes(refused.unwrap_err());
    assert!(codes.contains(&Code::SoakNotElapsed), "{codes:?}");
    assert!(codes.contains(&Code::ExitCriteria), "{codes:?}");
    assert_eq!(
        (fixture.revision(), fixture.served_revision()),
        (revision, revision)
    );
    let remembered = fixture.log();
    assert_eq!(remembered.len(), log + 1);
    let last = remembered.last().unwrap();
    assert_eq!(
        (last.event, last.outcome),
        (Event::StateChanged, Outcome::Refused)
    );
    let said: Vec<&str> = last.details["codes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|code| code.as_str())
        .collect();
    assert!(said.contains(&"SOAK_NOT_ELAPSED"), "{said:?}");
}

#[test]
fn an_invalid_document_is_reported_as_by_check() {
    let fixture = control_plane(LifecyclePolicy::default());
    let revision = fixture.revision();
    match fixture.apply(tiers("board", "medium", true)).unwrap_err() {
        ApplyError::Invalid(report) => {
            assert!(report.to_string().contains("unknown-tier"), "{report}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.revision(), revision);
    assert_eq!(fixture.log().last().unwrap().outcome, Outcome::Refused);
}

#[test]
fn a_failed_commit_changes_nothing() {
    let fixture = control_plane(LifecyclePolicy::default());
    let (revision, log) = (fixture.revision(), fixture.log().len());
    fixture.store.hooks.0.store(true, Ordering::Relaxed);
    let failed = fixture.apply(override_on("acme", "board"));
    assert!(matches!(failed, Err(ApplyError::Store(_))), "{failed:?}");
    assert_eq!(
        (fixture.revision(), fixture.served_revision()),
        (revision, revision)
    );
    assert_eq!(fixture.served("acme", "board"), "off");
    fixture.store.hooks.0.store(false, Ordering::Relaxed);
    assert_eq!(fixture.log().len(), log);
    assert_eq!(
        fixture.apply(override_on("acme", "board")).unwrap().revision,
        Revision(revision.0 + 1)
    );
    assert_eq!(fixture.served("acme", "board"), "on");
}

#[test]
fn flags_the_gateway_cannot_serve_are_not_stored() {
    let fixture = control_plane(LifecyclePolicy::default());
    *fixture.plane.required_flag.lock() = Some("list".into());
    let revision = fixture.revision();
    let pruned = fixture.apply(Change::ApplyDocument {
        document: document(&json!({ "version": 1, "tiers": ["small", "large"], "flags": { "board": { "revertible": true, "revert": "docs" } } })),
        prune: true,
        new_flags: NewFlags::Alpha,
    });
    assert!(matches!(pruned, Err(ApplyError::Publish(_))), "{pruned:?}");
    assert_eq!(
        (fixture.revision(), fixture.store.load().unwrap().revision),
        (revision, revision)
    );
}

#[test]
fn removing_a_flag_removes_its_references() {
    let fixture = control_plane(LifecyclePolicy::default());
    let applying = |flags: Value| Change::ApplyDocument {
        document: document(&json!({ "version": 1, "tiers": ["small", "large"], "flags": flags })),
        prune: true,
        new_flags: NewFlags::AsWritten,
    };
    let both = json!({ "board": { "revertible": true, "revert": "docs" }, "list": { "lifecycle": "ga", "requires": ["board"] } });
    fixture.apply(override_on("acme", "list")).unwrap();
    fixture.apply(override_on("acme", "board")).unwrap();
    assert_eq!(fixture.served("acme", "list"), "on");
    fixture
        .apply(applying(
            json!({ "board": { "revertible": true, "revert": "docs" } }),
        ))
        .unwrap();
    let record = |id| fixture.control.read(|state, _| record(state, id));
    assert_eq!(record("acme")["overrides"], json!({ "board": "on" }));
    assert_eq!(record("globex"), json!({ "tier": "large" }));
    assert_eq!(fixture.served("acme", "board"), "on");
    fixture.apply(applying(both)).unwrap();
    assert_eq!(
        (fixture.served("acme", "list"), fixture.served("acme", "board")),
        ("off".into(), "on".into())
    );
}

#[test]
fn a_flag_that_is_removed_and_added_again_stays_killed() {
    let fixture = control_plane(LifecyclePolicy::default());
    fixture.apply(kill("board")).unwrap();
    let killed = fixture.control.read(|state, _| state.flag("board").unwrap());
    let applying = |flags: Value| Change::ApplyDocument {
        document: document(&json!({ "version": 1, "tiers": ["small", "large"], "flags": flags })),
        prune: true,
        new_flags: NewFlags::Alpha,
    };
    fixture.apply(applying(json!({ "list": {} }))).unwrap();
    assert!(fixture.control.read(|state, _| !state.has_flag("board")));
    // An entry about another flag in between, and a rejected change of the removed flag.
    fixture.apply(kill("list")).unwrap();
    assert_eq!(
        codes(fixture.apply(restore("board")).unwrap_err()),
        [Code::FlagNotFound]
    );
    let both = json!({ "list": {}, "board": { "revertible": true, "revert": "docs" } });
    fixture.apply(applying(both)).unwrap();
    let again = fixture.control.read(|state, _| state.flag("board").unwrap());
    assert_eq!(again.lifecycle(), Some(Lifecycle::Alpha));
    assert!(!again.is_enabled());
    assert_eq!(again.state.unsettled, killed.state.unsettled);
    assert_eq!(again.state.created, killed.state.created);
    fixture.apply(restore("board")).unwrap();
    assert!(
        fixture
            .control
            .read(|state, _| state.flag("board").unwrap().is_enabled())
    );
}

#[test]
fn an_outdated_expected_revision_is_a_conflict() {
    let fixture = control_plane(LifecyclePolicy::default());
    let seen = fixture.revision();
    fixture.apply(kill("list")).unwrap();
    let mut late = admin_request(kill("board"));
    late.expected = Some(seen);
    match fixture.control.apply(&late).unwrap_err() {
        ApplyError::Conflict { expected, current } => {
            assert_eq!((expected, current), (seen, Revision(seen.0 + 1)));
        }
        other => panic!("{other:?}"),
    }
    late.expected = Some(fixture.revision());
    assert!(fixture.control.apply(&late).is_ok());
}

#[test]
fn a_dry_run_lists_changed_tenants_and_changes_nothing() {
    let fixture = control_plane(LifecyclePolicy::default());
    let (revision, log) = (fixture.revision(), fixture.log().len());
    let dry = fixture
        .control
        .dry_run(&admin_request(tiers("board", "large", true)))
        .unwrap();
    let flips: Vec<_> = dry
        .preview
        .decisions
        .iter()
        .map(|flip| (flip.tenant.as_deref(), flip.to.as_deref()))
        .collect();
    assert_eq!(
        flips,
        [(Some("acme"), Some("on"))],
        "globex is not eligible at beta"
    );
    assert_eq!((fixture.revision(), fixture.log().len()), (revision, log));
    assert_eq!(fixture.served("acme", "board"), "off");
    fixture.apply(tiers("board", "large", true)).unwrap();
    assert_eq!(
        (fixture.served("acme", "board"), fixture.served("globex", "board")),
        ("on".into(), "off".into())
    );
}

#[test]
fn the_blast_radius_limits_all_but_withdrawals() {
    let policy = LifecyclePolicy {
        max_blast_radius: Some(0),
        ..LifecyclePolicy::default()
    };
    let fixture = control_plane(policy);
    let refused = fixture.apply(tiers("board", "large", true)).unwrap_err();
    assert_eq!(codes(refused), [Code::BlastRadius]);
    let mut forced = admin_request(tiers("board", "large", true));
    forced.force = true;
    assert!(fixture.control.apply(&forced).is_ok());
    assert_eq!(fixture.served("acme", "board"), "on");
    assert!(fixture.apply(kill("board")).is_ok());
    assert_eq!(fixture.served("acme", "board"), "off");
}

#[test]
fn a_revert_that_turns_a_retired_flag_on_needs_force() {
    let fixture = control_plane(LifecyclePolicy {
        max_blast_radius: Some(0),
        ..LifecyclePolicy::default()
    });
    let old = json!({ "lifecycle": "retired", "default": "on", "final": "off" });
    let mut adopted = admin_request(Change::ApplyDocument {
        document: document(&json!({ "version": 1, "flags": { "old": old } })),
        prune: false,
        new_flags: NewFlags::AsWritten,
    });
    adopted.force = true;
    fixture.control.apply(&adopted).unwrap();
    assert_eq!(fixture.served("acme", "old"), "off");
    let mut back = admin_request(Change::SetState {
        flag: "old".into(),
        to: Lifecycle::Ga,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: None,
    });
    assert_eq!(
        codes(fixture.control.apply(&back).unwrap_err()),
        [Code::BlastRadius]
    );
    assert_eq!(fixture.served("acme", "old"), "off");
    back.force = true;
    fixture.control.apply(&back).unwrap();
    assert_eq!(fixture.served("acme", "old"), "on");
}

#[test]
fn errors_of_requests_prevent_a_promotion() {
    let fixture = control_plane(LifecyclePolicy::default());
    *fixture.plane.observations.lock() = vec![FlagObservation {
        flag: "board".into(),
        decisions: 10,
        errors: 1,
        served: 9,
    }];
    fixture.control.record_observations(Timestamp(START));
    let promote = |hours: i64| {
        let mut promotion = admin_request(Change::SetState {
            flag: "board".into(),
            to: Lifecycle::Ga,
            cascade: false,
            ga_default: GaDefault::On,
            urgent: None,
        });
        promotion.at = Timestamp(START + hours * HOUR);
        codes(fixture.control.dry_run(&promotion).unwrap_err())
    };
    assert!(promote(23).contains(&Code::FlagErrors));
    assert!(!promote(26).contains(&Code::FlagErrors));
}

#[test]
fn sixteen_writers_lose_no_update_and_the_log_verifies() {
    const WRITERS: usize = 16;
    const ROUNDS: usize = 25;
    let fixture = Arc::new(control_plane(LifecyclePolicy::default()));
    let first = fixture.revision();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let fixture = Arc::clone(&fixture);
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    // Increments the counter unless another writer did meanwhile.
                    loop {
                        let (revision, count) = fixture.control.read(|state, _| {
                            let count = record(state, "globex")["attributes"]["count"].as_u64();
                            (state.revision, count.unwrap_or(0))
                        });
                        let mut counting = admin_request(Change::PatchTenant {
                            org: "globex".into(),
                            patch: json!({ "attributes": { "count": count + 1 } }),
                        });
                        counting.request_id = format!("{writer}-{round}");
                        counting.expected = Some(revision);
                        match fixture.control.apply(&counting) {
                            Ok(_) => break,
                            Err(ApplyError::Conflict { .. }) => {}
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let written = u64::try_from(WRITERS * ROUNDS).unwrap();
    let count = fixture
        .control
        .read(|state, _| record(state, "globex")["attributes"]["count"].clone());
    assert_eq!(count, json!(written));
    assert_eq!(fixture.revision(), Revision(first.0 + written));
    let log = fixture.store.audit_after(0, 10_000).unwrap().entries;
    assert_eq!(
        verify((0, control::GENESIS), &log),
        Ok(fixture.store.audit_head().unwrap())
    );
    let served = fixture
        .control
        .read(|_, compiled| variant(&compiled.flags, &compiled.tenants, "acme", "board"));
    assert_eq!(served, fixture.served("acme", "board"));
}

#[test]
fn flags_managed_by_files_are_readable_and_unchanged() {
    let files = Arc::new(parking_lot::Mutex::new(Some(document(&json!({
        "version": 1,
        "flags": { "board": { "lifecycle": "ga" } },
        "tenants": { "acme": {} },
    })))));
    let read = Arc::clone(&files);
    let control = control::Control::of_files(
        Box::new(move || read.lock().clone()),
        rules::Eligibility::Enforced,
        LifecyclePolicy::default(),
        Arc::new(RecordingPlane::default()),
        control::History::new(Timestamp(START)),
    );
    let board = || control.read(|state, compiled| (state.flag("board").is_some(), compiled.tenants.len()));
    assert_eq!(board(), (true, 1));
    assert_eq!(
        codes(control.apply(&admin_request(kill("board"))).unwrap_err()),
        [Code::ReadOnlySource]
    );
    let on = Change::SetOverride {
        org: "acme".into(),
        flag: "board".into(),
        variant: Some(json!(true)),
    };
    let dry = control.dry_run(&admin_request(on)).unwrap();
    assert_eq!(
        dry.preview.tenants_changed, 1,
        "what a change would do can be asked all the same"
    );
    assert!(control.read(|state, _| record(state, "acme").get("overrides").is_none()));

    *files.lock() = Some(document(&json!({ "version": 1 })));
    assert_eq!(board(), (true, 1), "until the files were read again");
    control.files_changed();
    assert_eq!(board(), (false, 0));
    *files.lock() = None;
    control.files_changed();
    assert_eq!(board(), (false, 0), "what can't be read leaves it as it was");
}

#[test]
fn a_change_does_not_wait_for_a_dry_run() {
    let fixture = control_plane(LifecyclePolicy::default());
    let before = fixture.revision();
    let ((reported, tell), (go, wait)) = (mpsc::channel(), mpsc::channel());
    *fixture.plane.held_check.lock() = Some((reported, wait));
    let control = Arc::clone(&fixture.control);
    let trying = thread::spawn(move || control.dry_run(&admin_request(override_on("acme", "board"))));
    tell.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(fixture.apply(kill("board")).unwrap().changed);
    // The dry run has waited until now.
    go.send(()).unwrap();
    assert_eq!(trying.join().unwrap().unwrap().revision, before);
}

/// An import of many tenants, half of them with an unknown tier, which takes long to validate.
fn long_import() -> Change {
    let tenants = (0..4_000).map(|place| {
        let tier = if place % 2 == 0 {
            "large".into()
        } else {
            format!("tier-{place}")
        };
        (format!("tenant-{place:05}"), json!({ "tier": tier }))
    });
    Change::ImportTenants {
        tenants: tenants.collect(),
        mode: ImportMode::Upsert,
    }
}

#[test]
fn kills_are_applied_before_slow_changes_and_dry_runs() {
    for is_tried in [true, false] {
        let fixture = control_plane(LifecyclePolicy::default());
        let (control, is_done) = (Arc::clone(&fixture.control), Arc::new(AtomicBool::new(false)));
        let (begun, begins) = mpsc::channel();
        let importing = {
            let is_done = Arc::clone(&is_done);
            thread::spawn(move || {
                let request = admin_request(long_import());
                begun.send(()).unwrap();
                let items = if is_tried {
                    control.dry_run(&request).unwrap().items
                } else {
                    control.apply(&request).unwrap().items
                };
                is_done.store(true, Ordering::Relaxed);
                items
            })
        };
        begins.recv_timeout(Duration::from_secs(10)).unwrap();
        let (start, mut longest, mut meanwhile) = (Instant::now(), Duration::ZERO, 0);
        while !is_done.load(Ordering::Relaxed) {
            let turn = if meanwhile % 2 == 0 {
                kill("board")
            } else {
                restore("board")
            };
            let asked = Instant::now();
            assert!(fixture.apply(turn).unwrap().changed);
            longest = longest.max(asked.elapsed());
            meanwhile += 1;
        }
        let whole = start.elapsed();
        assert!(longest < whole / 2, "{longest:?} of {whole:?}, tried: {is_tried}");
        let items = importing.join().unwrap();
        let refused = items
            .iter()
            .filter(|item| matches!(item.outcome, ItemOutcome::Refused(_)));
        assert_eq!((items.len(), refused.count()), (4_000, 2_000));
        let made = if is_tried { 0 } else { 2_000 };
        assert_eq!(fixture.control.read(|state, _| state.tenants().count()), 2 + made);
        let is_killed = fixture
            .control
            .read(|state, _| !state.flag("board").unwrap().is_enabled());
        assert_eq!(is_killed, meanwhile % 2 == 1, "nothing undid the last of them");
        let log = fixture.store.audit_after(0, 100_000).unwrap().entries;
        assert!(verify((0, control::GENESIS), &log).is_ok());
    }
}
