use serde_json::json;

use super::*;

/// Returns the differences as lines: `field: before -> after`, or `field: -removed +added` for lists.
fn lines(patch: &Value, inverse: &Value) -> Vec<String> {
    let operations = |patch: &Value| patch.as_array().unwrap().clone();
    let line = |difference: Difference| {
        let texts = |values: &[ShownValue]| {
            let texts: Vec<&str> = values.iter().map(|value| &*value.text).collect();
            texts.join(",")
        };
        let (before, after) = (texts(&difference.before), texts(&difference.after));
        match difference.is_list {
            true => format!("{}: -{before} +{after}", difference.field),
            false => format!("{}: {before} -> {after}", difference.field),
        }
    };
    let found = differences(&operations(patch), &operations(inverse));
    found.into_iter().map(line).collect()
}

#[test]
fn a_replaced_field_has_both_values() {
    let patch = json!([
        { "op": "replace", "path": "/states/board/lifecycle", "value": "beta" },
        { "op": "replace", "path": "/states/board/changed", "value": "2026-11-30T12:00:00Z" },
        { "op": "add", "path": "/states/board/unsettled", "value": { "how": "reverted", "by": "ann" } },
    ]);
    let inverse = json!([
        { "op": "replace", "path": "/states/board/changed", "value": "2026-11-29T12:00:00Z" },
        { "op": "replace", "path": "/states/board/lifecycle", "value": "alpha" },
    ]);
    // The time of the change is that of the entry.
    assert_eq!(lines(&patch, &inverse), ["State: alpha -> beta"]);
}

#[test]
fn an_added_and_a_removed_field_have_one_value() {
    let add = json!([{ "op": "add", "path": "/states/board/tiers/tier1", "value": true }]);
    let remove = json!([{ "op": "remove", "path": "/states/board/tiers/tier1" }]);
    assert_eq!(lines(&add, &remove), ["Default of the tier tier1:  -> on"]);
    assert_eq!(lines(&remove, &add), ["Default of the tier tier1: on -> "]);
}

#[test]
fn a_new_record_is_shown_by_its_fields() {
    let add = json!([{ "op": "add", "path": "/tenants/acme", "value": { "tier": "tier1", "attributes": { "seats": 80 } } }]);
    let remove = json!([{ "op": "remove", "path": "/tenants/acme" }]);
    assert_eq!(
        lines(&add, &remove),
        ["Tier:  -> tier1", "attributes › seats:  -> 80"]
    );
    let empty = json!([{ "op": "add", "path": "/tenants/acme", "value": {} }]);
    assert_eq!(lines(&empty, &remove), ["Record:  -> {}"]);
}

#[test]
fn a_list_shows_what_is_added_and_removed() {
    let patch = json!([
        { "op": "replace", "path": "/tenants/acme/beta/0", "value": "list" },
        { "op": "remove", "path": "/tenants/acme/beta/1" },
    ]);
    let inverse = json!([
        { "op": "replace", "path": "/tenants/acme/beta/0", "value": "board" },
        { "op": "add", "path": "/tenants/acme/beta/1", "value": "list" },
    ]);
    assert_eq!(lines(&patch, &inverse), ["Beta allowlist: -board +"]);
    let first = json!([{ "op": "add", "path": "/tenants/acme/opt_in", "value": ["board"] }]);
    let none = json!([{ "op": "remove", "path": "/tenants/acme/opt_in" }]);
    assert_eq!(lines(&first, &none), ["Opted in: - +board"]);
    let swapped = json!([{ "op": "replace", "path": "/tenants/acme/beta", "value": ["a", "b"] }]);
    let back = json!([{ "op": "replace", "path": "/tenants/acme/beta", "value": ["b", "a"] }]);
    assert_eq!(lines(&swapped, &back), ["Beta allowlist: - +"]);
}

#[test]
fn a_field_in_a_list_has_its_place_from_one() {
    let patch = json!([{ "op": "replace", "path": "/definitions/board/rules/1/then", "value": false }]);
    let inverse = json!([{ "op": "replace", "path": "/definitions/board/rules/1/then", "value": true }]);
    assert_eq!(lines(&patch, &inverse), ["rules › 2 › then: on -> off"]);
}

#[test]
fn escapes_of_a_pointer_are_read() {
    let patch = json!([{ "op": "add", "path": "/tenants/a~1b~0c~01/tier", "value": "x" }]);
    let found = differences(patch.as_array().unwrap(), &[]);
    assert_eq!(found[0].record, Record::Tenant("a/b~c~1".to_owned()));
    assert_eq!(found[0].record.words(), "Tenant a/b~c~1");
}

#[test]
fn a_tenant_whose_id_is_a_number_is_no_item() {
    let patch = json!([{ "op": "replace", "path": "/tenants/42/tier", "value": "b" }]);
    let inverse = json!([{ "op": "replace", "path": "/tenants/42/tier", "value": "a" }]);
    assert_eq!(lines(&patch, &inverse), ["Tier: a -> b"]);
    let add = json!([{ "op": "add", "path": "/tenants/42", "value": { "tier": "a" } }]);
    assert_eq!(lines(&add, &json!([])), ["Tier:  -> a"]);
}

#[test]
fn an_entry_names_only_records_of_others() {
    let patch = json!([
        { "op": "replace", "path": "/states/board/enabled", "value": false },
        { "op": "replace", "path": "/head/unknown_tenants", "value": "off" },
    ]);
    let found = differences(patch.as_array().unwrap(), &[]);
    let is_of: Vec<bool> = found
        .iter()
        .map(|found| found.is_of(Some("board"), None))
        .collect();
    assert_eq!(is_of, [true, false]);
    assert!(!found[0].is_of(Some("list"), Some("board")));
}

#[test]
fn a_long_value_is_folded_and_a_very_long_one_is_cut() {
    let long = "é".repeat(MAX_UNFOLDED + 1);
    let shown = ShownValue::of(&json!(long), Rank::Other);
    assert_eq!(shown.text, format!("{}…", "é".repeat(MAX_UNFOLDED)));
    assert_eq!(shown.folded.as_deref(), Some(&*long));
    let huge = ShownValue::of(&json!("x".repeat(MAX_SHOWN * 2)), Rank::Other);
    assert_eq!(huge.folded.unwrap().chars().count(), MAX_SHOWN + 1);
    assert_eq!(
        ShownValue::of(&json!("x".repeat(MAX_UNFOLDED)), Rank::Other).folded,
        None
    );
}

#[test]
fn an_operation_that_cannot_be_read_is_left_out() {
    let patch = json!([{ "op": "test" }, { "path": 7 }, { "op": "add", "path": "", "value": {} }, "x",
        { "op": "add", "path": "/unknown/x/y", "value": 1 }]);
    assert!(differences(patch.as_array().unwrap(), &[]).is_empty());
}

#[test]
fn the_state_of_a_plan_and_percentages_come_first() {
    let patch = json!([
        { "op": "replace", "path": "/states/board/plan/run/sequence", "value": 3 },
        { "op": "replace", "path": "/states/board/tier", "value": "a" },
        { "op": "replace", "path": "/definitions/board/exposure/stages/0/percentage", "value": 0 },
        { "op": "replace", "path": "/states/board/plan/run/state", "value": "rolled_back" },
    ]);
    let ranks = differences(patch.as_array().unwrap(), &[]).into_iter();
    let ranks: Vec<(Rank, String)> = ranks
        .map(|difference| (difference.rank, difference.field))
        .collect();
    assert_eq!(
        ranks,
        [
            (Rank::PlanState, "State of the rollout plan".to_owned()),
            (Rank::Percentage, "Percentage of stage 1".to_owned()),
            (Rank::Other, "Tier".to_owned()),
            (Rank::Internal, "Rollout plan › run › sequence".to_owned()),
        ]
    );
}
