//! The readings of a path: they include the path that any server with unusual habits serves.

use rules::{EncodedSlash, Read, Reads, TargetOptions, is_plain, normalise, readings as readings_of};

/// The byte for a slash that was decoded within a segment, as in `rules`.
const KEPT_SLASH: u8 = 0xFF;
/// The most decodings of a path, as in `rules`.
const MAX_DECODES: usize = 3;

/// Checks that the path a server takes is among the readings. The first byte selects the upstream's `reads`,
/// the next eight the steps of the server; the rest is a target.
pub fn readings(data: &[u8]) {
    let Some((&ways, rest)) = data.split_first() else {
        return;
    };
    let Some((habits, raw)) = rest.split_at_checked(8) else {
        return;
    };
    let reads = Read::ALL
        .into_iter()
        .enumerate()
        .filter(|(place, _)| ways >> place & 1 == 1)
        .fold(Reads::EXACT, |reads, (_, read)| reads.with(read));
    let encoded_slash = if ways & 0x80 == 0 {
        EncodedSlash::Reject
    } else {
        EncodedSlash::Keep
    };
    let Ok(target) = normalise(raw, TargetOptions { encoded_slash }) else {
        return;
    };
    if target.is_asterisk() {
        return;
    }
    let path = target.path.as_bytes();
    let Ok(found) = readings_of(path, reads) else {
        return;
    };
    assert!(!found.is_empty());
    if is_plain(&target.path, reads) {
        let plain = decoded(path, KEPT_SLASH);
        assert_eq!(found, [plain], "a plain path has no reading but itself");
    }
    let exact = readings_of(path, Reads::EXACT).expect("no more than those of more ways");
    assert!(
        exact.iter().all(|path| found.contains(path)),
        "who reads in more ways reads plainly as well: {exact:?} {found:?}"
    );
    let taken = serve(path, reads, habits);
    assert!(
        found.contains(&taken),
        "a server took {:?} for {:?}, {habits:?}",
        target.path,
        String::from_utf8_lossy(&taken)
    );
}

/// Returns the path that a server with these habits takes `path` for. Habits outside `reads` are skipped.
fn serve(path: &[u8], reads: Reads, habits: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    let mut decodes = 0;
    let again = reads.contains(Read::Decode);
    for habit in habits {
        path = match habit % 9 {
            0 if decodes == 0 || again && decodes < MAX_DECODES => {
                decodes += 1;
                decoded(&path, b'/')
            }
            1 if reads.contains(Read::Params) => {
                let segments = path.split(|&byte| byte == b'/');
                let cut = segments.map(|segment| before(segment, b";"));
                cut.collect::<Vec<_>>().join(&b'/')
            }
            2 if reads.contains(Read::Backslash) => path
                .iter()
                .map(|&byte| if byte == b'\\' { b'/' } else { byte })
                .collect(),
            3 if reads.contains(Read::Trailing) => before(&path, b"\0").to_vec(),
            4 => merged(&path),
            5 => resolved(&path),
            6 if again && decodes > 0 => before(&path, b"?#").to_vec(),
            7 if reads.contains(Read::Params) => before(&path, b";").to_vec(),
            8 if reads.contains(Read::Suffix) => without_suffix(&path),
            _ => path,
        };
    }
    // A server that has not decoded yet does so last, after splitting the path.
    if decodes == 0 {
        decoded(&path, KEPT_SLASH)
    } else {
        path
    }
}

fn decoded(path: &[u8], slash: u8) -> Vec<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match tail {
            [high, low, ..] if first == b'%' => {
                digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low)
            }
            _ => None,
        };
        match escaped {
            Some(b'/') => decoded.push(slash),
            Some(byte) => decoded.push(byte),
            None => decoded.push(first),
        }
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

fn before<'b>(text: &'b [u8], ends: &[u8]) -> &'b [u8] {
    text.split(|byte| ends.contains(byte)).next().unwrap_or_default()
}

/// Returns the path without the format at the end of its last segment.
fn without_suffix(path: &[u8]) -> Vec<u8> {
    let (inner, slash) = match path.strip_suffix(b"/") {
        Some(inner) => (inner, &b"/"[..]),
        None => (path, &b""[..]),
    };
    let format = inner.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_format = format.len() < inner.len() && (1..=16).contains(&format.len()) && !format.contains(&b'/');
    if is_format {
        [&inner[..inner.len() - format.len() - 1], slash].concat()
    } else {
        path.to_vec()
    }
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut merged: Vec<u8> = Vec::new();
    for &byte in path {
        if byte != b'/' || merged.last() != Some(&b'/') {
            merged.push(byte);
        }
    }
    merged
}

/// Removes dot segments as RFC 3986 section 5.2.4 describes, step by step.
fn resolved(path: &[u8]) -> Vec<u8> {
    let mut input = path.to_vec();
    let mut output: Vec<u8> = Vec::new();
    while !input.is_empty() {
        if input.starts_with(b"/./") {
            input.drain(..2);
        } else if input == b"/." {
            input = b"/".to_vec();
        } else if input.starts_with(b"/../") {
            input.drain(..3);
            output.truncate(output.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
        } else if input == b"/.." {
            input = b"/".to_vec();
            output.truncate(output.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
        } else {
            let end = input.iter().skip(1).position(|&byte| byte == b'/');
            let segment = input.drain(..end.map_or(input.len(), |end| end + 1));
            output.extend(segment);
        }
    }
    output
}
