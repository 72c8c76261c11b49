use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use governor::clock::FakeRelativeClock;

use super::{ClientKey, KeyedLimiter, MAX_KEYS};

#[test]
fn a_flood_of_addresses_takes_bounded_memory() {
    let clock = FakeRelativeClock::default();
    clock.advance(Duration::from_nanos(1));
    let limiter = KeyedLimiter::new(Quota::per_second(NonZeroU32::new(3).unwrap()), clock);
    for number in 0..u32::try_from(MAX_KEYS * 2).unwrap() {
        let address = Ipv4Addr::from_bits(number);
        let key = ClientKey::of(Some(address.into()));
        assert_eq!(limiter.count(&key), Ok(()), "{address}");
    }
    let kept = limiter.limiter.into_state_store().0.len() as u64;
    assert!(kept <= MAX_KEYS, "{kept}");
    assert!(kept > MAX_KEYS / 2, "{kept}");
}

#[test]
fn the_wait_is_that_of_the_next_use_and_counts_nothing() {
    let clock = FakeRelativeClock::default();
    clock.advance(Duration::from_nanos(1));
    let quota = Quota::per_second(NonZeroU32::new(10).unwrap()).allow_burst(NonZeroU32::new(3).unwrap());
    let limiter = KeyedLimiter::new(quota, clock.clone());
    let (one, other) = (ClientKey::of(None), ClientKey::of(Some([192, 0, 2, 1].into())));
    for _ in 0..3 {
        assert_eq!(limiter.wait(&one), None);
        assert_eq!(limiter.count(&one), Ok(()));
    }
    for step in [10, 60, 30, 5] {
        let wait = limiter.wait(&one);
        assert_eq!(wait.map_or(Ok(()), Err), limiter.count(&one), "before {step} ms");
        assert_eq!(limiter.wait(&other), None);
        clock.advance(Duration::from_millis(step));
    }
    assert_eq!(limiter.usage.0.len(), 1, "a wait adds no key");
}
