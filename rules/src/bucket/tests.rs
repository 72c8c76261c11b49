use super::*;

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
        let whole = format!("salt\0{id}");
        assert_eq!(bucket("salt", &id), scale(xxh3_64(whole.as_bytes())), "{length}");
    }
}

#[test]
fn a_whole_number_goes_by_its_decimal_digits_and_any_other_by_none() {
    let digits = |number| whole_number(number).map(|digits| String::from_utf8(digits.to_vec()).unwrap());
    assert_eq!(digits(42.0).as_deref(), Some("42"));
    assert_eq!(digits(-7.0).as_deref(), Some("-7"));
    assert_eq!(digits(-0.0).as_deref(), Some("0"));
    assert_eq!(
        digits(9_007_199_254_740_992.0).as_deref(),
        Some("9007199254740992")
    );
    assert_eq!(digits(1.5), None);
    assert_eq!(digits(1e300), None);
    assert_eq!(digits(f64::NAN), None);
    assert_eq!(digits(f64::INFINITY), None);
}
