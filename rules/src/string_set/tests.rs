use super::*;

fn check(texts: &[&str], has: &[&str], has_not: &[&str]) {
    let set = StringSet::new(texts.iter().copied());
    has.iter()
        .for_each(|text| assert!(set.has(text), "{texts:?} {text}"));
    has_not
        .iter()
        .for_each(|text| assert!(!set.has(text), "{texts:?} {text}"));
}

#[test]
fn string_set_contains_exactly_its_members() {
    check(&[], &[], &["", "a"]);
    check(&["", "a", "ab"], &["", "a", "ab"], &["b", "aa", "abb"]);
    check(
        &["DE", "AT", "CH", "DE"],
        &["DE", "AT", "CH"],
        &["de", "D", "E", "DEE", "AE"],
    );
}

#[test]
fn texts_of_equal_ends_and_length_are_distinguished() {
    check(
        &["abba", "acca", "adda"],
        &["abba", "acca", "adda"],
        &["aeea", "abca"],
    );
    let many: Vec<String> = (0..1_000).map(|n| format!("x{n:05}y")).collect();
    let texts: Vec<&str> = many.iter().map(String::as_str).collect();
    check(&texts, &texts, &["x01000y", "x0000yy", "x00000z"]);
}

#[test]
fn short_texts_are_compared_by_every_byte() {
    let all: Vec<String> = (0..=8)
        .flat_map(|length| {
            let base = "\0".repeat(length);
            let changed = (0..length).map(move |at| {
                let mut text = "\0".repeat(length);
                text.replace_range(at..=at, "x");
                text
            });
            std::iter::once(base).chain(changed)
        })
        .collect();
    for text in &all {
        let set = StringSet::new([text.as_str()]);
        for other in &all {
            assert_eq!(set.has(other), text == other, "{text:?} {other:?}");
        }
    }
}

#[test]
fn texts_longer_than_a_key_are_compared_by_every_byte() {
    check(&["abcd--efgh"], &["abcd--efgh"], &["abcd-_efgh", "abcd---efgh"]);
    let (long, longer) = ("a".repeat(70_000), "a".repeat(70_001));
    check(&[&long], &[&long], &[&longer]);
}
