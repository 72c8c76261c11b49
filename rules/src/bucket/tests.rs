use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::bucket::salt::IN_ONE_PIECE;

fn check(salt: &str, id: &str) {
    let whole = format!("{salt}\0{id}");
    assert_eq!(
        bucket(salt, id),
        scale(xxh3_64(whole.as_bytes())),
        "{salt:?} {id:?}"
    );
}

#[test]
fn buckets_are_those_of_the_golden_vectors() {
    let file: serde_json::Value = serde_json::from_str(include_str!("../../spec/buckets.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 100);
    for vector in vectors {
        let (salt, id) = (vector["salt"].as_str().unwrap(), vector["id"].as_str().unwrap());
        assert_eq!(
            u64::from(bucket(salt, id)),
            vector["bucket"].as_u64().unwrap(),
            "{salt} {id}"
        );
    }
}

#[test]
fn the_ends_of_the_hash_are_the_first_and_the_last_bucket() {
    assert_eq!(scale(0), 0);
    assert_eq!(scale(u64::MAX), BUCKETS - 1);
}

#[test]
fn an_id_too_long_for_the_stack_is_hashed_like_any_other() {
    for length in [IN_ONE_PIECE - 6, IN_ONE_PIECE - 5, IN_ONE_PIECE - 4, 5_000] {
        let id = "i".repeat(length);
        check("salt", &id);
    }
}

#[test]
fn a_number_id_is_its_nearest_double_if_whole_up_to_2_pow_53() {
    let digits = |text: &str| digits(Decimal::parse(text).unwrap()).map(|digits| digits.to_string());
    for (text, expected) in [
        ("42", "42"),
        ("-7", "-7"),
        ("-0.0", "0"),
        ("1e3", "1000"),
        ("9007199254740993", "9007199254740992"),
        ("-9007199254740993", "-9007199254740992"),
        ("9007199254740992.999999999999999999", "9007199254740992"),
        ("0.9999999999999999999999999999999999", "1"),
        ("-1e-324", "0"),
    ] {
        assert_eq!(digits(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "1.5",
        "0.1",
        "9007199254740994",
        "1152921504606846977",
        "1e34",
        "1e308",
    ] {
        assert_eq!(digits(text), None, "{text}");
    }
}

#[test]
fn salt_and_id_of_any_length_hash_as_if_put_together() {
    let letters: String = ('!'..='~').cycle().take(300).collect();
    for salt in 1..=128 {
        for id in 0..=130 {
            check(&letters[..salt], &letters[letters.len() - id..]);
        }
    }
}

proptest! {
    #[test]
    fn any_salt_and_id_hash_as_if_put_together(salt in ".{1,40}", id in ".{0,60}") {
        check(&salt, &id);
    }
}
