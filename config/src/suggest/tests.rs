use super::{closest, qualified};

fn check(written: &str, known: &[&str], expected: Option<&str>) {
    assert_eq!(closest(written, known.iter().copied()), expected, "{written}");
}

#[test]
fn misspelt_name_gets_a_suggestion() {
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
fn unrelated_name_gets_no_suggestion() {
    check("colour", &["kind", "owner", "salt"], None);
    check("a", &["b", "c"], None);
    check("x", &[], None);
}

#[test]
fn first_of_two_equally_close_names_is_suggested() {
    check("tier3", &["tier2", "tier1"], Some("tier1"));
    check("tier3", &["tier1", "tier2"], Some("tier1"));
}

#[test]
fn a_qualified_name_suggests_its_last_part() {
    let known = ["killed", "completed", "entered", "stage_entered"];
    let suggested = |written| qualified(written, known);
    assert_eq!(suggested("feature_flag.killed"), Some("killed"));
    assert_eq!(suggested("platform.feature_flag_killed"), Some("killed"));
    assert_eq!(suggested("Feature_Flag.Killed"), Some("killed"));
    assert_eq!(suggested("platform.rollout_stage_entered"), Some("stage_entered"));
    for other in [
        "killed",
        ".killed",
        "skilled",
        "feature_flag.",
        "killed.feature_flag",
        "",
    ] {
        assert_eq!(suggested(other), None, "{other}");
    }
}
