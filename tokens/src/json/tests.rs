//! Compares the strict reader with serde_json: the same values, fewer documents.

use proptest::prelude::*;
use serde_json::Value;

use super::{InvalidJson, parse};

#[test]
fn unambiguous_documents_are_read_as_serde_json_does() {
    let documents = [
        "null",
        "true",
        "-7",
        "7",
        "1.5",
        "1e3",
        "1e999",
        "0.12345678901234567890123456789012345678901",
        "[-0,{\"a\":123456789012345678901234567890}]",
        "\"\\u00e9\\ud83d\\ude00\"",
        "[]",
        "[1,[2,[\"3\"]],{}]",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":2},{\"a\":3}]}",
        " { \"a\" : 1 } \n",
    ];
    for document in documents {
        assert_eq!(
            parse(document.as_bytes()),
            Ok(serde_json::from_str(document).unwrap()),
            "{document}"
        );
    }
}

#[test]
fn a_repeated_name_is_refused_at_any_depth_and_in_any_spelling() {
    let documents = [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":3}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        r#"[[{"b":1,"b":2}]]"#,
    ];
    for document in documents {
        assert_eq!(
            parse(document.as_bytes()),
            Err(InvalidJson::RepeatedName),
            "{document}"
        );
    }
}

#[test]
fn names_that_serde_json_treats_specially_are_rejected() {
    let documents = [
        r#"{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}"#,
        r#"{"$serde_json::private::RawValue":"1"}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"$serde_json::private::Number":"\u0031"}"#,
        r#"{"$serde_json::private::Number":1}"#,
        r#"{"$serde_json::private::Number":1.5}"#,
        r#"[{"a":1,"\u0024serde_json::private::RawValue":"1"}]"#,
    ];
    for document in documents {
        assert_eq!(parse(document.as_bytes()), Err(InvalidJson::Syntax), "{document}");
    }
}

#[test]
fn invalid_json_is_rejected() {
    let deep = [b"[".repeat(200), b"]".repeat(200)].concat();
    let documents: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{} x",
        b"{\"a\":1,}",
        b"{a:1}",
        b"NaN",
        b"1e",
        b"01",
        b"\"\\ud800\"",
        b"\"\xff\"",
        b"\xef\xbb\xbf{}",
        &deep,
    ];
    for document in documents {
        assert_eq!(
            parse(document),
            Err(InvalidJson::Syntax),
            "{}",
            String::from_utf8_lossy(document)
        );
    }
}

proptest! {
    #[test]
    fn accepted_json_equals_its_serde_json_value(text in r#"[\[\]{}",:ab01\.e\- ntrueflas\\u]{0,40}"#) {
        if let Ok(value) = parse(text.as_bytes()) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
        }
    }
}
