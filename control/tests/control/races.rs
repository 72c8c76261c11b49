//! Changes at the same time whose conditions depend on each other: at most one is accepted, in either order.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use control::{ApplyError, Change, Code, GaDefault, LifecyclePolicy, NewFlags};
use rules::Lifecycle;
use testkit::{ControlFixture, admin_request, flags_document};

/// The longest time of a step.
const LONGEST: Duration = Duration::from_secs(10);
/// The time in which a change that waits for no other is answered.
const SHORT: Duration = Duration::from_millis(200);

/// The flag `list` requires `board`, and is behind it.
const REQUIRING: &str = r"
version: 1
flags:
  board: { lifecycle: beta }
  list: { requires: [board] }
";

/// The flag `list` requires nothing, and is as far as `board`.
const INDEPENDENT: &str = r"
version: 1
flags:
  board: { lifecycle: beta }
  list: { lifecycle: beta }
";

fn control_plane(document: &str) -> ControlFixture {
    let policy = LifecyclePolicy {
        soak_ms: 0,
        ..LifecyclePolicy::default()
    };
    ControlFixture::new(policy, document)
}

fn to(flag: &str, lifecycle: Lifecycle) -> Change {
    Change::SetState {
        flag: flag.into(),
        to: lifecycle,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: None,
    }
}

/// A change in another thread.
struct Applying {
    thread: JoinHandle<()>,
    answer: Receiver<Vec<Code>>,
}

/// Applies a change in another thread. The answer has the codes of its refusals; none if it is accepted.
fn applying(fixture: &ControlFixture, change: Change) -> Applying {
    let (control, (done, answer)) = (Arc::clone(&fixture.control), mpsc::channel());
    let thread = thread::spawn(move || {
        let codes = match control.apply(&admin_request(change)) {
            Ok(_) => Vec::new(),
            Err(ApplyError::Refused(refusals)) => refusals.iter().map(|refusal| refusal.code).collect(),
            Err(other) => panic!("{other:?}"),
        };
        done.send(codes).unwrap();
    });
    Applying { thread, answer }
}

impl Applying {
    fn answer(self) -> Vec<Code> {
        let codes = self.answer.recv_timeout(LONGEST).unwrap();
        self.thread.join().unwrap();
        codes
    }
}

/// Holds the next check of the data plane: returns the channel that tells when it is reached, and that which ends it.
fn hold(fixture: &ControlFixture) -> (Receiver<()>, Sender<()>) {
    let ((reported, reached), (go, wait)) = (mpsc::channel(), mpsc::channel());
    *fixture.plane.held_check.lock() = Some((reported, wait));
    (reached, go)
}

fn lifecycles(fixture: &ControlFixture) -> [Lifecycle; 2] {
    let lifecycle = |flag: &str| {
        let found = fixture
            .control
            .read(|state, _| state.flag(flag).unwrap().lifecycle());
        found.unwrap()
    };
    ["board", "list"].map(lifecycle)
}

/// Applies the second change while the first one is in the check of the data plane, and returns both answers.
fn race(fixture: &ControlFixture, first: Change, second: Change) -> [Vec<Code>; 2] {
    let (reached, go) = hold(fixture);
    let first = applying(fixture, first);
    reached.recv_timeout(LONGEST).unwrap();
    let second = applying(fixture, second);
    // The second one is prepared against the state before the first, and waits for it.
    assert!(
        second.answer.recv_timeout(SHORT).is_err(),
        "it waits for the first"
    );
    go.send(()).unwrap();
    [first.answer(), second.answer()]
}

#[test]
fn a_promotion_and_a_racing_revert_are_not_both_accepted() {
    let promote = || to("list", Lifecycle::Beta);
    let revert = || to("board", Lifecycle::Alpha);
    let fixture = control_plane(REQUIRING);
    let answers = race(&fixture, revert(), promote());
    assert_eq!(answers, [vec![], vec![Code::FlagDependency]]);
    assert_eq!(lifecycles(&fixture), [Lifecycle::Alpha, Lifecycle::Alpha]);

    let fixture = control_plane(REQUIRING);
    let answers = race(&fixture, promote(), revert());
    assert_eq!(answers, [vec![], vec![Code::FlagDependency]]);
    assert_eq!(lifecycles(&fixture), [Lifecycle::Beta, Lifecycle::Beta]);
}

#[test]
fn a_document_and_a_racing_revert_are_not_both_accepted() {
    let fixture = control_plane(INDEPENDENT);
    let document = flags_document(REQUIRING);
    let (reached, go) = hold(&fixture);
    let document = applying(
        &fixture,
        Change::ApplyDocument {
            document,
            prune: false,
            new_flags: NewFlags::Alpha,
        },
    );
    reached.recv_timeout(LONGEST).unwrap();
    // A revert waits for no document: `list` does not require `board` yet.
    let revert = applying(&fixture, to("board", Lifecycle::Alpha));
    assert_eq!(revert.answer(), []);
    go.send(()).unwrap();
    assert_eq!(document.answer(), [Code::FlagDependency]);
    assert_eq!(lifecycles(&fixture), [Lifecycle::Alpha, Lifecycle::Beta]);
    let requires = fixture
        .control
        .read(|state, _| state.flag("list").unwrap().requires().count());
    assert_eq!(requires, 0);
}
