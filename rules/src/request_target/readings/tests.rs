use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::tests::spec_cases;
use crate::{EncodedSlash, TargetOptions, normalise};

fn texts(case: &Value, field: &str) -> Vec<String> {
    let list = case[field].as_array().unwrap();
    list.iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

fn check(case: &Value) {
    let name = case["name"].as_str().unwrap();
    let path = case["path"].as_str().unwrap();
    let options = TargetOptions {
        encoded_slash: EncodedSlash::Keep,
    };
    let target = normalise(path.as_bytes(), options).unwrap();
    assert!(!target.changed, "{name}: no path is forwarded so");
    let named = |text: &String| Read::ALL.into_iter().find(|read| read.as_str() == text).unwrap();
    let reads: Reads = texts(case, "reads").iter().map(named).collect();
    let mut found = readings(path.as_bytes(), reads).unwrap();
    if reads.contains(Read::Fold) {
        found.extend(found.clone().into_iter().map(step::fold));
    }
    let found: Vec<_> = found.iter().map(|path| String::from_utf8_lossy(path)).collect();
    for expected in texts(case, "readings") {
        assert!(
            found.iter().any(|path| *path == expected),
            "{name}: no {expected} in {found:?}"
        );
    }
    for wrong in texts(case, "never") {
        assert!(
            !found.iter().any(|path| *path == wrong),
            "{name}: {wrong} in {found:?}"
        );
    }
    let decoded = found.iter().any(|reading| reading != path);
    assert!(
        reads == Reads::EXACT || decoded != is_plain(path, reads),
        "{name}: {found:?}"
    );
}

#[test]
fn readings_match_the_spec_file() {
    let cases = spec_cases("readings");
    cases.iter().for_each(check);
    assert!(cases.len() >= 30, "only {} cases", cases.len());
}

#[test]
fn usual_path_has_one_reading() {
    for path in [
        "/",
        "/a/b.c/d-e_f~g",
        "/v1/things:export",
        "/a/$b",
        "/a/b.seventeen-letters",
        "/@x/y,z=1+2&3",
    ] {
        assert!(is_plain(path, Reads::ALL), "{path}");
        assert_eq!(
            readings(path.as_bytes(), Reads::ALL),
            Ok(vec![path.as_bytes().to_vec()])
        );
    }
    for path in [
        "/A",
        "/a%20b",
        "/a;b",
        "/a.",
        "/a./b",
        "/a::$DATA",
        "/a.b",
        "/a.b/",
    ] {
        assert!(!is_plain(path, Reads::ALL), "{path}");
    }
    assert!(is_plain("/A;x./::$DATA%20%25", Reads::EXACT));
    assert!(!is_plain("/a%2Fb", Reads::EXACT));
}

#[test]
fn a_path_with_too_many_readings_is_refused_quickly() {
    let nested = format!("/{}61dmin", "%25".repeat(2_000));
    assert!(
        readings(nested.as_bytes(), Reads::ALL).is_ok(),
        "however often it is encoded"
    );
    let long = format!(
        "/{}",
        "%25C0%25AF%25c0%25ae%3B/x;y/%252F..%253b%25252f%EF%BD%81b/.../c.%20/".repeat(40)
    );
    assert_eq!(
        readings(long.as_bytes(), Reads::ALL).map(|paths| paths.len()),
        Err(TooManyReadings)
    );
}

/// A single step of a server.
#[derive(Debug, Clone, Copy)]
enum Habit {
    Decode,
    DecodeWithUnicode,
    DecodeFully,
    CutQuery,
    DropParams,
    CutParams,
    Backslash,
    Unicode,
    Trim,
    TrimLast,
    CutNul,
    Streams,
    Suffix,
    Merge,
    Resolve,
    ResolveAfterMerging,
    ResolveBeforeMerging,
}

impl Habit {
    const ALL: [Self; 17] = [
        Self::Decode,
        Self::DecodeWithUnicode,
        Self::DecodeFully,
        Self::CutQuery,
        Self::DropParams,
        Self::CutParams,
        Self::Backslash,
        Self::Unicode,
        Self::Trim,
        Self::TrimLast,
        Self::CutNul,
        Self::Streams,
        Self::Suffix,
        Self::Merge,
        Self::Resolve,
        Self::ResolveAfterMerging,
        Self::ResolveBeforeMerging,
    ];
}

/// Applies a habit in the simplest way, by characters of Latin-1, so that bytes are kept.
fn apply(habit: Habit, path: &str) -> String {
    let each = |cut: &dyn Fn(&str) -> String| {
        let segments: Vec<String> = path.split('/').map(cut).collect();
        segments.join("/")
    };
    let until = |text: &str, ends: &[char]| text.split(ends).next().unwrap().to_owned();
    match habit {
        Habit::Decode => decode(path, false),
        Habit::DecodeWithUnicode => decode(path, true),
        Habit::DecodeFully => {
            let mut path = path.to_owned();
            while decode(&path, false) != path {
                path = decode(&path, false);
            }
            path
        }
        Habit::CutQuery => until(path, &['?', '#']),
        Habit::DropParams => each(&|segment| until(segment, &[';'])),
        Habit::CutParams => until(path, &[';']),
        Habit::Backslash => path.replace('\\', "/"),
        Habit::Unicode => path
            .replace("\u{C0}\u{AF}", "/")
            .replace("\u{E0}\u{80}\u{AF}", "/")
            .replace("\u{C0}\u{AE}", ".")
            .replace("%u002e", ".")
            .replace("%u002f", "/")
            .replace("%u005c", "\\")
            .replace("%u0061", "a"),
        Habit::Trim => each(&|segment| match segment {
            "." | ".." => segment.to_owned(),
            _ => segment.trim_end_matches(['.', ' ', '\0']).to_owned(),
        }),
        Habit::TrimLast => each(&|segment| {
            let bare = segment.trim_end_matches([' ', '\0']);
            if matches!(bare, "." | "..") {
                bare.to_owned()
            } else {
                segment.to_owned()
            }
        }),
        Habit::CutNul => until(path, &['\0']),
        Habit::Streams => each(&|segment| segment.trim_end_matches("::$DATA").to_owned()),
        Habit::Suffix => without_suffix(path),
        Habit::Merge => merge(path),
        Habit::Resolve => resolve(path),
        Habit::ResolveAfterMerging => resolve(&merge(path)),
        Habit::ResolveBeforeMerging => merge(&resolve(path)),
    }
}

/// Returns the path without the format at the end of its last segment.
pub(crate) fn without_suffix(path: &str) -> String {
    let (inner, slash) = path.strip_suffix('/').map_or((path, ""), |inner| (inner, "/"));
    match inner.rsplit_once('.') {
        Some((name, format)) if !format.contains('/') && (1..=16).contains(&format.chars().count()) => {
            format!("{name}{slash}")
        }
        _ => path.to_owned(),
    }
}

fn decode(path: &str, unicode: bool) -> String {
    let (mut decoded, mut rest) = (String::new(), path);
    while let Some(first) = rest.chars().next() {
        let hex = |from: usize, to: usize| {
            let digits = rest
                .get(from..to)
                .filter(|text| text.chars().all(|c| c.is_ascii_hexdigit()))?;
            u32::from_str_radix(digits, 16).ok()
        };
        if let Some(code) = hex(1, 3).filter(|_| first == '%') {
            decoded.push(char::from_u32(code).unwrap());
            rest = &rest[3..];
        } else if let Some(code) = hex(2, 6).filter(|_| unicode && rest.starts_with("%u")) {
            decoded.push(char::from_u32(code).unwrap());
            rest = &rest[6..];
        } else {
            decoded.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    decoded
}

fn merge(path: &str) -> String {
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

/// Resolves dot segments as RFC 3986 section 5.2.4 describes, word by word.
fn resolve(path: &str) -> String {
    let (mut input, mut output) = (path.to_owned(), String::new());
    while !input.is_empty() {
        if input.starts_with("/./") {
            input.replace_range(..2, "");
        } else if input == "/." {
            input = "/".to_owned();
        } else if input.starts_with("/../") || input == "/.." {
            input = if input == "/.." {
                "/".to_owned()
            } else {
                input[3..].to_owned()
            };
            output.truncate(output.rfind('/').unwrap_or(0));
        } else {
            let end = input[1..].find('/').map_or(input.len(), |end| end + 1);
            output.push_str(&input[..end]);
            input.replace_range(..end, "");
        }
    }
    output
}

/// Converts Latin-1 to bytes.
fn bytes(path: &str) -> Vec<u8> {
    path.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

fn habits() -> impl Strategy<Value = Vec<Habit>> {
    let habit = prop::sample::select([&[Habit::Decode], &Habit::ALL[..]].concat());
    prop::collection::vec(habit, 0..10)
}

/// Generates forwarded paths, near the edges.
pub(crate) fn paths() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "/",
        "/",
        "a",
        "b",
        "A",
        ".",
        "..",
        "%25",
        "%2525",
        "%252e",
        "%252F",
        "%2F",
        ";",
        "%3B",
        "%253b",
        "%20",
        "%2500",
        "%255C",
        "%25u002e",
        "%25u002f",
        "%25u005c",
        "%25u0061",
        "%25C0%25AF",
        "%25C0%25AE",
        "::$DATA",
        "%3F",
        "%2561",
        "61",
        "%C3%89",
        "%25E0%2580%25AF",
        "%2520",
        "%2525u002f",
        ".json",
        ".js%20",
    ]);
    prop::collection::vec(piece, 1..12).prop_filter_map("a path that is refused", |pieces| {
        let options = TargetOptions {
            encoded_slash: EncodedSlash::Keep,
        };
        let raw = format!("/{}", pieces.concat());
        normalise(raw.as_bytes(), options)
            .ok()
            .map(|target| target.path.into_owned())
    })
}

/// Returns the path that a server with these habits takes `path` for. Habits outside `reads` are skipped. It
/// decodes at least once, and at most [`MAX_DECODES`] times.
pub(crate) fn taken_for(path: &str, program: &[u8], reads: Reads) -> Vec<u8> {
    let habits = program
        .iter()
        .map(|&nth| Habit::ALL[usize::from(nth) % Habit::ALL.len()]);
    let habits: Vec<Habit> = habits
        .filter(|habit| !matches!(habit, Habit::Suffix) || reads.contains(Read::Suffix))
        .collect();
    run(path, &habits)
}

fn run(path: &str, habits: &[Habit]) -> Vec<u8> {
    let (mut path, mut decodes) = (path.to_owned(), 0);
    for &habit in habits {
        match habit {
            Habit::Decode | Habit::DecodeWithUnicode if decodes == MAX_DECODES => continue,
            Habit::Decode | Habit::DecodeWithUnicode => decodes += 1,
            Habit::DecodeFully => decodes = MAX_DECODES,
            Habit::CutQuery if decodes == 0 => continue,
            _ => {}
        }
        path = apply(habit, &path);
    }
    if decodes == 0 {
        path = apply(Habit::Decode, &path);
    }
    bytes(&path)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn readings_include_the_path_of_any_server(path in paths(), habits in habits()) {
        let reads = Reads::ALL;
        let Ok(readings) = readings(path.as_bytes(), reads) else { return Ok(()) };
        let taken = run(&path, &habits);
        prop_assert!(
            readings.contains(&taken),
            "{} is {:?} by {:?}, not among {:?}",
            path,
            String::from_utf8_lossy(&taken),
            habits,
            readings.iter().map(|path| String::from_utf8_lossy(path)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn larger_set_of_reads_includes_the_readings_of_a_smaller(path in paths(), some in 0_u8..128) {
        let reads: Reads = Read::ALL.into_iter().enumerate()
            .filter(|(nth, read)| *read != Read::Fold && some & 1 << nth != 0)
            .map(|(_, read)| read)
            .collect();
        let all: Reads = Read::ALL.into_iter().filter(|read| *read != Read::Fold).collect();
        let (Ok(some), Ok(all)) = (readings(path.as_bytes(), reads), readings(path.as_bytes(), all)) else {
            return Ok(());
        };
        prop_assert!(some.iter().all(|path| all.contains(path)));
    }

    #[test]
    fn a_plain_path_has_no_reading_but_itself(path in paths(), some in 0_u8..128) {
        let reads: Reads = Read::ALL.into_iter().enumerate()
            .filter(|(nth, _)| some & 1 << nth != 0)
            .map(|(_, read)| read)
            .collect();
        if is_plain(&path, reads) && reads != Reads::EXACT {
            let readings = readings(path.as_bytes(), reads).unwrap();
            let decoded = bytes(&decode(&path, false));
            prop_assert_eq!(readings, vec![decoded]);
        }
    }
}
