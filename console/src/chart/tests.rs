use super::scale::Scale;
use super::*;

/// Checks that an image has no position that is not a finite number, and no style.
fn check_positions(svg: &Svg) {
    let text = svg.to_string();
    for invalid in ["NaN", "inf", "style", "e+", "--"] {
        assert!(!text.contains(invalid), "{invalid} in {text}");
    }
    assert_eq!(text.matches("<svg").count(), text.matches("</svg>").count());
}

#[test]
fn a_scale_keeps_values_within_its_ends() {
    let scale = Scale::new((0.0, 10.0), (100.0, 0.0));
    for (value, position) in [
        (0.0, Some(100.0)),
        (5.0, Some(50.0)),
        (10.0, Some(0.0)),
        (-3.0, Some(100.0)),
        (1e300, Some(0.0)),
        (f64::INFINITY, Some(0.0)),
        (f64::NEG_INFINITY, Some(100.0)),
        (f64::NAN, None),
    ] {
        assert_eq!(scale.at(value), position, "{value}");
    }
    for empty in [(3.0, 3.0), (f64::NAN, 0.0), (0.0, f64::NAN)] {
        assert_eq!(Scale::new(empty, (7.0, 9.0)).at(5.0), Some(7.0), "{empty:?}");
    }
    let huge = Scale::new((0.0, f64::INFINITY), (0.0, 1.0));
    assert_eq!(huge.at(f64::MAX), Some(1.0));
}

#[test]
fn a_sparkline_has_its_sums_as_its_name() {
    let svg = sparkline(&[10, 20, 0], &[0, 5, 0]);
    check_positions(&svg);
    assert_eq!(
        svg.to_string(),
        "<svg class=\"spark\" viewBox=\"0 0 120 24\" role=\"img\" aria-label=\"30 requests, 5 of them errors\">\
         <title>30 requests, 5 of them errors</title>\
         <path class=\"area\" d=\"M0 23V12.3H40V1.5H80V23H120V23z\"/>\
         <path class=\"line\" d=\"M0 23V12.3H40V1.5H80V23H120\"/>\
         <path class=\"errors\" d=\"M40 23V17.6h40V23z\"/></svg>"
    );
}

#[test]
fn a_sparkline_of_nothing_is_a_baseline() {
    for (requests, errors) in [
        (vec![], vec![]),
        (vec![0, 0, 0], vec![0, 0, 0]),
        (vec![0], vec![]),
    ] {
        let svg = sparkline(&requests, &errors);
        check_positions(&svg);
        let text = svg.to_string();
        assert!(text.contains("<title>No requests</title>"), "{text}");
        assert!(text.contains("<path class=\"line\" d=\"M0 23H120\"/>"), "{text}");
        assert!(!text.contains("errors\""), "{text}");
    }
}

#[test]
fn a_single_error_among_many_requests_is_visible() {
    let svg = sparkline(&[1_000_000, 1_000_000], &[0, 1]);
    check_positions(&svg);
    assert!(svg.to_string().contains("d=\"M60 23V20.5h60V23z\""), "{svg}");
}

#[test]
fn a_sparkline_takes_any_numbers() {
    for (requests, errors) in [
        (vec![u64::MAX; 3], vec![u64::MAX; 3]),
        (vec![1], vec![1, 2, 3]),
        (vec![7], vec![]),
        ((0..1_440).collect(), vec![1; 1_440]),
    ] {
        let svg = sparkline(&requests, &errors);
        check_positions(&svg);
        assert_eq!(svg, sparkline(&requests, &errors));
    }
}

#[test]
fn a_funnel_continues_where_the_line_before_ended() {
    let step = |count, is_on| FunnelStep { count, is_on };
    let bars = funnel(200, &[step(50, false), step(0, true), step(150, true)]);
    let shapes: Vec<String> = bars.iter().map(ToString::to_string).collect();
    for bar in &bars {
        check_positions(bar);
    }
    assert!(
        shapes[0].contains("class=\"bar\" d=\"M0 0h25v8h-25z\""),
        "{}",
        shapes[0]
    );
    assert!(
        shapes[1].contains("class=\"bar on\" d=\"M25 0h0v8h-0z\""),
        "{}",
        shapes[1]
    );
    assert!(
        shapes[2].contains("class=\"bar on\" d=\"M25 0h75v8h-75z\""),
        "{}",
        shapes[2]
    );
}

#[test]
fn a_funnel_takes_any_numbers() {
    let step = |count| FunnelStep { count, is_on: true };
    assert!(funnel(5, &[]).is_empty());
    for (total, counts) in [
        (0, vec![0, 3]),
        (10, vec![u64::MAX, 1]),
        (u64::MAX, vec![1, u64::MAX]),
        (1_000_000, vec![999_999, 1]),
    ] {
        let steps: Vec<FunnelStep> = counts.into_iter().map(step).collect();
        for bar in funnel(total, &steps) {
            check_positions(&bar);
        }
    }
    let last = funnel(1_000_000, &[step(999_999), step(1)]).remove(1);
    assert!(last.to_string().contains("d=\"M99.4 0h0.6v8h-0.6z\""), "{last}");
}
