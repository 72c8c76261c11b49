use super::scale::Scale;
use super::*;

/// Checks that an image has no position that is not a finite number, and no style.
fn check_positions(svg: &Svg) {
    let text = svg.to_string();
    for invalid in ["NaN", "inf", "style=", "--"] {
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
        "<svg class=\"spark\" viewBox=\"0 0 120 24\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"30 requests, 5 errors while the flag was on\">\
         <title>30 requests, 5 errors while the flag was on</title>\
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

#[test]
fn ticks_are_round_numbers_from_zero() {
    for (max, unit, at) in [
        (0.012, Unit::Share, vec!["0 %", "0.5 %", "1 %", "1.5 %"]),
        (0.0, Unit::Share, vec!["0 %", "0.5 %", "1 %"]),
        (f64::NAN, Unit::Milliseconds, vec!["0 ms", "50 ms", "100 ms"]),
        (1.0, Unit::Share, vec!["0 %", "50 %", "100 %"]),
        (
            320.0,
            Unit::Milliseconds,
            vec!["0 ms", "100 ms", "200 ms", "300 ms", "400 ms"],
        ),
        (2_400.0, Unit::Milliseconds, vec!["0 ms", "1 s", "2 s", "3 s"]),
        (
            0.000_02,
            Unit::Share,
            vec!["0 %", "0.0005 %", "0.001 %", "0.0015 %", "0.002 %"],
        ),
    ] {
        let ticks = axis::ticks(max, unit);
        let texts: Vec<String> = ticks.at.iter().map(|at| unit.format(*at)).collect();
        assert_eq!(texts, at, "{max}");
    }
    for max in [f64::MAX, f64::INFINITY, 1e-300, f64::NEG_INFINITY, 1e12] {
        let ticks = axis::ticks(max, Unit::Share);
        assert!(ticks.end.is_finite() && ticks.end > 0.0, "{max}: {ticks:?}");
        assert!((2..=6).contains(&ticks.at.len()), "{max}: {ticks:?}");
    }
}

#[test]
fn times_are_round_and_few() {
    const MINUTE: i64 = 60_000;
    // 2026-11-21T00:00:00Z.
    let midnight = 1_795_219_200_000;
    let texts = |from: i64, to: i64| -> Vec<String> {
        axis::times(from, to).into_iter().map(|(_, text)| text).collect()
    };
    assert_eq!(
        texts(midnight + 7 * MINUTE, midnight + 67 * MINUTE),
        ["00:15", "00:30", "00:45", "01:00"]
    );
    assert_eq!(
        texts(midnight - 720 * MINUTE, midnight + 720 * MINUTE),
        ["12:00", "18:00", "Nov 21", "06:00", "12:00"]
    );
    assert_eq!(texts(midnight, midnight), ["Nov 21"]);
    for (from, to) in [
        (i64::MIN, i64::MAX),
        (i64::MAX, i64::MIN),
        (i64::MAX - 1, i64::MAX),
        (0, 0),
    ] {
        assert!(axis::times(from, to).len() <= 8, "{from} {to}");
    }
}

const STEP: i64 = 60_000;

/// Draws one line of these points, one each minute.
fn drawn(points: Vec<Point>) -> Svg {
    let chart = LineChart {
        name: "errors <&\">",
        unit: Unit::Share,
        from: 0,
        to: 10 * STEP,
        step: STEP,
        bound: Some(0.01),
        lines: vec![Line {
            look: Look::Treatment,
            points,
        }],
    };
    let svg = chart.draw();
    check_positions(&svg);
    assert_eq!(svg, chart.draw());
    svg
}

fn point(minute: i64, value: f64) -> Point {
    Point {
        at: minute * STEP,
        value,
        low: value / 2.0,
        high: value * 2.0,
    }
}

#[test]
fn a_line_has_a_band_a_bound_and_a_name() {
    let text = drawn(vec![point(0, 0.01), point(1, 0.005)]).to_string();
    for part in [
        "aria-label=\"errors &lt;&amp;&quot;&gt;\"",
        "<path class=\"line\" d=\"M0 80L100 120\"/>",
        "<path class=\"band\" d=\"M0 0L100 80L100 140L0 120z\"/>",
        "<path class=\"bound\" d=\"M0 80H1000\"/>",
        ">1 %</text>",
        ">00:05</text>",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

#[test]
fn a_short_history_begins_at_its_first_point() {
    let chart = |first: i64| LineChart {
        name: "errors",
        unit: Unit::Share,
        from: 0,
        to: 60 * STEP,
        step: STEP,
        bound: None,
        lines: vec![Line {
            look: Look::Control,
            points: vec![point(first, 0.01), point(first + 1, 0.01), point(60, 0.01)],
        }],
    };
    let line = |first: i64, begin: &str| {
        let text = chart(first).draw().to_string();
        assert!(
            text.contains(&format!("class=\"line control\" d=\"{begin}")),
            "{text}"
        );
    };
    line(40, "M0 80L50 80");
    line(0, "M0 80L16.7 80");
    // A few points keep their scale.
    line(58, "M800 80L900 80");
}

#[test]
fn an_axis_has_its_numbers_in_a_gutter_from_zero() {
    let text = drawn(vec![point(0, 0.01)]).to_string();
    for label in [
        "<text x=\"-8\" y=\"178\" text-anchor=\"end\">0</text>",
        "text-anchor=\"end\">1 %</text>",
    ] {
        assert!(text.contains(label), "{label} is missing: {text}");
    }
}

#[test]
fn a_bound_far_above_the_lines_is_left_out() {
    let far = drawn(vec![point(0, 0.001), point(1, 0.001)]).to_string();
    assert!(!far.contains("class=\"bound\""), "{far}");
    let zero = drawn(vec![point(0, 0.0), point(1, 0.0)]).to_string();
    assert!(zero.contains("class=\"bound\""), "{zero}");
}

#[test]
fn a_small_share_keeps_two_digits() {
    for (share, text) in [
        (0.0, "0 %"),
        (0.000_064_02, "0.0064 %"),
        (0.000_000_05, "0.000005 %"),
        (0.030_77, "3.08 %"),
        (0.5, "50 %"),
        (1.0, "100 %"),
    ] {
        assert_eq!(Unit::Share.format(share), text);
    }
    for (ms, text) in [
        (0.04, "0 ms"),
        (8.25, "8.2 ms"),
        (84.4, "84 ms"),
        (1_830.0, "1.83 s"),
    ] {
        assert_eq!(Unit::Milliseconds.format(ms), text);
    }
}

#[test]
fn a_gap_interrupts_a_line() {
    let text = drawn(vec![point(0, 0.0), point(1, 0.0), point(5, 0.0), point(6, 0.0)]).to_string();
    assert!(
        text.contains("class=\"line\" d=\"M0 160L100 160M500 160L600 160\""),
        "{text}"
    );
    let unknown = drawn(vec![point(0, 0.0), point(1, f64::NAN), point(2, 0.0)]).to_string();
    assert!(
        unknown.contains("class=\"dot\" d=\"M0 160h0M200 160h0\""),
        "{unknown}"
    );
}

#[test]
fn a_chart_takes_any_numbers() {
    let empty = drawn(vec![]).to_string();
    assert!(
        !empty.contains("class=\"line\"") && !empty.contains("class=\"band\""),
        "{empty}"
    );
    let one = drawn(vec![point(3, 0.002)]).to_string();
    assert!(
        one.contains("class=\"dot\"") && !one.contains("class=\"line\""),
        "{one}"
    );
    drawn((0..=10).map(|minute| point(minute, 0.0)).collect());
    drawn(vec![point(0, f64::MAX), point(1, f64::INFINITY), point(2, 1e300)]);
    drawn(vec![
        point(0, f64::NAN),
        point(1, -1.0),
        point(2, f64::NEG_INFINITY),
    ]);
    drawn(vec![point(-5, 1.0), point(500, 1.0), point(i64::MAX / STEP, 1.0)]);
    let unknown = Point {
        low: f64::NAN,
        high: f64::INFINITY,
        ..point(1, 0.5)
    };
    drawn(vec![unknown, point(2, 0.5)]);
}

#[test]
fn a_way_ends_at_its_bound_or_beyond_it() {
    for (share, inside, beyond) in [
        (None, None, None),
        (Some(0.0), None, None),
        (Some(0.5), Some("H40V9"), None),
        (Some(1.0), Some("H80V9"), None),
        (Some(1.1), Some("H80V9"), Some("h8V9")),
        (Some(f64::INFINITY), Some("H80V9"), Some("h20V9")),
        (Some(f64::NAN), None, None),
        (Some(-2.0), None, None),
    ] {
        let svg = way(share);
        check_positions(&svg);
        let text = svg.to_string();
        assert_eq!(text.contains("bar on"), inside.is_some(), "{share:?}: {text}");
        assert_eq!(text.contains("errors"), beyond.is_some(), "{share:?}: {text}");
        for part in inside.into_iter().chain(beyond) {
            assert!(text.contains(part), "{share:?}: {part} in {text}");
        }
    }
    for share in [f64::NAN, -1.0, 0.5, 7.0] {
        check_positions(&progress(share));
    }
}
