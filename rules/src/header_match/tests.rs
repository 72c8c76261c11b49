use super::*;

fn check(matcher: &Result<HeaderMatch, InvalidHeaderMatch>, values: &[&[u8]], expected: bool) {
    let matcher = matcher.as_ref().unwrap();
    assert_eq!(
        matcher.is_match(values.iter().copied()),
        expected,
        "{matcher} on {values:?}"
    );
}

fn regex(name: &str, expression: &str) -> Result<HeaderMatch, InvalidHeaderMatch> {
    HeaderMatch::regex(name, Arc::new(Pattern::parse(expression).unwrap()))
}

#[test]
fn an_exact_value_is_compared_byte_by_byte() {
    let matcher = HeaderMatch::exact("X-Version", "2");
    check(&matcher, &[b"2"], true);
    check(&matcher, &[b"20"], false);
    check(&matcher, &[b""], false);
    check(&matcher, &[], false);
    check(&HeaderMatch::exact("x", "Beta"), &[b"beta"], false);
    check(&HeaderMatch::exact("x", ""), &[b""], true);
    check(&HeaderMatch::exact("x", "é"), &["é".as_bytes()], true);
}

#[test]
fn presence_matches_any_header_value() {
    let matcher = HeaderMatch::present("x");
    check(&matcher, &[b""], true);
    check(&matcher, &[b"\xff"], true);
    check(&matcher, &[], false);
}

#[test]
fn an_expression_matches_somewhere_in_the_value() {
    let matcher = regex("x", "^v[0-9]+$");
    check(&matcher, &[b"v12"], true);
    check(&matcher, &[b"v12 "], false);
    check(&matcher, &[], false);
    check(&regex("x", "b"), &[b"abc"], true);
    check(&regex("x", ""), &[b"\xff"], false);
}

#[test]
fn one_matching_line_suffices_and_lines_are_not_joined() {
    check(&HeaderMatch::exact("x", "2"), &[b"1", b"2"], true);
    check(&HeaderMatch::exact("x", "1, 2"), &[b"1", b"2"], false);
    check(&regex("x", "2"), &[b"\xff", b"2"], true);
}

#[test]
fn header_name_is_stored_and_shown_in_lower_case() {
    assert_eq!(HeaderMatch::present("X-Beta").unwrap().name(), "x-beta");
    assert_eq!(HeaderMatch::present("X-Beta").unwrap().to_string(), "x-beta");
    assert_eq!(
        HeaderMatch::exact("X-Beta", "On").unwrap().to_string(),
        "x-beta: On"
    );
    assert_eq!(regex("X-Beta", "^o").unwrap().to_string(), "x-beta: /^o/");
}

#[test]
fn a_predicate_is_implied_by_a_stricter_one_of_the_same_header() {
    let exact = |value| HeaderMatch::exact("x", value).unwrap();
    let regex = |expression| regex("x", expression).unwrap();
    let present = HeaderMatch::present("X").unwrap();
    for (first, second, expected) in [
        (&present, &exact("1"), true),
        (&present, &regex("a"), true),
        (&present, &present, true),
        (&exact("1"), &present, false),
        (&exact("1"), &exact("1"), true),
        (&exact("1"), &exact("2"), false),
        (&regex("^[0-9]$"), &exact("1"), true),
        (&regex("^[0-9]$"), &exact("a"), false),
        (&regex("a"), &regex("a"), true),
        (&regex("a"), &regex("b"), false),
        (&regex("a"), &present, false),
        (&HeaderMatch::present("y").unwrap(), &present, false),
    ] {
        assert_eq!(first.is_implied_by(second), expected, "{first} by {second}");
    }
}

#[test]
fn impossible_header_values_are_rejected() {
    let long = "a".repeat(MAX_HEADER_VALUE + 1);
    let cases = [
        (HeaderMatch::present(""), InvalidHeaderMatch::NameEmpty),
        (
            HeaderMatch::present("a b"),
            InvalidHeaderMatch::NameCharacter { found: ' ' },
        ),
        (
            HeaderMatch::present(":path"),
            InvalidHeaderMatch::NameCharacter { found: ':' },
        ),
        (
            HeaderMatch::present("é"),
            InvalidHeaderMatch::NameCharacter { found: 'é' },
        ),
        (
            HeaderMatch::present(&long[..=MAX_HEADER_NAME]),
            InvalidHeaderMatch::NameTooLong {
                length: MAX_HEADER_NAME + 1,
            },
        ),
        (
            HeaderMatch::exact("x", "a\nb"),
            InvalidHeaderMatch::ValueCharacter { found: '\n' },
        ),
        (HeaderMatch::exact("x", " a"), InvalidHeaderMatch::ValuePadded),
        (HeaderMatch::exact("x", "a\t"), InvalidHeaderMatch::ValuePadded),
        (
            HeaderMatch::exact("x", &long),
            InvalidHeaderMatch::ValueTooLong {
                length: MAX_HEADER_VALUE + 1,
            },
        ),
    ];
    for (made, expected) in cases {
        assert_eq!(made, Err(expected));
    }
    assert!(HeaderMatch::exact("x", "a\tb c").is_ok());
}
