use super::*;

fn check(items: &[&str], budget: usize, expected: Option<&str>) {
    let mut text = String::new();
    let mut list = ListBuilder {
        text: &mut text,
        budget,
        truncated: false,
    };
    for item in items {
        list.add(&format!("{SEPARATOR}{item}"));
        // As the caller does.
        if list.truncated {
            break;
        }
    }
    let truncated = list.finish();
    let found = Some(text).filter(|text| !text.is_empty());
    assert_eq!(found.as_deref(), expected, "{items:?} in {budget}");
    assert_eq!(
        truncated,
        expected.is_some_and(|value| value.ends_with(TRUNCATED)),
        "{items:?} in {budget}"
    );
    assert!(
        found.is_none_or(|value| value.len() <= budget.max(NONE_FITS.len())),
        "{items:?} in {budget}"
    );
}

#[test]
fn flags_list_within_budget_is_complete() {
    check(&[], 100, None);
    check(&["a"], 1, Some("a"));
    check(&["a", "b;v=x", "c"], 11, Some("a, b;v=x, c"));
}

#[test]
fn flags_list_over_budget_is_truncated_and_marked() {
    check(&["aaa", "bbb", "cccc"], 12, Some("*;truncated"));
    check(&["aaa", "bbb", "cccc"], 13, Some("aaa;truncated"));
    check(
        &["aaa", "bbb", "cccccccccccc", "d"],
        18,
        Some("aaa, bbb;truncated"),
    );
    check(&["aaaaaaaaaaaaaaaaaaaaaaaaa"], 20, Some("*;truncated"));
}

#[test]
fn no_flag_is_listed_after_truncation() {
    check(
        &["aaaa", "bbbbbbbbbbbbbbbbbbbbbbbb", "c"],
        20,
        Some("aaaa;truncated"),
    );
}
