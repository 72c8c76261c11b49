use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::tests::spec_cases;

const OPTIONS: [EncodedSlash; 3] = [EncodedSlash::Reject, EncodedSlash::Decode, EncodedSlash::Keep];

fn read(raw: &[u8], encoded_slash: EncodedSlash) -> Result<Target<'_>, InvalidTarget> {
    normalise(raw, TargetOptions { encoded_slash })
}

fn raw_of(case: &Value) -> Vec<u8> {
    match case["raw_hex"].as_str() {
        Some(hex) => (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
            .collect(),
        None => case["raw"].as_str().unwrap().as_bytes().to_vec(),
    }
}

fn check(case: &Value) {
    const FIELDS: [&str; 8] = [
        "name",
        "raw",
        "raw_hex",
        "encoded_slash",
        "error",
        "path",
        "query",
        "authority",
    ];
    let name = case["name"].as_str().unwrap();
    for field in case.as_object().unwrap().keys() {
        assert!(FIELDS.contains(&&**field), "{name}: unknown field {field}");
    }
    let encoded_slash = match case["encoded_slash"].as_str() {
        None | Some("reject") => EncodedSlash::Reject,
        Some("decode") => EncodedSlash::Decode,
        Some("keep") => EncodedSlash::Keep,
        Some(other) => panic!("{name}: {other}"),
    };
    let raw = raw_of(case);
    match read(&raw, encoded_slash) {
        Err(error) => assert_eq!(Some(error.code()), case["error"].as_str(), "{name}"),
        Ok(target) => {
            assert_eq!(None, case["error"].as_str(), "{name}: {target:?}");
            assert_eq!(Some(&*target.path), case["path"].as_str(), "{name}");
            assert_eq!(target.query, case["query"].as_str(), "{name}");
            assert_eq!(target.authority, case["authority"].as_str(), "{name}");
            assert_eq!(target.changed, target.to_string().as_bytes() != raw, "{name}");
        }
    }
}

#[test]
fn request_targets_match_the_spec_file() {
    let cases = spec_cases("target");
    cases.iter().for_each(check);
    assert!(cases.len() >= 140, "only {} cases", cases.len());
}

#[test]
fn a_path_that_is_normal_is_borrowed() {
    for raw in [
        "/",
        "/a/b/c?x=1",
        "/a%20b/%C3%A9/",
        "/v1/things:export",
        "*",
        "/a%2Fb",
    ] {
        let target = read(raw.as_bytes(), EncodedSlash::Keep).unwrap();
        assert!(matches!(target.path, Cow::Borrowed(_)), "{raw}");
        assert!(!target.changed, "{raw}");
    }
}

#[test]
fn error_offset_is_an_index_into_the_received_target() {
    let cases: [(&str, InvalidTarget); 5] = [
        ("/ab%00", InvalidTarget::EncodedNul { at: 3 }),
        ("http://h/a%2f", InvalidTarget::EncodedSlash { at: 10 }),
        ("/é\\", InvalidTarget::Backslash { at: 3 }),
        ("/a?b#", InvalidTarget::Fragment { at: 4 }),
        ("/a/%C3%zz", InvalidTarget::Escape { at: 6 }),
    ];
    for (raw, expected) in cases {
        assert_eq!(read(raw.as_bytes(), EncodedSlash::Reject), Err(expected), "{raw}");
    }
}

#[test]
fn path_has_a_maximum_length() {
    let path = |length: usize| format!("/{}", "a".repeat(length - 1));
    assert!(read(path(MAX_PATH).as_bytes(), EncodedSlash::Reject).is_ok());
    assert_eq!(
        read(path(MAX_PATH + 1).as_bytes(), EncodedSlash::Reject),
        Err(InvalidTarget::PathTooLong { length: MAX_PATH + 1 })
    );
    let grows = format!("/{}", "é".repeat(2_000));
    assert_eq!(
        read(grows.as_bytes(), EncodedSlash::Reject),
        Err(InvalidTarget::PathTooLong { length: 12_001 })
    );
    let shrinks = "/".repeat(MAX_PATH + 1);
    assert_eq!(
        read(shrinks.as_bytes(), EncodedSlash::Reject),
        Err(InvalidTarget::PathTooLong { length: MAX_PATH + 1 })
    );
    let with_query = format!("/a?{}", "q".repeat(MAX_PATH));
    assert!(
        read(with_query.as_bytes(), EncodedSlash::Reject).is_ok(),
        "a query is limited with the head"
    );
}

#[test]
fn path_has_a_maximum_number_of_segments() {
    let path = |count: usize| "/a".repeat(count);
    assert!(read(path(MAX_PATH_SEGMENTS).as_bytes(), EncodedSlash::Reject).is_ok());
    let expected = Err(InvalidTarget::TooManySegments {
        count: MAX_PATH_SEGMENTS + 1,
    });
    assert_eq!(
        read(path(MAX_PATH_SEGMENTS + 1).as_bytes(), EncodedSlash::Reject),
        expected
    );
    let kept = format!("/{}a", "a%2F".repeat(MAX_PATH_SEGMENTS));
    assert_eq!(read(kept.as_bytes(), EncodedSlash::Decode), expected);
}

#[test]
fn asterisk_form_is_recognised() {
    assert!(read(b"*", EncodedSlash::Reject).unwrap().is_asterisk());
    let target = read(b"/a%2Fb?q", EncodedSlash::Keep).unwrap();
    assert!(!target.is_asterisk());
    assert_eq!(target.to_string(), "/a%2Fb?q");
}

/// Targets near the edges: pieces that mean something, in any order.
fn targets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "/", "/", "/", ".", "..", "%2e", "%2E", "%2f", "%2F", "a", "b", "%61", "%C3%A9", "%c3%a9", "é", "%20",
            "%252e", "%3a", ":", ";", "{", "?", "%25",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(vec!["\\", "%5c", "%00", "%", "#", " ", "%FF", "%7f", "\u{85}", "http://h"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| [b"/".to_vec(), pieces.concat()].concat())
}

fn check_path(path: &str, slashes_kept: bool) {
    assert!(path.starts_with('/') && path.is_ascii(), "{path}");
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (nth, segment) in segments.iter().enumerate() {
        assert!(!matches!(*segment, "." | ".."), "{path}");
        assert!(!segment.is_empty() || nth + 1 == segments.len(), "{path}");
    }
    assert!(
        !path.contains(|c: char| c.is_control() || " \\#?\"<>[]^`{|}".contains(c)),
        "{path}"
    );
    for (at, _) in path.match_indices('%') {
        let digits = &path[at + 1..at + 3];
        assert!(
            digits
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')),
            "{path}"
        );
        let byte = u8::from_str_radix(digits, 16).unwrap();
        assert!(!byte.is_ascii_control() && byte != b'\\', "{path}");
        assert!(
            !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte),
            "{path}"
        );
        assert!(slashes_kept || byte != b'/', "{path}");
    }
}

/// Returns the meaning of a path, computed slowly: every byte decoded, then slashes and dots resolved.
fn meaning(path: &str) -> (Vec<Vec<u8>>, bool) {
    let (mut bytes, mut rest) = (Vec::new(), path.as_bytes());
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let mut directory = true;
    for segment in bytes.split(|byte| *byte == b'/').skip(1) {
        directory = matches!(segment, b"" | b"." | b"..");
        match segment {
            b".." => drop(segments.pop()),
            _ if directory => {}
            _ => segments.push(segment.to_vec()),
        }
    }
    (segments, directory)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn parsing_a_target_never_panics(raw in prop::collection::vec(any::<u8>(), 0..64)) {
        for slash in OPTIONS {
            let _ = read(&raw, slash);
        }
    }

    #[test]
    fn parsed_path_is_in_normal_form(raw in targets()) {
        for slash in OPTIONS {
            let Ok(target) = read(&raw, slash) else { continue };
            check_path(&target.path, slash == EncodedSlash::Keep);
        }
    }

    #[test]
    fn forwarded_target_parses_to_itself(raw in targets()) {
        for slash in OPTIONS {
            let Ok(first) = read(&raw, slash) else { continue };
            let forwarded = first.to_string();
            let second = read(forwarded.as_bytes(), slash).unwrap();
            prop_assert!(!second.changed, "{forwarded}");
            prop_assert_eq!(&second.path, &first.path);
            prop_assert_eq!(second.query, first.query);
        }
    }

    #[test]
    fn matched_path_equals_the_forwarded_path(raw in targets()) {
        for slash in OPTIONS {
            let Ok(target) = read(&raw, slash) else { continue };
            let forwarded = target.to_string();
            prop_assert_eq!(forwarded.split('?').next(), Some(&*target.path));
        }
    }

    #[test]
    fn parsed_path_equals_a_simple_decoder(raw in targets()) {
        let Ok(target) = read(&raw, EncodedSlash::Decode) else { return Ok(()) };
        let text = std::str::from_utf8(&raw).unwrap();
        let sent = text.split('?').next().unwrap();
        prop_assert_eq!(meaning(&target.path), meaning(sent));
    }
}
