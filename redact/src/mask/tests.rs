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

/// Returns a line of JSON with a member for each text, and the places of their values, with the quotes.
fn line(texts: &[String]) -> (Vec<u8>, Vec<Range<usize>>) {
    let (mut line, mut places) = (b"{\"request_id\":\"4bf92f3577b34da6\"".to_vec(), Vec::new());
    for (text, name) in texts.iter().zip(["host", "path", "query", "user"]) {
        line.extend_from_slice(format!(",\"{name}\":").as_bytes());
        let start = line.len();
        serde_json::to_writer(&mut line, text).unwrap();
        places.push(start..line.len());
    }
    line.extend_from_slice(b",\"status\":200,\"outcome\":\"forwarded\"}");
    (line, places)
}

proptest! {
    #[test]
    fn masking_the_values_is_masking_the_line(texts in prop::collection::vec(texts(), 4)) {
        let (mut whole, places) = line(&texts);
        let mut values = whole.clone();
        mask_bytes(&mut whole, TextFormat::Json);
        mask_within(&mut values, places, TextFormat::Json);
        prop_assert_eq!(String::from_utf8(values), String::from_utf8(whole));
    }
}

#[test]
fn secret_outside_of_the_places_is_not_looked_for() {
    let mut text = *b"token=abc token=def token=ghi";
    let places = [0..3, 10..19, 90..99];
    mask_within(&mut text, places, TextFormat::Text);
    assert_eq!(&text, b"token=abc token=*** token=ghi");
}

#[test]
fn secret_that_ends_behind_its_place_is_masked_whole() {
    let mut text = *b"token=abc token=def";
    mask_within(&mut text, std::iter::once(4..7), TextFormat::Text);
    assert_eq!(&text, b"token=*** token=def");
}

#[test]
fn search_goes_on_behind_a_secret_in_a_later_place() {
    let mut text = *b"-----BEGIN \",\"Bearer abc1 PRIVATE KEY-----\\nMHcC";
    let mut whole = text;
    mask_bytes(&mut whole, TextFormat::Json);
    let places = [0..11, 14..text.len()];
    mask_within(&mut text, places, TextFormat::Json);
    assert_eq!(text, whole);
    assert!(text.ends_with(b"******"));
}

#[test]
fn blank_keeps_the_lines() {
    assert_eq!(blank("a\u{e9}\nb"), "***\n*");
}
