use tracing::Level;

use super::*;

/// Returns moments by the seconds since the first.
fn moments() -> impl Fn(u64) -> Instant {
    let start = Instant::now();
    move |seconds| start + Duration::from_secs(seconds)
}

fn origin(source: &str) -> LineOrigin {
    LineOrigin {
        source: source.into(),
        level: Level::WARN,
    }
}

fn repeated(text: &str, times: u64, seconds: u64) -> Repeated {
    Repeated {
        text: text.into(),
        level: Level::WARN,
        times,
        span: Duration::from_secs(seconds),
    }
}

#[test]
fn a_line_is_written_once_a_window_and_counted_within_it() {
    let (at, mut repeats) = (moments(), Repeats::new(WINDOW, 4));
    assert!(repeats.is_first("a", &origin("m"), at(0)));
    for second in 1..=9 {
        assert!(!repeats.is_first("a", &origin("m"), at(second)));
    }
    assert_eq!(repeats.due(), Some(at(10)));
    assert_eq!(repeats.ended(at(9)), []);
    assert_eq!(repeats.ended(at(10)), [repeated("a", 9, 10)]);
    // A flood that goes on is one line a window.
    assert!(!repeats.is_first("a", &origin("m"), at(11)));
    assert_eq!(repeats.ended(at(20)), [repeated("a", 1, 10)]);
    assert_eq!(repeats.ended(at(30)), []);
    assert_eq!(repeats.due(), None);
    assert!(repeats.is_first("a", &origin("m"), at(31)));
}

#[test]
fn lines_differ_by_values_source_and_level() {
    let (at, mut repeats) = (moments(), Repeats::new(WINDOW, 4));
    assert!(repeats.is_first("client=1", &origin("m"), at(0)));
    assert!(repeats.is_first("client=2", &origin("m"), at(0)));
    assert!(repeats.is_first("client=1", &origin("n"), at(0)));
    let error = LineOrigin {
        level: Level::ERROR,
        ..origin("m")
    };
    assert!(repeats.is_first("client=1", &error, at(0)));
}

#[test]
fn changed_state_of_a_source_resets_its_repeats() {
    let (at, mut repeats) = (moments(), Repeats::new(WINDOW, 4));
    for _ in 0..3 {
        repeats.is_first("unhealthy", &origin("health"), at(0));
        repeats.is_first("full", &origin("disk"), at(0));
    }
    assert_eq!(
        repeats.forget_source("health", at(2)),
        [repeated("unhealthy", 2, 2)]
    );
    assert!(repeats.is_first("unhealthy", &origin("health"), at(3)));
    assert!(!repeats.is_first("full", &origin("disk"), at(3)));
}

#[test]
fn remembered_lines_are_limited_and_others_written() {
    let (at, mut repeats) = (moments(), Repeats::new(WINDOW, 2));
    for text in ["a", "b", "c", "c"] {
        assert!(repeats.is_first(text, &origin("m"), at(0)), "{text}");
    }
    assert!(!repeats.is_first("a", &origin("m"), at(0)));
    let long = "x".repeat(MAX_LINE + 1);
    let mut repeats = Repeats::new(WINDOW, 2);
    assert!(repeats.is_first(&long, &origin("m"), at(0)) && repeats.is_first(&long, &origin("m"), at(0)));
    assert_eq!(repeats.due(), None);
}

#[test]
fn pending_counts_are_written_at_the_end() {
    let (at, mut repeats) = (moments(), Repeats::new(WINDOW, 4));
    for _ in 0..3 {
        repeats.is_first("a", &origin("m"), at(0));
    }
    assert_eq!(repeats.all(at(1)), [repeated("a", 2, 1)]);
    assert_eq!(repeats.all(at(1)), []);
}
