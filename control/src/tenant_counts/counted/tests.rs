use std::collections::BTreeSet;

use config::{Catalog, FlagsDocument};
use rules::Eligibility;

use super::*;

const NOW: Timestamp = Timestamp(1_795_219_200_000);
const FLAGS: &str = r#"
version: 1
tiers: [small, large]
policy: { beta_opt_in: true }
segments: { german: { attribute: country, eq: DE } }
flags:
  base: { lifecycle: ga, default: on }
  board: { lifecycle: beta, requires: [base], default: on }
  paid: { kind: permission, tiers: { large: on } }
  local: { lifecycle: ga, rules: [{ when: { segment: german }, serve: on }] }
  part: { lifecycle: ga, rollout: { percentage: 50 } }
  sale: { kind: ops, default: on, schedule: { from: 2026-11-22T00:00:00Z, until: 2026-11-23T00:00:00Z } }
  banner: { kind: ops, default: on, requires: [sale] }
"#;
const TENANTS: &str = r#"
tenants:
  acme: { tier: large, channel: latest, beta: [board], attributes: { country: DE } }
  globex: { tier: small, opt_in: [board] }
  hooli: { tier: small, overrides: { part: on, board: off } }
  initech: { opt_out: [part] }
"#;

fn base(document: &str) -> Base {
    let document = FlagsDocument::parse("document", document.as_bytes()).unwrap();
    let catalog = Catalog::new(Eligibility::Enforced, document).unwrap();
    Base::of(catalog.compiled())
}

fn count_all(base: &Base) -> Tallies {
    let flags: Vec<_> = base.flags.iter().map(|(id, _)| (id, NOW)).collect();
    count(base, &flags, || true).unwrap()
}

/// Returns the keys of the flags whose counts can be adjusted, after comparing these with fresh counts.
fn adjusted(from: &str, to: &str) -> BTreeSet<String> {
    let (from, to) = (base(from), base(to));
    let mut counted = Counted::default();
    counted.base_or(&from);
    counted.insert(count_all(&from));
    counted.move_to(&to, &[]);
    let fresh = count_all(&to);
    for (id, timed) in &counted.tallies {
        let flag = to.flags.flag(*id).unwrap();
        let fresh = fresh[id].tally();
        assert_eq!(timed.tally.lines(flag), fresh.lines(flag), "{}", flag.key());
        assert_eq!(timed.tally.standings, fresh.standings, "{}", flag.key());
    }
    let kept = counted.tallies.keys();
    kept.map(|id| to.flags.flag(*id).unwrap().key().to_string())
        .collect()
}

/// Checks that a document with a text replaced has new counts for these flags only.
fn check(text: &str, by: &str, counted_again: &[&str]) {
    let before = format!("{FLAGS}{TENANTS}");
    let after = before.replace(text, by);
    assert_ne!(before, after, "{text}");
    for (from, to) in [(&before, &after), (&after, &before)] {
        let kept = adjusted(from, to);
        let all = base(to);
        let all = all.flags.iter().map(|(_, flag)| flag.key().to_string());
        let again: BTreeSet<String> = all.filter(|key| !kept.contains(key)).collect();
        assert_eq!(
            again,
            counted_again.iter().map(|key| (*key).to_owned()).collect(),
            "{text} {by}"
        );
    }
}

#[test]
fn counts_follow_a_changed_tenant() {
    check("opt_out: [part]", "opt_out: [local, board]", &[]);
    check("initech: { opt_out: [part] }", "", &[]);
    check(
        "globex: { tier: small, opt_in: [board] }",
        "globex: { tier: large }",
        &[],
    );
    check("country: DE", "country: AT", &[]);
    check("channel: latest, ", "internal: true, ", &[]);
    check("part: on, board: off", "board: on", &[]);
}

#[test]
fn a_changed_flag_and_its_dependents_are_counted_again() {
    check(
        "base: { lifecycle: ga, default: on }",
        "base: { lifecycle: ga }",
        &["base", "board"],
    );
    check("percentage: 50", "percentage: 60", &["part"]);
    check("board: { lifecycle: beta,", "board: { lifecycle: ga,", &["board"]);
    check("2026-11-23", "2026-11-24", &["sale", "banner"]);
}

#[test]
fn tables_that_flags_share_are_part_of_their_counts() {
    check("country, eq: DE", "country, eq: AT", &["local"]);
    let all = ["base", "board", "paid", "local", "part", "sale", "banner"];
    check("tiers: [small, large]", "tiers: [tiny, small, large]", &all);
    check("beta_opt_in: true", "beta_opt_in: false", &all);
}

#[test]
fn counts_end_when_a_schedule_begins_or_ends() {
    let base = base(&format!("{FLAGS}{TENANTS}"));
    let mut counted = Counted::default();
    counted.base_or(&base);
    counted.insert(count_all(&base));
    let is_known = |flag: &str, at: &str| {
        let at = Timestamp::parse(at).unwrap();
        counted.tally(base.flags.id(flag).unwrap(), at).is_some()
    };
    for flag in ["sale", "banner"] {
        assert!(is_known(flag, "2026-11-21T23:59:59.999Z"), "{flag}");
        assert!(!is_known(flag, "2026-11-22T00:00:00Z"), "{flag}");
        assert!(!is_known(flag, "2026-11-24T00:00:00Z"), "{flag}");
    }
    assert!(is_known("base", "2030-01-01T00:00:00Z"));
}

#[test]
fn many_changed_tenants_leave_only_the_counts_in_use() {
    let flags: String = (0..1_000)
        .map(|at| format!("  f{at}: {{ lifecycle: ga }}\n"))
        .collect();
    let document = |tier: &str| {
        let tenants: String = (0..600)
            .map(|at| format!("  t{at}: {{ tier: {tier} }}\n"))
            .collect();
        base(&format!(
            "version: 1\ntiers: [one, two]\nflags:\n{flags}tenants:\n{tenants}"
        ))
    };
    let (from, to) = (document("one"), document("two"));
    let first = from.flags.id("f7").unwrap();
    let mut tallies = count_all(&from);
    adjust(&mut tallies, &from, &to, &[first]);
    assert_eq!(tallies.keys().copied().collect::<Vec<_>>(), [first]);
}
