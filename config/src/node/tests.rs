use rules::{Decimal, InvalidDecimal};

use super::{Scalar, resolve, shorten};

fn number(text: &str) -> Scalar<'_> {
    Scalar::Number(Decimal::parse(text).unwrap())
}

fn check(cases: &[(&str, Scalar<'_>)]) {
    for (text, expected) in cases {
        assert_eq!(resolve(text), *expected, "{text}");
    }
}

#[test]
fn plain_scalars_are_read_by_the_core_schema() {
    check(&[
        ("", Scalar::Null),
        ("~", Scalar::Null),
        ("null", Scalar::Null),
        ("true", Scalar::Boolean(true)),
        ("FALSE", Scalar::Boolean(false)),
        ("0", Scalar::Integer(0)),
        ("-12", Scalar::Integer(-12)),
        ("+7", Scalar::Integer(7)),
        ("0x1F", Scalar::Integer(31)),
        ("0o17", Scalar::Integer(15)),
        ("007", Scalar::Integer(7)),
        ("1.5", number("1.5")),
        (".5", number("0.5")),
        ("1e3", number("1000")),
        ("-1.5E-3", number("-0.0015")),
        ("9007199254740993", Scalar::Integer(9_007_199_254_740_993)),
        ("0xffffffffffffffff", Scalar::Integer(u64::MAX.into())),
        ("9007199254740993.0", number("9007199254740993")),
    ]);
}

#[test]
fn words_that_are_special_in_yaml_1_1_are_texts() {
    for text in [
        "on",
        "off",
        "yes",
        "no",
        "NO",
        "y",
        "2026-12-01",
        "12:30:45",
        "1.2.3",
        "-",
        ".",
        "1_000",
        "0b1",
    ] {
        check(&[(text, Scalar::Text(text))]);
    }
}

#[test]
fn invalid_and_too_large_numbers_are_not_numbers() {
    for text in [".inf", "-.inf", ".nan", "0x", "0xfg", "0o8", "e3", "1e", "--1"] {
        check(&[(text, Scalar::Text(text))]);
    }
    let (digits, range) = (InvalidDecimal::TooManyDigits, InvalidDecimal::OutOfRange);
    for (text, invalid) in [
        ("1e999", range),
        ("-1e-999", range),
        ("12345678901234567890123456789012345", digits),
        ("0.12345678901234567890123456789012345", digits),
        ("0x1ed09bead87c0378d8e6400000000", digits),
        ("0xffffffffffffffffffffffffffffffffffff", digits),
    ] {
        check(&[(text, Scalar::InvalidNumber(invalid))]);
    }
}

#[test]
fn long_texts_are_shortened_to_one_line() {
    assert_eq!(shorten("short"), "short");
    assert_eq!(shorten("two\nlines"), "two...");
    assert_eq!(shorten(&"é".repeat(61)), format!("{}...", "é".repeat(60)));
}
