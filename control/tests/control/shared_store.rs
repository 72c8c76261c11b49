//! Several processes that write to one store: each adopts what the others committed, and none loses a change.

use std::sync::Arc;
use std::thread;

use control::{AdoptError, ApplyError, Change, LifecyclePolicy, PublishError, Store as _};
use serde_json::json;
use testkit::{ControlFixture, admin_request, adopt_document};

const DOCUMENT: &str = r"
version: 1
tiers: [small]
flags:
  board: { lifecycle: ga, default: off }
  list: { lifecycle: ga, default: off }
tenants:
  acme: { tier: small }
";

/// Opens one store in two processes.
fn two() -> (ControlFixture, ControlFixture) {
    let one = ControlFixture::new(LifecyclePolicy::default(), DOCUMENT);
    let two = ControlFixture::open(Arc::clone(&one.store), LifecyclePolicy::default());
    (one, two)
}

fn override_on(flag: &str) -> Change {
    Change::SetOverride {
        org: "acme".into(),
        flag: flag.into(),
        variant: Some(true.into()),
    }
}

#[test]
fn a_commit_of_another_process_is_adopted() {
    let (one, two) = two();
    let applied = one.apply(override_on("board")).unwrap();
    assert_eq!(two.served("acme", "board"), "off");
    assert_eq!(two.control.adopt_commits().unwrap(), applied.revision);
    assert_eq!(two.served("acme", "board"), "on");
    assert_eq!(two.served_revision(), applied.revision);
    // Both have the same state.
    let state = |fixture: &ControlFixture| fixture.control.read(|state, _| state.clone());
    assert_eq!(state(&one), state(&two));
    assert_eq!(two.control.adopt_commits().unwrap(), applied.revision);
}

#[test]
fn a_change_after_anothers_commit_is_prepared_again() {
    let (one, two) = two();
    one.apply(override_on("board")).unwrap();
    let urgent = Change::Kill { flag: "list".into() };
    for change in [override_on("list"), urgent] {
        let before = two.served_revision();
        let applied = two.apply(change).unwrap();
        assert!(applied.revision > before);
        assert_eq!(
            two.served("acme", "board"),
            "on",
            "the commit of the other one is kept"
        );
        // The next change of the other process is behind in its turn.
        one.apply(Change::PatchTenant {
            org: "acme".into(),
            patch: json!({ "attributes": { "seats": applied.revision.0 } }),
        })
        .unwrap();
    }
    one.control.adopt_commits().unwrap();
    two.control.adopt_commits().unwrap();
    for fixture in [&one, &two] {
        assert_eq!(fixture.served("acme", "board"), "on");
        assert_eq!(fixture.served("acme", "list"), "off");
    }
}

#[test]
fn a_revision_before_anothers_commit_is_a_conflict() {
    let (one, two) = two();
    let seen = two.revision();
    let applied = one.apply(override_on("board")).unwrap();
    let mut request = admin_request(override_on("list"));
    request.expected = Some(seen);
    let refused = two.control.apply(&request).unwrap_err();
    assert!(
        matches!(refused, ApplyError::Conflict { expected, current } if (expected, current) == (seen, applied.revision)),
        "{refused:?}"
    );
    assert_eq!(two.served("acme", "list"), "off");
}

#[test]
fn a_commit_that_can_not_be_served_here_is_not_adopted() {
    let (one, two) = two();
    *two.plane.required_flag.lock() = Some("list".into());
    let seen = two.revision();
    let mut removal = adopt_document(&DOCUMENT.replace("  list: { lifecycle: ga, default: off }\n", ""));
    if let Change::ApplyDocument { prune, .. } = &mut removal {
        *prune = true;
    }
    one.apply(removal).unwrap();
    let rejected = two.control.adopt_commits().unwrap_err();
    assert!(
        matches!(
            rejected,
            AdoptError::Publish(PublishError::Document(_) | PublishError::Prepare(_))
        ),
        "{rejected:?}"
    );
    assert_eq!(two.served_revision(), seen);
    assert_eq!(two.revision(), seen);
    // A change of this process would be of an old state.
    two.apply(override_on("board")).unwrap_err();
    assert_eq!(one.store.load().unwrap().revision, one.revision());

    *two.plane.required_flag.lock() = None;
    two.control.adopt_commits().unwrap();
    assert_eq!(two.revision(), one.revision());
}

#[test]
fn writers_of_two_processes_lose_no_change() {
    const CHANGES: usize = 40;
    let (one, two) = two();
    thread::scope(|scope| {
        for (process, fixture) in [&one, &two].into_iter().enumerate() {
            for writer in 0..2 {
                scope.spawn(move || {
                    for number in 0..CHANGES {
                        let org = format!("tenant-{process}-{writer}-{number}");
                        let record = json!({ "tier": "small" });
                        fixture.apply(Change::PutTenant { org, record }).unwrap();
                    }
                });
            }
        }
    });
    for fixture in [&one, &two] {
        fixture.control.adopt_commits().unwrap();
        let tenants = fixture.control.read(|state, _| state.tenants().count());
        assert_eq!(tenants, 1 + 4 * CHANGES);
    }
    assert_eq!(one.revision().0, 1 + 4 * u64::try_from(CHANGES).unwrap());
}
