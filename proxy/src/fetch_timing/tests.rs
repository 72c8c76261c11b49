//! Pauses stay in their bounds, whatever is drawn.

use super::*;

fn check(pause: impl Fn(u64) -> Duration, least: u64, most: u64) {
    for random in (0..=1_001).chain([u64::MAX - 1, u64::MAX]) {
        let pause = pause(random);
        assert!(
            pause >= Duration::from_millis(least),
            "{pause:?} is under {least} ms"
        );
        assert!(
            pause <= Duration::from_millis(most),
            "{pause:?} is over {most} ms"
        );
    }
    assert_eq!(pause(0), Duration::from_millis(least));
    assert_eq!(pause(1_000), Duration::from_millis(most));
}

#[test]
fn retry_delay_doubles_up_to_its_maximum() {
    let timing = FetchTiming::default();
    for (failures, most) in [
        (1, 500),
        (2, 1_000),
        (3, 2_000),
        (6, 16_000),
        (7, 30_000),
        (u32::MAX, 30_000),
    ] {
        check(
            |random| timing.pause_after_failures(failures, random),
            most / 2,
            most,
        );
    }
}

#[test]
fn refresh_interval_has_ten_percent_jitter() {
    let timing = FetchTiming::default();
    check(
        |random| timing.pause_after_success(Duration::from_secs(300), random),
        270_000,
        330_000,
    );
}

#[test]
fn refresh_interval_has_a_minimum() {
    let timing = FetchTiming::default();
    check(
        |random| timing.pause_after_success(Duration::ZERO, random),
        900,
        1_100,
    );
}
