//! A mask keeps the length, the lines and the form of what it is in, whatever the text.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Parts of secrets, and of lines that hold secrets.
const PARTS: &[&str] = &[
    "eyJhbGciOiJFUzI1NiJ9",
    ".",
    "Bearer ",
    "Basic ",
    "dTpw",
    "://",
    "@",
    "\"",
    "\\",
    "'",
    "=",
    ":",
    " ",
    "%20",
    "\n",
    "token",
    "password",
    "authorization",
    "\"cookie\"",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "-----END ",
    "sluice_",
    "AbC123dEf456GhI789",
    "\u{e9}",
    "{",
    "}",
    "&",
    "ghp_",
    "${",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// One secret of each shape that needs nothing before it.
const SECRETS: &[&str] = &[
    "eyJhbGciOiJFUzI1NiJ9.eyJvcmciOiJhY21lIn0.c2lnbmF0dXJl",
    "sluice_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE",
    "Bearer s3cret",
    "Basic dTpw",
    "https://u:p@host",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "password=hunter2",
];

/// Texts with much of what secrets are made of.
fn texts() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![4 => prop::sample::select(PARTS).prop_map(str::to_owned), 1 => ".{0,4}"],
        0..24,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_mask_keeps_the_length_and_the_lines(text in texts()) {
        let masked = masked(&text);
        prop_assert_eq!(masked.len(), text.len());
        let breaks = |text: &str| text.match_indices('\n').map(|(at, _)| at).collect::<Vec<_>>();
        prop_assert_eq!(breaks(&masked), breaks(&text));
    }

    #[test]
    fn secret_is_masked_in_any_surrounding_text(
        before in "[ a-z.,:()`\n]{0,20}[ (`:,]",
        after in "([ )`,\n][ a-z.,:()`\n]{0,20})?",
        secret in prop::sample::select(SECRETS),
    ) {
        let text = format!("{before}{secret}{after}");
        prop_assert!(!masked(&text).contains(secret), "{}", masked(&text));
    }

    #[test]
    fn a_line_of_json_stays_one_with_the_same_members(path in texts(), user in texts()) {
        let mut line = serde_json::to_vec(&json!({ "path": path, "user": user, "status": 200 })).unwrap();
        mask_bytes(&mut line, TextFormat::Json);
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        prop_assert_eq!(read.as_object().unwrap().len(), 3);
        prop_assert_eq!(&read["status"], &json!(200));
    }
}

#[test]
fn blank_keeps_the_lines() {
    assert_eq!(blank("a\u{e9}\nb"), "***\n*");
}
