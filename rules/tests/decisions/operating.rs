//! Tests of operations on compiled flags: killing some of them, and finding who requested one.

use rules::{Cause, Eligibility, Timestamp};

use crate::test_subject::{TestSubject, load};

const DOCUMENT: &str = "
version: 1
flags:
  a: { lifecycle: beta, default: on }
  b: { lifecycle: beta, requires: [a], default: on }
  c: { lifecycle: beta, default: on }
tenants:
  allowed: { channel: latest, beta: [a, b, c] }
  opted: { opt_in: [a] }
  forced: { overrides: { a: on } }
";

#[test]
fn killing_flags_turns_off_all_that_require_them() {
    let mut loaded = load(DOCUMENT, Eligibility::Enforced);
    let test_subject = TestSubject::tenant("allowed");
    let cause = |loaded: &config::LoadedFlags, flag| test_subject.decide(loaded, flag, Timestamp(0)).cause;
    let before = ["a", "b", "c"].map(|flag| cause(&loaded, flag));
    assert_eq!(before, [Cause::Default; 3]);
    let killed = loaded.flags.id("a").unwrap();
    loaded.flags = loaded.flags.with_killed(&[killed]);
    let after = ["a", "b", "c"].map(|flag| cause(&loaded, flag));
    assert_eq!(after, [Cause::Killed, Cause::Prerequisite, Cause::Default]);
}

#[test]
fn opted_in_and_allowed_tenants_have_requested_a_flag() {
    let loaded = load(DOCUMENT, Eligibility::Enforced);
    let asked = |tenant: &str, flag: &str| {
        let tenant = loaded.tenants.find(tenant).unwrap();
        tenant.has_requested(loaded.flags.id(flag).unwrap())
    };
    assert!(asked("allowed", "a") && asked("allowed", "c") && asked("opted", "a"));
    assert!(!asked("opted", "b") && !asked("forced", "a"));
}
