use super::continued;

#[track_caller]
fn check_trace(parent: &str, expected: Option<(&str, &str)>) {
    assert_eq!(continued(parent), expected, "{parent}");
}

#[test]
fn a_valid_trace_is_continued() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    check_trace(&format!("00-{trace}-b7ad6b7169203331-01"), Some((trace, "01")));
    check_trace(&format!("00-{trace}-b7ad6b7169203331-00"), Some((trace, "00")));
    check_trace(
        &format!("cc-{trace}-b7ad6b7169203331-01-what-comes"),
        Some((trace, "01")),
    );
}

#[test]
fn an_invalid_trace_is_not_continued() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for parent in [
        String::new(),
        format!("00-{trace}-b7ad6b7169203331"),
        format!("00-{trace}-b7ad6b7169203331-01-more"),
        format!("ff-{trace}-b7ad6b7169203331-01"),
        format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
        format!("00-{trace}-0000000000000000-01"),
        format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
        format!("00-{trace}-b7ad6b7169203331-1"),
    ] {
        check_trace(&parent, None);
    }
}
