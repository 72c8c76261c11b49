use http::{HeaderMap, HeaderValue};

use super::{BAGGAGE, MAX_BYTES, MAX_MEMBERS, members, merged};

#[track_caller]
fn check(ours: &str, sent: &[&str], expected: &str) {
    let mut headers = HeaderMap::new();
    for line in sent {
        headers.append(BAGGAGE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    let merged = merged(ours, &headers);
    let merged = merged.as_ref().map_or("", |value| value.to_str().unwrap());
    assert_eq!(merged, expected, "{sent:?}");
}

#[test]
fn each_flag_of_the_list_is_a_member() {
    assert_eq!(
        members("board, checkout.theme;v=blue, x;v=a:b/c;truncated"),
        "feature.board=on,feature.checkout.theme=blue,feature.x=a%3Ab%2Fc"
    );
    assert_eq!(members("board;truncated"), "feature.board=on");
    assert_eq!(members("*;truncated"), "");
    assert_eq!(members(""), "");
}

#[test]
fn client_baggage_members_stay_unless_prefixed() {
    check(
        "feature.a=on",
        &["k=v;p=1, l = w", "m=1"],
        "feature.a=on,k=v;p=1,l = w,m=1",
    );
    check("", &["k=v"], "k=v");
    check("", &[], "");
    check(
        "feature.a=on",
        &["feature.a=off,FEATURE.b=on , feature.c;x=1,feature%2Ea=off, k=v,,"],
        "feature.a=on,k=v",
    );
    check("", &["ä=1"], "");
}

#[test]
fn members_and_bytes_are_limited() {
    let many: Vec<String> = (0..100).map(|number| format!("k{number}=v")).collect();
    let mut headers = HeaderMap::new();
    headers.insert(BAGGAGE, HeaderValue::try_from(many.join(",")).unwrap());
    let value = merged("feature.a=on", &headers).unwrap();
    assert_eq!(value.to_str().unwrap().split(',').count(), MAX_MEMBERS);
    let large = format!("k={}", "v".repeat(3_000));
    headers.insert(BAGGAGE, HeaderValue::try_from([&*large; 4].join(",")).unwrap());
    let value = merged("feature.a=on", &headers).unwrap();
    assert!(value.len() <= MAX_BYTES && value.to_str().unwrap().starts_with("feature.a=on,k="));
    assert_eq!(value.to_str().unwrap().split(',').count(), 3);
}
