//! Cells are found by number, and counts go on where a reload leaves their owner as it is.

use super::*;

fn meters(earlier: &Meters, routes: &[&'static str], flags: &[(&'static str, &[&'static str])]) -> Meters {
    let flags = flags
        .iter()
        .map(|(key, variants)| Some((*key, variants.to_vec())));
    Meters::continuing(earlier, routes.iter().copied(), flags)
}

#[test]
fn every_outcome_and_class_has_its_own_counter() {
    let meter = RouteMeter::new("a");
    let mut expected = Vec::new();
    for (place, outcome) in RequestOutcome::ALL.into_iter().enumerate() {
        assert_eq!(outcome as usize, place);
        for (status, class) in [
            (0, "none"),
            (101, "1xx"),
            (200, "2xx"),
            (302, "3xx"),
            (404, "4xx"),
            (503, "5xx"),
        ] {
            for _ in 0..=expected.len() {
                meter.observe(outcome, status, Duration::ZERO);
            }
            expected.push((outcome.as_str(), class, expected.len() as u64 + 1));
        }
    }
    assert_eq!(meter.requests().all().collect::<Vec<_>>(), expected);
}

#[test]
fn every_variant_and_cause_has_its_own_counter() {
    let meter = FlagMeter::new("a", ["off".into(), "on".into()].into());
    let mut expected = Vec::new();
    for (variant, name) in ["off", "on"].into_iter().enumerate() {
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place);
            for _ in 0..=expected.len() {
                meter.count(variant, cause);
            }
            expected.push((name, cause.as_str(), expected.len() as u64 + 1));
        }
    }
    assert_eq!(meter.decisions().collect::<Vec<_>>(), expected);
    meter.count(2, Cause::Rule);
    assert_eq!(meter.decisions().count(), expected.len());
}

#[test]
fn counters_survive_a_reload() {
    let first = meters(
        &Meters::none(),
        &["a", "b"],
        &[("f", &["off", "on"]), ("g", &["off", "on"])],
    );
    let second = meters(
        &first,
        &["c", "b"],
        &[("g", &["off", "on"]), ("f", &["off", "on", "more"])],
    );
    assert!(Arc::ptr_eq(first.route(1), second.route(1)));
    assert!(Arc::ptr_eq(first.unmatched(), second.unmatched()));
    assert!(Arc::ptr_eq(first.flag(1).unwrap(), second.flag(0).unwrap()));
    assert!(!Arc::ptr_eq(first.route(0), second.route(0)));
    assert!(!Arc::ptr_eq(first.flag(0).unwrap(), second.flag(1).unwrap()));
    assert!(second.flag(2).is_none());
}

#[test]
fn unknown_route_counts_as_unmatched() {
    let meters = meters(&Meters::none(), &["a"], &[]);
    assert!(Arc::ptr_eq(meters.route(1), meters.unmatched()));
    assert!(!Arc::ptr_eq(meters.route(0), meters.unmatched()));
}

#[test]
fn route_named_as_the_unmatched_shares_their_meter() {
    let meters = meters(&Meters::none(), &["a", UNMATCHED_ROUTE], &[]);
    assert!(Arc::ptr_eq(meters.route(1), meters.unmatched()));
    assert_eq!(
        meters.routes().map(|meter| meter.name()).collect::<Vec<_>>(),
        ["a", UNMATCHED_ROUTE]
    );
}

#[test]
fn added_and_removed_flags_keep_counters_of_others() {
    let slot = |key: &'static str| Some((key, vec!["off", "on"]));
    let first = Meters::continuing(&Meters::none(), [], [slot("b"), slot("c")]);
    first.flag(1).unwrap().count(0, Cause::Rule);
    let second = Meters::continuing(&first, [], [None, slot("c"), slot("a")]);
    assert!(second.flag(0).is_none());
    assert!(Arc::ptr_eq(first.flag(1).unwrap(), second.flag(1).unwrap()));
    let back = Meters::continuing(&second, [], [None, slot("c"), slot("a"), slot("b")]);
    assert_eq!(
        (back.flag(1).unwrap().total(), back.flag(3).unwrap().total()),
        (1, 0)
    );
}
