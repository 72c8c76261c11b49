use std::cmp::Ordering;

use proptest::prelude::*;

use super::{Decimal, InvalidDecimal, MAX_DIGITS};

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"))
}

#[test]
fn spellings_of_one_number_are_the_same_bits_and_have_one_text() {
    for (text, spellings) in [
        (
            "0",
            &["0.0", "-0", "-0.0", "+0", "0e99999999999999999999", "000", "-.0"][..],
        ),
        (
            "1",
            &[
                "1.0", "1.000", "+1", "01", "1e0", "10e-1", "0.1e1", "1E+0", "1.", "1e-0",
            ],
        ),
        ("1000", &["1e3", "1E3", "1e+3", "1000.0", "0.001e6"]),
        ("0.1", &[".1", "1e-1", "0.10", "00.1", "0.100e0"]),
        ("-1.5", &["-1.50", "-15e-1", "-0.15e1"]),
        ("0.000001", &["1e-6", "0.0000010"]),
        ("1e-7", &["0.0000001", "10e-8"]),
        ("-1.25e-9", &["-0.00000000125"]),
        (
            "9007199254740993",
            &["9007199254740993.0", "9.007199254740993e15"],
        ),
        ("1000000000000000000000", &["1e21", "1000000000000000000000"]),
        (
            "1e34",
            &["10e33", "1000000000000000000000000000000000e1", "1e+34"],
        ),
        ("-1.5e40", &["-15e39"]),
        ("1e308", &["1000e305"]),
        ("1e-324", &["0.01e-322"]),
        (
            "9999999999999999999999999999999999",
            &["9999999999999999999999999999999.999e3"],
        ),
    ] {
        assert_eq!(number(text).to_string(), text);
        for spelling in spellings {
            assert_eq!(number(spelling), number(text), "{spelling}");
            assert_eq!(number(spelling).to_string(), text, "{spelling}");
        }
    }
}

#[test]
fn integers_convert_to_equal_decimals() {
    assert_eq!(Decimal::from(u64::MAX), number("18446744073709551615"));
    assert_eq!(Decimal::from(i64::MIN), number("-9223372036854775808"));
    assert_eq!(Decimal::from(0_i64), Decimal::ZERO);
    assert_eq!(Decimal::try_from(-31_i128), Ok(number("-31")));
    let longest = 10_i128.pow(34) - 1;
    assert_eq!(Decimal::try_from(longest), Ok(number(&longest.to_string())));
    let too_long = Err(InvalidDecimal::TooManyDigits);
    assert_eq!(Decimal::try_from(longest + 1), too_long);
    assert_eq!(Decimal::try_from(i128::MIN), too_long);
}

#[test]
fn non_finite_numbers_are_rejected() {
    for text in [
        "", "+", "-", ".", "e1", ".e1", "1e", "1e+", "1.2.3", "1e1.5", "--1", "1 ", " 1", "1_0", "0x1f",
        "NaN", ".nan", "inf", "-.inf", "Infinity", "1e1e1", "١",
    ] {
        assert_eq!(Decimal::parse(text), Err(InvalidDecimal::Syntax), "{text}");
    }
}

#[test]
fn decimals_have_at_most_34_digits() {
    for text in [
        "1".repeat(MAX_DIGITS + 1),
        format!("1{}", "0".repeat(MAX_DIGITS)),
        format!("0.{}", "3".repeat(40)),
        format!("-1.{}", "0".repeat(40)),
        "7".repeat(100_000),
    ] {
        assert_eq!(Decimal::parse(&text), Err(InvalidDecimal::TooManyDigits));
    }
    for text in [
        "1".repeat(MAX_DIGITS),
        format!("{}1", "0".repeat(100)),
        format!("0.{}1", "0".repeat(99)),
    ] {
        assert!(Decimal::parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn a_power_of_ten_beyond_doubles_is_refused_in_each_spelling() {
    let zeros = "0".repeat(100_000);
    for text in [
        "1e309",
        "-1e309",
        "10e308",
        "1e-325",
        "0.1e-324",
        "1e999999999",
        "1e-999999999",
        "1e99999999999999999999999999",
        "-1e-99999999999999999999999999",
        "1e9223372036854775807",
        "0.1e-9223372036854775808",
        &format!("0.{zeros}1"),
        &format!("1e{zeros}309"),
    ] {
        assert_eq!(Decimal::parse(text), Err(InvalidDecimal::OutOfRange));
    }
}

#[test]
fn conversion_to_thousandths_is_exact_or_fails() {
    for (text, expected) in [
        ("0", Some(0)),
        ("25", Some(25_000)),
        ("33.333", Some(33_333)),
        ("100", Some(100_000)),
        ("0.001", Some(1)),
        ("0.0001", None),
        ("25.00000000000000000000001", None),
        ("-1", None),
        ("1e308", None),
    ] {
        assert_eq!(number(text).thousandths(), expected, "{text}");
    }
}

/// Compares the texts as whole numbers with all decimal digits. Shares no code with the code under test.
fn compare_by_digits(left: &str, right: &str) -> Ordering {
    let (left, right) = (Digits::of(left), Digits::of(right));
    let least = left.power.min(right.power);
    let (left, right) = (left.whole(least), right.whole(least));
    let magnitude = |one: &str, other: &str| one.len().cmp(&other.len()).then(one.cmp(other));
    match (left.strip_prefix('-'), right.strip_prefix('-')) {
        (None, None) => magnitude(&left, &right),
        (Some(left), Some(right)) => magnitude(right, left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}

/// The digits of a text without its point, and the power of ten of the last.
struct Digits {
    sign: &'static str,
    digits: String,
    power: i32,
}

impl Digits {
    fn of(text: &str) -> Self {
        let sign = if text.starts_with('-') { "-" } else { "" };
        let (mantissa, power) = text.trim_start_matches('-').split_once('e').unwrap();
        let (whole, fraction) = mantissa.split_once('.').unwrap();
        let power = power.parse::<i32>().unwrap() - i32::try_from(fraction.len()).unwrap();
        Self {
            sign,
            digits: format!("{whole}{fraction}"),
            power,
        }
    }

    /// Returns all digits of the number down to the power `least`; 0 without a sign.
    fn whole(&self, least: i32) -> String {
        let zeros = usize::try_from(self.power - least).unwrap();
        let digits = format!("{}{}", self.digits, "0".repeat(zeros));
        match digits.trim_start_matches('0') {
            "" => "0".to_owned(),
            digits => format!("{}{digits}", self.sign),
        }
    }
}

/// Generates a number with point and exponent, of few digits so that equal ones occur, or of many.
fn any_number() -> impl Strategy<Value = String> {
    let fraction = prop_oneof!["[0-9]{1,3}", "[0-9]{1,20}"];
    let power = prop_oneof![Just(0), -4..=4_i32, -40..=40_i32, -280..=270_i32];
    ("-?", "[0-9]{1,14}", fraction, power)
        .prop_map(|(sign, whole, fraction, power)| format!("{sign}{whole}.{fraction}e{power}"))
}

/// Generates two numbers, the second often a neighbour of the first, or the first in another spelling.
fn any_two() -> impl Strategy<Value = (String, String)> {
    let neighbour = any_number().prop_flat_map(|text| {
        let digits = Digits::of(&text);
        let value: i128 = format!("{}{}", digits.sign, digits.digits).parse().unwrap();
        let shifted = (0..=3_u32, -1..=1_i128).prop_map(move |(zeros, step)| {
            let value = value * 10_i128.pow(zeros) + step;
            let sign = if value < 0 { "-" } else { "" };
            let power = digits.power - i32::try_from(zeros).unwrap() + 1;
            format!(
                "{sign}{}.{}e{power}",
                value.unsigned_abs() / 10,
                value.unsigned_abs() % 10
            )
        });
        (Just(text), shifted)
    });
    prop_oneof![(any_number(), any_number()), neighbour]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn decimals_compare_by_their_digits((left, right) in any_two()) {
        if let (Ok(one), Ok(other)) = (Decimal::parse(&left), Decimal::parse(&right)) {
            let expected = compare_by_digits(&left, &right);
            prop_assert_eq!(one.cmp(&other), expected, "{} and {}", left, right);
            prop_assert_eq!(other.cmp(&one), expected.reverse(), "{} and {}", right, left);
            prop_assert_eq!(one == other, expected.is_eq(), "{} and {}", left, right);
        }
    }

    #[test]
    fn whole_decimals_compare_like_integers(left in any::<i64>(), right in any::<i64>()) {
        for right in [right, left, left.saturating_add(1)] {
            prop_assert_eq!(Decimal::from(left).cmp(&Decimal::from(right)), left.cmp(&right));
            prop_assert_eq!(number(&left.to_string()), Decimal::from(left));
        }
    }

    #[test]
    fn doubles_convert_to_decimals_and_keep_their_order(bits in any::<u64>(), step in 0..3_u64) {
        let (left, right) = (f64::from_bits(bits), f64::from_bits(bits.saturating_add(step)));
        if left.is_finite() && right.is_finite() {
            let texts = [left, right].map(|double| serde_json::json!(double).to_string());
            let order = left.partial_cmp(&right).unwrap();
            prop_assert_eq!(number(&texts[0]).cmp(&number(&texts[1])), order, "{:?}", texts);
        }
    }

    #[test]
    fn text_of_a_decimal_is_an_equal_json_number(text in any_number()) {
        if let Ok(number) = Decimal::parse(&text) {
            let shown = number.to_string();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&shown).unwrap().is_number(), "{}", shown);
            prop_assert_eq!(Decimal::parse(&shown), Ok(number), "{}", shown);
        }
    }

    #[test]
    fn any_text_parses_or_is_rejected(text in "[-+]?[0-9.eE+-]{0,60}") {
        if let Ok(number) = Decimal::parse(&text) {
            prop_assert_eq!(Decimal::parse(&number.to_string()), Ok(number));
        }
    }
}
