use super::closest;

fn check(written: &str, known: &[&str], expected: Option<&str>) {
    assert_eq!(closest(written, known.iter().copied()), expected, "{written}");
}

#[test]
fn a_slip_is_understood() {
    check(
        "dispatch.v2Bord",
        &["dispatch.v2Board", "dispatch.core"],
        Some("dispatch.v2Board"),
    );
    check(
        "dispatch.v2board",
        &["dispatch.core", "dispatch.v2Board"],
        Some("dispatch.v2Board"),
    );
    check("teir", &["name", "tier"], Some("tier"));
}

#[test]
fn something_else_is_not_taken_for_a_slip() {
    check("colour", &["kind", "owner", "salt"], None);
    check("a", &["b", "c"], None);
    check("x", &[], None);
}

#[test]
fn of_two_equally_close_names_the_first_is_suggested() {
    check("tier3", &["tier2", "tier1"], Some("tier1"));
    check("tier3", &["tier1", "tier2"], Some("tier1"));
}
