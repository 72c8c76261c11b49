//! Request targets: the normal form has one spelling, hides nothing, and is unchanged by normalising it
//! again.

use std::borrow::Cow;

use rules::{
    EncodedSlash, Host, MAX_PATH, MAX_PATH_SEGMENTS, PathPattern, Reads, Target, TargetOptions, is_plain,
    normalise, readings,
};

/// Checks a normalised target. The first byte selects the meaning of `%2F`; the rest is a target as in a
/// request line.
pub fn target(data: &[u8]) {
    let Some((&choice, raw)) = data.split_first() else {
        return;
    };
    let encoded_slash = match choice % 3 {
        0 => EncodedSlash::Reject,
        1 => EncodedSlash::Decode,
        _ => EncodedSlash::Keep,
    };
    let options = TargetOptions { encoded_slash };
    match normalise(raw, options) {
        Err(invalid) => assert!(!invalid.to_string().is_empty() && !invalid.code().is_empty()),
        Ok(target) => check(raw, &target, options),
    }
}

fn check(raw: &[u8], target: &Target<'_>, options: TargetOptions) {
    let forwarded = target.to_string();
    assert_eq!(
        target.changed,
        forwarded.as_bytes() != raw,
        "what is forwarded is known"
    );
    if let Some(authority) = target.authority {
        Host::parse(authority).expect("an authority that was taken is a host");
    }
    if target.is_asterisk() {
        assert_eq!(raw, b"*");
        return;
    }
    check_path(&target.path, options.encoded_slash);
    let has_kept = target.path.contains("%2F");
    assert!(!has_kept || options.encoded_slash == EncodedSlash::Keep);
    assert_eq!(has_kept, !is_plain(&target.path, Reads::EXACT));
    if has_kept {
        let readings = readings(target.path.as_bytes(), Reads::EXACT).expect("few readings");
        let whole = decoded(&target.path);
        assert!(readings.contains(&whole), "a kept slash is a slash in a reading");
    }
    // The number of readings is bounded, or an error is returned.
    let _ = readings(target.path.as_bytes(), Reads::ALL);
    if let Some(query) = target.query {
        assert!(!query.chars().any(|c| c.is_control() || matches!(c, ' ' | '#')));
    }
    let again = normalise(forwarded.as_bytes(), options).expect("what is forwarded is taken");
    assert_eq!((&again.path, again.query), (&target.path, target.query));
    assert!(!again.changed && again.authority.is_none());
    assert!(
        matches!(again.path, Cow::Borrowed(_)),
        "a normal path is not copied"
    );
    check_meaning(raw, target, options.encoded_slash);
    check_pattern(&target.path);
}

/// Checks the invariants of a forwarded path.
fn check_path(path: &str, encoded_slash: EncodedSlash) {
    assert!(path.starts_with('/') && path.len() <= MAX_PATH, "{path}");
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    assert!(segments.len() <= MAX_PATH_SEGMENTS + 1, "{}", segments.len());
    let (last, others) = segments.split_last().expect("a segment after the slash");
    assert!(
        others.iter().all(|segment| !segment.is_empty()),
        "an empty segment in {path}"
    );
    for segment in others.iter().chain([last]) {
        assert!(
            !matches!(decoded(segment).as_slice(), b"." | b".."),
            "a dot segment in {path}"
        );
    }
    let bytes = path.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_raw = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte);
        assert!(is_raw, "{byte:#x} in {path}");
        if byte == b'%' {
            let digits = bytes.get(at + 1..at + 3).expect("two digits");
            assert!(
                digits
                    .iter()
                    .all(|digit| digit.is_ascii_digit() || (b'A'..=b'F').contains(digit))
            );
            let escaped = unescaped(digits);
            let unreserved = escaped.is_ascii_alphanumeric() || b"-._~".contains(&escaped);
            assert!(!unreserved, "{escaped:#x} is escaped in {path}");
            assert!(!escaped.is_ascii_control() && escaped != b'\\', "{path}");
            assert!(
                escaped != b'/' || encoded_slash == EncodedSlash::Keep,
                "an encoded slash in {path}"
            );
        }
    }
    let text = String::from_utf8(decoded(path)).expect("a path decodes to UTF-8");
    assert!(
        !text.chars().any(char::is_control),
        "a control character in {path}"
    );
}

/// Checks that the path means what was sent, read plainly: decoded once, then resolved segment by segment.
fn check_meaning(raw: &[u8], target: &Target<'_>, encoded_slash: EncodedSlash) {
    let sent = std::str::from_utf8(raw).expect("what was taken is UTF-8");
    let sent = match target.authority {
        Some(authority) => {
            let after = sent.find("://").expect("an absolute form") + 3 + authority.len();
            &sent[after..]
        }
        None => sent,
    };
    let path = sent.split('?').next().unwrap_or_default();
    let path = if encoded_slash == EncodedSlash::Decode {
        path.replace("%2f", "/").replace("%2F", "/")
    } else {
        path.to_owned()
    };
    let mut resolved: Vec<Vec<u8>> = Vec::new();
    let mut ends_open = true;
    for segment in path.split('/').skip(1) {
        let segment = decoded(segment);
        ends_open = matches!(segment.as_slice(), b"" | b"." | b"..");
        match segment.as_slice() {
            b"" | b"." => {}
            b".." => drop(resolved.pop()),
            _ => resolved.push(segment),
        }
    }
    let mut forwarded: Vec<Vec<u8>> = target.path.split('/').skip(1).map(decoded).collect();
    let slash = forwarded.last().is_some_and(Vec::is_empty);
    forwarded.retain(|segment| !segment.is_empty());
    assert_eq!(forwarded, resolved, "{path} became {}", target.path);
    assert_eq!(slash, ends_open, "{path} became {}", target.path);
}

/// Checks that a path parsed as a route's pattern is the same path, unless a star or a brace has a meaning
/// there.
fn check_pattern(path: &str) {
    if path.contains("*") || path.contains("%2F") {
        return;
    }
    let pattern = PathPattern::parse(path).expect("a path that is forwarded can be a route's");
    assert_eq!(pattern.as_str(), path);
}

/// Returns the bytes of a text in which every `%` begins an escape.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            bytes.push(unescaped(tail));
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    bytes
}

fn unescaped(digits: &[u8]) -> u8 {
    let digit = |at: usize| char::from(digits[at]).to_digit(16).expect("a hex digit");
    u8::try_from(digit(0) * 16 + digit(1)).expect("two digits are a byte")
}
