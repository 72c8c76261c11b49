use std::net::Ipv4Addr;
use std::num::NonZeroU32;

use governor::Quota;
use governor::clock::FakeRelativeClock;

use super::{ClientKey, KeyedLimiter, MAX_KEYS};

#[test]
fn a_flood_of_addresses_takes_bounded_memory() {
    let clock = FakeRelativeClock::default();
    clock.advance(std::time::Duration::from_nanos(1));
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
