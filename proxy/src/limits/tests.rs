use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use rules::{LimitBy, RateLimit, TenantId};

use super::LiveLimit;

/// A limit of 10 requests a second, 3 at once.
fn limit(clock: &FakeRelativeClock) -> LiveLimit<FakeRelativeClock> {
    clock.advance(Duration::from_nanos(1));
    let number = |number| NonZeroU32::new(number).unwrap();
    let definition = RateLimit {
        count: number(10),
        per_ms: 1_000,
        burst: number(3),
        by: LimitBy::Tenant,
    };
    LiveLimit::new("a", definition, clock.clone())
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

#[test]
fn burst_is_admitted_then_the_rate() {
    let clock = FakeRelativeClock::default();
    let limit = limit(&clock);
    let acme = tenant("acme");
    for _ in 0..3 {
        assert_eq!(limit.count(Some(&acme), None), Ok(()));
    }
    assert_eq!(limit.count(Some(&acme), None), Err(Duration::from_millis(100)));
    clock.advance(Duration::from_millis(60));
    assert_eq!(limit.count(Some(&acme), None), Err(Duration::from_millis(40)));
    clock.advance(Duration::from_millis(40));
    assert_eq!(limit.count(Some(&acme), None), Ok(()));
    assert!(limit.count(Some(&acme), None).is_err());
    clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        assert_eq!(limit.count(Some(&acme), None), Ok(()));
    }
    assert!(limit.count(Some(&acme), None).is_err());
}

#[test]
fn clients_have_separate_limits() {
    let clock = FakeRelativeClock::default();
    let limit = limit(&clock);
    for number in 0..20_000 {
        let tenant = tenant(&format!("tenant-{number}"));
        for _ in 0..3 {
            assert_eq!(limit.count(Some(&tenant), None), Ok(()), "{number}");
        }
        assert!(limit.count(Some(&tenant), None).is_err(), "{number}");
    }
}

#[test]
fn clients_are_counted_by_address_and_ipv6_ones_by_network() {
    let clock = FakeRelativeClock::default();
    let limit = limit(&clock);
    let ask = |address: &str| limit.count(None, address.parse().ok()).is_ok();
    let took = |addresses: [&str; 4]| addresses.map(ask);
    assert_eq!(
        took(["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::", "2001:db8::9"]),
        [true, true, true, false]
    );
    assert!(ask("2001:db8:0:1::1"));
    assert_eq!(
        took(["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"]),
        [true, true, true, false]
    );
    assert!(ask("192.0.2.2"));
    assert_eq!(took(["?"; 4]), [true, true, true, false]);
}
