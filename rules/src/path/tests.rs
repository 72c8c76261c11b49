use super::*;

fn check(text: &str, expected: Result<(), InvalidPathPattern>) {
    let parsed = PathPattern::parse(text);
    if let Ok(pattern) = &parsed {
        assert_eq!(pattern.as_str(), text);
        assert_eq!(pattern.to_string(), text);
    }
    assert_eq!(parsed.map(|_| ()), expected, "{text}");
}

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

#[test]
fn a_pattern_in_normal_form_is_accepted() {
    for text in [
        "/",
        "/a",
        "/a/",
        "/a/b.c",
        "/{id}",
        "/a/{id}/b",
        "/a/{id}/{_other2}/",
        "/a/**",
        "/**",
        "/{id}/**",
        "/v1/things:export",
        "/caf%C3%A9",
        "/a%20b",
        "/%7B",
        "/a%2Ab",
        "/a;b",
        "/...",
    ] {
        check(text, Ok(()));
    }
}

#[test]
fn a_pattern_not_in_normal_form_names_its_normal_form() {
    for (text, normal) in [
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/../**", "/**"),
        ("/%61/{id}", "/a/{id}"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/café/{id}", "/caf%C3%A9/{id}"),
        ("/a|b", "/a%7Cb"),
        ("//", "/"),
        ("/{id}/%2e%2e/b", "/b"),
    ] {
        check(
            text,
            Err(InvalidPathPattern::NotNormal {
                normal: normal.to_owned(),
            }),
        );
    }
}

#[test]
fn pattern_that_no_valid_target_matches_is_rejected() {
    for (text, error) in [
        ("/a%2Fb", InvalidTarget::EncodedSlash { at: 2 }),
        ("/a%5cb", InvalidTarget::EncodedBackslash { at: 2 }),
        ("/a b", InvalidTarget::Space { at: 2 }),
        ("/a\\b", InvalidTarget::Backslash { at: 2 }),
        ("/a#b", InvalidTarget::Fragment { at: 2 }),
        ("/{id}/%zz", InvalidTarget::Escape { at: 6 }),
        ("/%00", InvalidTarget::EncodedNul { at: 1 }),
    ] {
        check(text, Err(InvalidPathPattern::Target(error)));
    }
    let long = "/a".repeat(257);
    check(
        &long,
        Err(InvalidPathPattern::Target(InvalidTarget::TooManySegments {
            count: 257,
        })),
    );
}

#[test]
fn pattern_syntax_of_other_proxies_is_rejected() {
    let segment = |segment: &str| segment.to_owned();
    for (text, error) in [
        ("", InvalidPathPattern::Relative),
        ("a/b", InvalidPathPattern::Relative),
        ("**", InvalidPathPattern::Relative),
        ("/a?b", InvalidPathPattern::Query),
        ("/**/a", InvalidPathPattern::BelowNotLast),
        ("/a/**/", InvalidPathPattern::BelowNotLast),
        ("/a/**/**", InvalidPathPattern::BelowNotLast),
        (
            "/a/*",
            InvalidPathPattern::Star {
                segment: segment("*"),
            },
        ),
        (
            "/a*/b",
            InvalidPathPattern::Star {
                segment: segment("a*"),
            },
        ),
        (
            "/a**",
            InvalidPathPattern::Star {
                segment: segment("a**"),
            },
        ),
        (
            "/v{id}",
            InvalidPathPattern::PartialParameter {
                segment: segment("v{id}"),
            },
        ),
        (
            "/{a}-{b}x",
            InvalidPathPattern::PartialParameter {
                segment: segment("{a}-{b}x"),
            },
        ),
        (
            "/{id",
            InvalidPathPattern::PartialParameter {
                segment: segment("{id"),
            },
        ),
        ("/{}", InvalidPathPattern::ParameterName { name: segment("") }),
        (
            "/{*rest}",
            InvalidPathPattern::ParameterName {
                name: segment("*rest"),
            },
        ),
        ("/{1a}", InvalidPathPattern::ParameterName { name: segment("1a") }),
        (
            "/{a}-{b}",
            InvalidPathPattern::ParameterName {
                name: segment("a}-{b"),
            },
        ),
        (
            "/{a}/x/{a}",
            InvalidPathPattern::DuplicateParameter { name: segment("a") },
        ),
    ] {
        check(text, Err(error));
    }
}

#[test]
fn error_messages_contain_help() {
    for (text, message) in [
        (
            "/a//b",
            "requests are matched in normal form, which would be `/a/b`",
        ),
        (
            "/a/*",
            "`*` has a `*`; one segment is `{name}`, everything below is `/**`, a star is `%2A`",
        ),
        (
            "/a%2fb",
            "requests with such a path are rejected: an encoded slash at byte 2",
        ),
    ] {
        assert_eq!(PathPattern::parse(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn more_specific_pattern_has_precedence() {
    let ordered = [
        ("/a/b/", TrailingSlash::Exact),
        ("/a/b/", TrailingSlash::Either),
        ("/a", TrailingSlash::Exact),
        ("/a/b/{x}", TrailingSlash::Either),
        ("/a/{x}/c", TrailingSlash::Either),
        ("/a/{x}/{y}", TrailingSlash::Exact),
        ("/a/{x}/{y}", TrailingSlash::Either),
        ("/{x}/b/c", TrailingSlash::Either),
        ("/a/b/c/**", TrailingSlash::Either),
        ("/a/b/**", TrailingSlash::Either),
        ("/a/{x}/**", TrailingSlash::Either),
        ("/a/**", TrailingSlash::Either),
        ("/{x}/b/c/d/**", TrailingSlash::Either),
        ("/{x}/**", TrailingSlash::Either),
        ("/**", TrailingSlash::Either),
    ];
    for pair in ordered.windows(2) {
        let [first, second] = pair else { unreachable!() };
        assert!(
            pattern(first.0).specificity(first.1) < pattern(second.0).specificity(second.1),
            "{first:?} before {second:?}"
        );
    }
}

#[test]
fn specificity_ignores_parameter_names_and_spellings() {
    let specificity = |text| pattern(text).specificity(TrailingSlash::Either);
    assert_eq!(specificity("/a/{x}"), specificity("/b/{y}"));
    assert_eq!(pattern("/a:b").segments(), pattern("/a%3Ab").segments());
}
