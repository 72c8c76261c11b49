use super::*;
use crate::node::Span;

/// Returns a secret value with this text.
fn secret(text: &str) -> SecretValue {
    SecretValue {
        at: Span::default(),
        span: Span::default(),
        text: text.to_owned(),
        is_key: false,
    }
}

#[test]
fn help_contains_no_mask() {
    let secret = secret("hunter2");
    let masked = |text: &str| mask_help(text, &[&secret]);
    assert_eq!(
        masked("to write this text, put it in quotes: `\"hunter2\"`").as_deref(),
        Some("to write this text, put it in quotes")
    );
    assert_eq!(
        masked("set `hunter2` where sluice is started").as_deref(),
        Some("set it where sluice is started")
    );
    assert_eq!(masked("write `a` or `b`").as_deref(), Some("write `a` or `b`"));
    assert_eq!(mask_help("token=abcdef", &[]), None);
}

#[test]
fn quotations_of_a_secret_are_masked_in_messages() {
    let check = |text: &str, quoting: &str, expected: &str| {
        assert_eq!(mask_message(quoting, &secret(text)), expected)
    };
    check(
        "hunter2",
        "`keys` takes a source of keys, not the text `hunter2`",
        "`keys` takes a source of keys, not the text `*******`",
    );
    check(
        "ab",
        "put it in quotes: `\"ab\"`, about `ab`",
        "put it in quotes: `\"**\"`, about `**`",
    );
    check(
        "a\nb2345",
        "the text `a...` or `\"a\\nb2345\"`",
        "the text `*...` or `\"********\"`",
    );
    check(
        &"x".repeat(80),
        &format!("write a list: `[{}...]`", "x".repeat(60)),
        &format!("write a list: `[{}...]`", "*".repeat(60)),
    );
    let long = "x".repeat(80);
    let quoting = format!("the text `{}...`", &long[..60]);
    check(&long, &quoting, &format!("the text `{}...`", "*".repeat(60)));
    check(
        "ops:secret",
        "`ops:sec...` and `https://ops:secr...`",
        "`*******...` and `https://********...`",
    );
}
