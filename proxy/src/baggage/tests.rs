use wire::Fields;

use super::{BAGGAGE, MAX_BYTES, MAX_MEMBERS, members, merged};

#[track_caller]
fn check(ours: &str, sent: &[&str], expected: &str) {
    let fields: Fields = sent.iter().map(|line| (BAGGAGE, line.as_bytes())).collect();
    let merged = merged(ours, &fields);
    assert_eq!(merged.as_deref().unwrap_or_default(), expected, "{sent:?}");
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
    let mut fields = Fields::default();
    fields.set(BAGGAGE, many.join(",").as_bytes());
    let value = merged("feature.a=on", &fields).unwrap();
    assert_eq!(value.split(',').count(), MAX_MEMBERS);
    let large = format!("k={}", "v".repeat(3_000));
    fields.set(BAGGAGE, [&*large; 4].join(",").as_bytes());
    let value = merged("feature.a=on", &fields).unwrap();
    assert!(value.len() <= MAX_BYTES && value.starts_with("feature.a=on,k="));
    assert_eq!(value.split(',').count(), 3);
}
