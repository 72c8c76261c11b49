use super::{duration_ms, rate, reference, size_bytes};

#[test]
fn durations_are_a_whole_number_and_a_unit() {
    for (text, expected) in [
        ("250ms", Some(250)),
        ("10s", Some(10_000)),
        ("5m", Some(300_000)),
        ("1h", Some(3_600_000)),
        ("14d", Some(1_209_600_000)),
        ("0s", Some(0)),
    ] {
        assert_eq!(duration_ms(text), expected, "{text}");
    }
    for text in [
        "",
        "10",
        "s",
        "1.5s",
        "-1s",
        "10 s",
        "1w",
        "1D",
        "1H",
        "99999999999999999999s",
        "18446744073709551615h",
    ] {
        assert_eq!(duration_ms(text), None, "{text}");
    }
}

#[test]
fn sizes_are_a_whole_number_and_a_binary_unit() {
    for (text, expected) in [
        ("512B", 512),
        ("4KiB", 4_096),
        ("10MiB", 10_485_760),
        ("1GiB", 1_073_741_824),
    ] {
        assert_eq!(size_bytes(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "4",
        "4K",
        "4KB",
        "4kib",
        "KiB",
        "1.5MiB",
        "18446744073709551615KiB",
    ] {
        assert_eq!(size_bytes(text), None, "{text}");
    }
}

#[test]
fn a_reference_is_a_name_and_nothing_else() {
    assert_eq!(reference("${JWT_SECRET}"), Some("JWT_SECRET"));
    assert_eq!(reference("${_x1}"), Some("_x1"));
    for text in [
        "JWT_SECRET",
        "${}",
        "${1X}",
        "${A-B}",
        "x${A}",
        "${A}${B}",
        "$A",
        "${A} ",
    ] {
        assert_eq!(reference(text), None, "{text}");
    }
}

#[test]
fn rates_are_whole_numbers_per_second_minute_or_hour() {
    for (text, expected) in [
        ("100/s", Some((100, 1_000))),
        ("600/m", Some((600, 60_000))),
        ("5000/h", Some((5_000, 3_600_000))),
    ] {
        assert_eq!(rate(text), expected, "{text}");
    }
    for text in [
        "",
        "/",
        "100",
        "100/",
        "/s",
        "100/d",
        "1.5/s",
        "+5/s",
        "-1/s",
        "1 /s",
        "99999999999/s",
    ] {
        assert_eq!(rate(text), None, "{text}");
    }
}
