use super::*;

fn check(source: &str, text: &str, expected: bool) {
    assert_eq!(
        Pattern::parse(source).unwrap().is_match(text),
        expected,
        "{source} on {text}"
    );
}

#[test]
fn matches_anywhere_unless_anchored() {
    check("b+", "abbbc", true);
    check("^b+$", "abbbc", false);
    check("^$", "", true);
    check(r"^\d{3}-\w+$", "123-größe", true);
    check("(?i)ACME", "the acme corp", true);
    check("x", "", false);
}

#[test]
fn regex_without_linear_time_is_rejected_with_reason() {
    let cases = [
        (r"(a)\1", "backreferences are not supported"),
        (
            r"(?=a)",
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        ("(", "unclosed group"),
    ];
    for (source, reason) in cases {
        assert_eq!(
            Pattern::parse(source),
            Err(InvalidPattern::Syntax {
                reason: reason.into()
            }),
            "{source}"
        );
    }
}

#[test]
fn regex_over_the_size_limit_is_rejected() {
    assert!(matches!(
        Pattern::parse(r"\bword\b"),
        Err(InvalidPattern::TooComplex { .. })
    ));
    assert!(matches!(
        Pattern::parse(r"[01]*1[01]{40}"),
        Err(InvalidPattern::TooComplex { .. })
    ));
    assert!(matches!(
        Pattern::parse(r"\w{1000}{1000}"),
        Err(InvalidPattern::Syntax { .. } | InvalidPattern::TooComplex { .. })
    ));
    assert_eq!(
        Pattern::parse(&"a".repeat(MAX_PATTERN + 1)),
        Err(InvalidPattern::TooLong { length: 1_001 })
    );
}
