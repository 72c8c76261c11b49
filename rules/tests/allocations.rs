//! Tests that deciding allocates nothing and that tenants take little memory, by a counting allocator.
#![expect(unsafe_code, reason = "an allocator can't be written without")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fs,
    hint::black_box,
};

use rules::{AttributeId, Decimal, Eligibility, Subject, Timestamp, Value, decide};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that are allocated and not freed.
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        BYTES.with(|bytes| bytes.set(bytes.get().wrapping_add(layout.size())));
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.with(|bytes| bytes.set(bytes.get().wrapping_sub(layout.size())));
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const DOCUMENT: &str = r#"
version: 1
tiers: [tier1, tier2]
segments:
  dach: { attribute: country, in: [DE, AT, CH] }
  large-dach: { all: [ { segment: dach }, { attribute: seats, gte: 50 } ] }
flags:
  boolean: { lifecycle: ga, default: on, tiers: { tier1: off } }
  split: { lifecycle: ga, variants: { blue: 1, green: 2, off: 0 }, default: { split: { blue: 50, green: 50 }, by: user } }
  segment: { lifecycle: ga, rules: [{ when: { segment: large-dach }, serve: on }] }
  prerequisite: { lifecycle: ga, requires: [boolean, { flag: split, is: green }, segment], default: on }
  rollout: { lifecycle: ga, rollout: { percentage: 25, by: user, audience: { attribute: tier, in: [tier2] } } }
  beta: { lifecycle: beta, default: on }
  pattern: { lifecycle: ga, rules: [{ when: { attribute: country, matches: "^D[A-Z]$" }, serve: on }] }
  fold: { lifecycle: ga, rules: [{ when: { attribute: country, in: [de, at], fold: true }, serve: on }] }
  fold.list: { lifecycle: ga, rules: [{ when: { attribute: groups, all_of: [Ops, GRÖẞE], fold: true }, serve: on }] }
  fold.part: { lifecycle: ga, rules: [{ when: { attribute: country, contains: [e], fold: true }, serve: on }] }
  time: { lifecycle: ga, rules: [{ when: { attribute: since, after: 2026-01-01T00:00:00Z }, serve: on }] }
  address: { lifecycle: ga, rules: [{ when: { attribute: address, ip_in: [10.0.0.0/8] }, serve: on }] }
  version: { lifecycle: ga, rules: [{ when: { attribute: version, semver: ">=1.4, <2" }, serve: on }] }
  number: { lifecycle: ga, rules: [{ when: { attribute: account, in: [1e300, 0.1, 1152921504606846977] }, serve: on }] }
  by.number: { lifecycle: ga, rollout: { percentage: 50, by: account } }
  groups: { lifecycle: ga, rules: [{ when: { attribute: groups, any_of: [ops, dev] }, serve: on }] }
tenants:
  acme: { tier: tier2, channel: latest, beta: [beta], overrides: { rollout: on }, attributes: { country: DE } }
  globex: { tier: tier1 }
"#;

#[test]
fn deciding_allocates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.yaml");
    fs::write(&file, DOCUMENT).unwrap();
    let loaded = config::load_flags(&file, Eligibility::Enforced).unwrap();
    let values = [
        ("seats", Value::Number(Decimal::parse("80.5").unwrap())),
        (
            "account",
            Value::Number(Decimal::from(1_152_921_504_606_846_977_u64)),
        ),
        ("since", Value::String("2026-06-01T12:00:00+02:00")),
        ("address", Value::String("10.1.2.3")),
        ("version", Value::String("1.5.0")),
    ];
    let attributes: Vec<(AttributeId, Value<'_>)> = values
        .iter()
        .map(|(name, value)| (loaded.flags.attribute_id(name).unwrap(), *value))
        .collect();
    let groups: [Box<str>; 2] = ["sales".into(), "dev".into()];
    let breakers = [loaded.flags.id("version").unwrap()];
    let long_user = "u".repeat(2_000);
    let mut served_on = 0;
    let before = ALLOCATIONS.with(Cell::get);
    for tenant in [Some("acme"), Some("globex"), Some("nobody"), None] {
        for user in [Some("u-1"), Some(long_user.as_str()), None] {
            let record = tenant.and_then(|id| loaded.tenants.find(id));
            let subject = Subject {
                tenant,
                record,
                user,
                groups: &groups,
                attributes: &attributes,
                open_breakers: &breakers,
            };
            for (id, flag) in loaded.flags.iter() {
                let decision = black_box(decide(&loaded.flags, id, &subject, Timestamp(0)));
                served_on += usize::from(decision.variant != flag.off());
            }
        }
    }
    let allocations = ALLOCATIONS.with(Cell::get) - before;
    assert_eq!(allocations, 0);
    assert!(
        served_on > 40,
        "{served_on} were on: the flags were not decided as meant"
    );
}

/// Returns the bytes that each of `count` tenants takes, with an id of 12 bytes and a tier.
fn bytes_of_tenant(count: usize) -> usize {
    use std::fmt::Write as _;
    let mut document = String::from("{\"version\":1,\"tiers\":[\"small\"],\"tenants\":{");
    for number in 0..count {
        let separator = if number == 0 { "" } else { "," };
        write!(
            document,
            "{separator}\"tenant{number:06}\":{{\"tier\":\"small\"}}"
        )
        .unwrap();
    }
    document.push_str("}}");
    let document = config::FlagsDocument::parse("flags.json", document.as_bytes()).unwrap();
    let catalog = config::Catalog::new(Eligibility::Enforced, document).unwrap();
    let served = catalog.compiled().clone();
    drop(catalog);
    let before = BYTES.with(Cell::get);
    assert_eq!(served.tenants.len(), count);
    drop(served);
    (before - BYTES.with(Cell::get)) / count
}

#[test]
fn a_tenant_takes_less_than_100_bytes() {
    // Just below and just above sizes at which the table gets more shards.
    for count in [1_000, 2_100, 4_000, 20_000] {
        let bytes = bytes_of_tenant(count);
        assert!(bytes < 80, "{bytes} bytes of each of {count} tenants");
    }
}
