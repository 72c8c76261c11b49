//! The engine: a change happens whole or not at all, is in force when it is answered, and nothing is forgotten.

mod desk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use control::{
    ApplyError, Change, Code, Event, FlagObservation, GaDefault, ImportMode, ItemOutcome, Outcome, Policy,
    Revision, Store as _, verify,
};
use rules::{Lifecycle, Timestamp};
use serde_json::{Value, json};

use desk::{Desk, HOUR, START, document, record, request, variant};

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
fn a_change_that_was_answered_is_kept_in_force_and_remembered() {
    let desk = Desk::new(Policy::default());
    let before = desk.revision();
    assert_eq!(desk.served("acme", "board"), "off");
    let applied = desk.apply(override_on("acme", "board")).unwrap();
    assert!(applied.changed);
    assert_eq!(applied.revision, Revision(before.0 + 1));
    assert_eq!(
        (desk.revision(), desk.served_revision()),
        (applied.revision, applied.revision)
    );
    assert_eq!(desk.served("acme", "board"), "on");
    let log = desk.log();
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

    let again = Desk::open(Arc::clone(&desk.store), Policy::default());
    assert_eq!(again.revision(), applied.revision);
    assert_eq!(
        again.served("acme", "board"),
        "on",
        "another process reads the same"
    );
}

#[test]
fn a_change_that_changes_nothing_is_done_and_writes_nothing() {
    let desk = Desk::new(Policy::default());
    desk.apply(kill("board")).unwrap();
    let (revision, log) = (desk.revision(), desk.log().len());
    let applied = desk.apply(kill("board")).unwrap();
    assert_eq!((applied.changed, applied.revision), (false, revision));
    assert_eq!((desk.revision(), desk.log().len()), (revision, log));
}

#[test]
fn what_is_refused_changes_nothing_and_is_remembered() {
    let desk = Desk::new(Policy::default());
    let (revision, log) = (desk.revision(), desk.log().len());
    let refused = desk.apply(Change::SetState {
        flag: "board".into(),
        to: Lifecycle::Ga,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: None,
    });
    let codes = codes(refused.unwrap_err());
    assert!(codes.contains(&Code::SoakNotElapsed), "{codes:?}");
    assert!(codes.contains(&Code::ExitCriteria), "{codes:?}");
    assert_eq!((desk.revision(), desk.served_revision()), (revision, revision));
    let remembered = desk.log();
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
fn a_document_that_would_be_invalid_is_told_as_check_tells_it() {
    let desk = Desk::new(Policy::default());
    let revision = desk.revision();
    match desk.apply(tiers("board", "medium", true)).unwrap_err() {
        ApplyError::Invalid(report) => {
            assert!(report.to_string().contains("unknown-tier"), "{report}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(desk.revision(), revision);
    assert_eq!(desk.log().last().unwrap().outcome, Outcome::Refused);
}

#[test]
fn a_store_that_takes_nothing_leaves_everything_as_it_was() {
    let desk = Desk::new(Policy::default());
    let (revision, log) = (desk.revision(), desk.log().len());
    desk.store.broken.store(true, Ordering::Relaxed);
    let failed = desk.apply(override_on("acme", "board"));
    assert!(matches!(failed, Err(ApplyError::Store(_))), "{failed:?}");
    assert_eq!((desk.revision(), desk.served_revision()), (revision, revision));
    assert_eq!(desk.served("acme", "board"), "off");
    desk.store.broken.store(false, Ordering::Relaxed);
    assert_eq!(desk.log().len(), log);
    assert_eq!(
        desk.apply(override_on("acme", "board")).unwrap().revision,
        Revision(revision.0 + 1)
    );
    assert_eq!(desk.served("acme", "board"), "on");
}

#[test]
fn what_the_gateway_can_not_serve_is_never_kept() {
    let desk = Desk::new(Policy::default());
    *desk.plane.gate.lock() = Some("list".into());
    let revision = desk.revision();
    let pruned = desk.apply(Change::ApplyDocument {
        document: document(&json!({ "version": 1, "tiers": ["small", "large"], "flags": { "board": { "revertible": true } } })),
        prune: true,
        adopt: false,
    });
    assert!(matches!(pruned, Err(ApplyError::Publish(_))), "{pruned:?}");
    assert_eq!(
        (desk.revision(), desk.store.load().unwrap().revision),
        (revision, revision)
    );
}

#[test]
fn a_flag_that_goes_takes_along_what_tenants_say_of_it_and_comes_back_as_a_new_one() {
    let desk = Desk::new(Policy::default());
    let applying = |flags: Value| Change::ApplyDocument {
        document: document(&json!({ "version": 1, "tiers": ["small", "large"], "flags": flags })),
        prune: true,
        adopt: true,
    };
    let both =
        json!({ "board": { "revertible": true }, "list": { "lifecycle": "ga", "requires": ["board"] } });
    desk.apply(override_on("acme", "list")).unwrap();
    desk.apply(override_on("acme", "board")).unwrap();
    assert_eq!(desk.served("acme", "list"), "on");
    desk.apply(applying(json!({ "board": { "revertible": true } })))
        .unwrap();
    let record = |id| desk.control.read(|state, _| record(state, id));
    assert_eq!(record("acme")["overrides"], json!({ "board": "on" }));
    assert_eq!(record("globex"), json!({ "tier": "large" }));
    assert_eq!(desk.served("acme", "board"), "on");
    desk.apply(applying(both)).unwrap();
    assert_eq!(
        (desk.served("acme", "list"), desk.served("acme", "board")),
        ("off".into(), "on".into())
    );
}

#[test]
fn whoever_saw_an_older_revision_is_told_so() {
    let desk = Desk::new(Policy::default());
    let seen = desk.revision();
    desk.apply(kill("list")).unwrap();
    let mut late = request(kill("board"));
    late.expected = Some(seen);
    match desk.control.apply(&late).unwrap_err() {
        ApplyError::Conflict { expected, current } => {
            assert_eq!((expected, current), (seen, Revision(seen.0 + 1)));
        }
        other => panic!("{other:?}"),
    }
    late.expected = Some(desk.revision());
    assert!(desk.control.apply(&late).is_ok());
}

#[test]
fn a_dry_run_tells_who_flips_and_changes_nothing() {
    let desk = Desk::new(Policy::default());
    let (revision, log) = (desk.revision(), desk.log().len());
    let dry = desk
        .control
        .dry_run(&request(tiers("board", "large", true)))
        .unwrap();
    let flips: Vec<_> = dry
        .preview
        .listed
        .iter()
        .map(|flip| (flip.tenant.as_deref(), flip.to.as_deref()))
        .collect();
    assert_eq!(
        flips,
        [(Some("acme"), Some("on"))],
        "globex is not eligible at beta"
    );
    assert_eq!((desk.revision(), desk.log().len()), (revision, log));
    assert_eq!(desk.served("acme", "board"), "off");
    desk.apply(tiers("board", "large", true)).unwrap();
    assert_eq!(
        (desk.served("acme", "board"), desk.served("globex", "board")),
        ("on".into(), "off".into())
    );
}

#[test]
fn what_flips_too_many_tenants_is_forced_and_what_takes_a_feature_away_is_not_held_up() {
    let policy = Policy {
        max_blast_radius: Some(0),
        ..Policy::default()
    };
    let desk = Desk::new(policy);
    let refused = desk.apply(tiers("board", "large", true)).unwrap_err();
    assert_eq!(codes(refused), [Code::BlastRadius]);
    let mut forced = request(tiers("board", "large", true));
    forced.force = true;
    assert!(desk.control.apply(&forced).is_ok());
    assert_eq!(desk.served("acme", "board"), "on");
    assert!(desk.apply(kill("board")).is_ok());
    assert_eq!(desk.served("acme", "board"), "off");
}

#[test]
fn a_flag_that_was_retired_as_off_is_turned_on_again_only_by_force() {
    let desk = Desk::new(Policy {
        max_blast_radius: Some(0),
        ..Policy::default()
    });
    let old = json!({ "lifecycle": "retired", "default": "on", "final": "off" });
    let mut adopted = request(Change::ApplyDocument {
        document: document(&json!({ "version": 1, "flags": { "old": old } })),
        prune: false,
        adopt: true,
    });
    adopted.force = true;
    desk.control.apply(&adopted).unwrap();
    assert_eq!(desk.served("acme", "old"), "off");
    let mut back = request(Change::SetState {
        flag: "old".into(),
        to: Lifecycle::Ga,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: None,
    });
    assert_eq!(codes(desk.control.apply(&back).unwrap_err()), [Code::BlastRadius]);
    assert_eq!(desk.served("acme", "old"), "off");
    back.force = true;
    desk.control.apply(&back).unwrap();
    assert_eq!(desk.served("acme", "old"), "on");
}

#[test]
fn errors_that_requests_met_stand_against_a_promotion() {
    let desk = Desk::new(Policy::default());
    *desk.plane.errors.lock() = vec![FlagObservation {
        flag: "board".into(),
        decisions: 10,
        errors: 1,
    }];
    desk.control.look(Timestamp(START));
    let promote = |hours: i64| {
        let mut promotion = request(Change::SetState {
            flag: "board".into(),
            to: Lifecycle::Ga,
            cascade: false,
            ga_default: GaDefault::On,
            urgent: None,
        });
        promotion.at = Timestamp(START + hours * HOUR);
        codes(desk.control.dry_run(&promotion).unwrap_err())
    };
    assert!(promote(23).contains(&Code::FlagErrors));
    assert!(!promote(26).contains(&Code::FlagErrors));
}

#[test]
fn sixteen_writers_lose_no_update_and_leave_a_log_that_proves_itself() {
    const WRITERS: usize = 16;
    const ROUNDS: usize = 25;
    let desk = Arc::new(Desk::new(Policy::default()));
    let first = desk.revision();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let desk = Arc::clone(&desk);
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    // Reads how often it was counted, and counts on, only if nobody else did meanwhile.
                    loop {
                        let (revision, count) = desk.control.read(|state, _| {
                            let count = record(state, "globex")["attributes"]["count"].as_u64();
                            (state.revision, count.unwrap_or(0))
                        });
                        let mut counting = request(Change::PatchTenant {
                            org: "globex".into(),
                            patch: json!({ "attributes": { "count": count + 1 } }),
                        });
                        counting.request_id = format!("{writer}-{round}");
                        counting.expected = Some(revision);
                        match desk.control.apply(&counting) {
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
    let count = desk
        .control
        .read(|state, _| record(state, "globex")["attributes"]["count"].clone());
    assert_eq!(count, json!(written));
    assert_eq!(desk.revision(), Revision(first.0 + written));
    let log = desk.store.audit_after(0, 10_000).unwrap().entries;
    assert_eq!(
        verify((0, control::GENESIS), &log),
        Ok(desk.store.audit_head().unwrap())
    );
    let served = desk
        .control
        .read(|_, compiled| variant((&compiled.flags, &compiled.tenants), "acme", "board"));
    assert_eq!(served, desk.served("acme", "board"));
}

#[test]
fn flags_that_files_manage_are_told_of_and_not_changed() {
    let files = Arc::new(parking_lot::Mutex::new(Some(document(&json!({
        "version": 1,
        "flags": { "board": { "lifecycle": "ga" } },
        "tenants": { "acme": {} },
    })))));
    let read = Arc::clone(&files);
    let control = control::Control::of_files(
        Box::new(move || read.lock().clone()),
        rules::Eligibility::Enforced,
        Policy::default(),
        Arc::new(desk::Plane::default()),
        control::History::new(Timestamp(START)),
    );
    let board = || control.read(|state, compiled| (state.flag("board").is_some(), compiled.tenants.len()));
    assert_eq!(board(), (true, 1));
    assert_eq!(
        codes(control.apply(&request(kill("board"))).unwrap_err()),
        [Code::ReadOnlySource]
    );
    let on = Change::SetOverride {
        org: "acme".into(),
        flag: "board".into(),
        variant: Some(json!(true)),
    };
    let dry = control.dry_run(&request(on)).unwrap();
    assert_eq!(
        dry.preview.tenants, 1,
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
fn a_change_does_not_wait_for_one_that_is_tried() {
    let desk = Desk::new(Policy::default());
    let before = desk.revision();
    let ((told, tell), (go, wait)) = (mpsc::channel(), mpsc::channel());
    *desk.plane.held.lock() = Some((told, wait));
    let control = Arc::clone(&desk.control);
    let trying = thread::spawn(move || control.dry_run(&request(override_on("acme", "board"))));
    tell.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(desk.apply(kill("board")).unwrap().changed);
    // It has waited all the while.
    go.send(()).unwrap();
    assert_eq!(trying.join().unwrap().unwrap().revision, before);
}

/// Many tenants, of which every other one has a tier that there is not: it takes long to find out which.
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
fn kills_overtake_what_takes_long_whether_it_is_tried_or_made() {
    for is_tried in [true, false] {
        let desk = Desk::new(Policy::default());
        let (control, is_done) = (Arc::clone(&desk.control), Arc::new(AtomicBool::new(false)));
        let (begun, begins) = mpsc::channel();
        let importing = {
            let is_done = Arc::clone(&is_done);
            thread::spawn(move || {
                let request = request(long_import());
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
            assert!(desk.apply(turn).unwrap().changed);
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
        assert_eq!(desk.control.read(|state, _| state.tenants().count()), 2 + made);
        let is_killed = desk
            .control
            .read(|state, _| !state.flag("board").unwrap().is_enabled());
        assert_eq!(is_killed, meanwhile % 2 == 1, "nothing undid the last of them");
        let log = desk.store.audit_after(0, 100_000).unwrap().entries;
        assert!(verify((0, control::GENESIS), &log).is_ok());
    }
}
