use serde_json::json;

use super::*;
use crate::codec::{self, UnreadableRecords, read_records};
use crate::plan::tests::{START, all_keys, state};
use crate::record::{Json, Key, Revision};

fn records(state: &State) -> Vec<(Key, Json)> {
    let keys = all_keys(state).into_iter();
    keys.map(|key| {
        let record = codec::record(state, &key).unwrap();
        (key, Json::from(&record))
    })
    .collect()
}

fn whole() -> State {
    state(
        json!({ "version": 1, "tiers": ["t1"], "segments": { "s": { "attribute": "a", "eq": 1 } },
        "flags": { "a": { "lifecycle": "beta", "tiers": { "t1": "on" } }, "b": { "kind": "ops" } },
        "tenants": { "acme": { "tier": "t1" } } }),
    )
}

#[test]
fn a_state_equals_its_records() {
    let state = whole();
    assert_eq!(read_records(state.revision, records(&state)).unwrap(), state);
    assert_eq!(read_records(Revision(0), []).unwrap(), State::default());
}

#[test]
fn damage_is_named() {
    for (damage, expected) in [
        (Key::State("a".into()), "flag a has no state"),
        (Key::Definition("b".into()), "flag b has no definition"),
    ] {
        let mut records = records(&whole());
        records.retain(|(key, _)| *key != damage);
        check_damage(records, expected);
    }
    for (key, value, expected) in [
        (
            Key::Tenant("acme".into()),
            json!([]),
            "tenant acme is not an object",
        ),
        (
            Key::State("a".into()),
            json!({ "enabled": true }),
            "the state of a is malformed: missing field `since`",
        ),
    ] {
        check_damage(vec![(key, Json::from(&value))], expected);
    }
}

fn check_damage(records: Vec<(Key, Json)>, expected: &str) {
    let found = read_records(Revision(1), records).unwrap_err();
    assert_eq!(found, UnreadableRecords::Damaged(expected.to_owned()));
}

/// Applies the edits of a state as the records that they change in a store, and checks that the result is the same.
fn check_changed_records(before: &State, edits: &[StateEdit]) {
    let mut after = before.clone();
    after.absorb(edits, Revision(8));
    let changed = edits.iter().flat_map(|edit| codec::changed(before, edit));
    let changed: Vec<_> = changed
        .map(|change| (change.key, change.after.as_ref().map(Json::from)))
        .collect();
    let read = codec::read_changes(before, changed).unwrap();
    let mut absorbed = before.clone();
    absorbed.absorb(&read, Revision(8));
    assert_eq!(absorbed, after);
}

#[test]
fn changed_records_are_read_as_edits() {
    let before = whole();
    let other = state(
        json!({ "version": 1, "tiers": ["t1", "t2"], "segments": { "r": { "attribute": "b", "eq": 2 } },
        "flags": { "a": { "lifecycle": "ga", "tiers": { "t1": "off" } }, "c": { "kind": "release", "lifecycle": "alpha" } },
        "tenants": { "acme": { "tier": "t2" }, "globex": {} } }),
    );
    let flag = |key: &str| StateEdit::Flag(key.into(), other.flag(key));
    let tenant = |id: &str| StateEdit::Tenant(id.into(), other.tenant(id).cloned());
    let segment = |name: &str| StateEdit::Segment(name.into(), other.document.segments.get(name).cloned());
    check_changed_records(&before, &[flag("a")]);
    check_changed_records(&before, &[flag("b"), flag("c")]);
    check_changed_records(
        &before,
        &[tenant("acme"), tenant("globex"), segment("r"), segment("s")],
    );
    check_changed_records(&before, &[StateEdit::Head(Arc::clone(&other.document.head))]);
    check_changed_records(&State::default(), &[flag("a"), tenant("acme")]);

    // One of the two records of a flag alone.
    let mut killed = before.flag("b").unwrap();
    Arc::make_mut(&mut killed.definition).enabled = Some(false);
    check_changed_records(&before, &[StateEdit::Flag("b".into(), Some(killed))]);
}

#[test]
fn damage_in_changed_records_is_named() {
    let read = |key: Key, value: Option<serde_json::Value>| {
        codec::read_changes(&whole(), [(key, value.as_ref().map(Json::from))]).unwrap_err()
    };
    assert_eq!(
        read(Key::Definition("a".into()), None),
        UnreadableRecords::Damaged("flag a has no definition".to_owned())
    );
    assert_eq!(
        read(Key::Tenant("acme".into()), Some(json!([]))),
        UnreadableRecords::Damaged("tenant acme is not an object".to_owned())
    );
}

#[test]
fn edits_set_their_revision() {
    let mut state = whole();
    let edits = [
        StateEdit::Tenant("acme".into(), None),
        StateEdit::Tenant("globex".into(), Some(Arc::default())),
        StateEdit::Flag("b".into(), None),
    ];
    state.absorb(&edits, Revision(7));
    assert_eq!(state.revision, Revision(7));
    assert_eq!(state.tenants().map(|(id, _)| id).collect::<Vec<_>>(), ["globex"]);
    assert_eq!(state.flags().map(|(key, _)| key).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_document_contains_the_fields_of_operators() {
    let document = serde_json::to_value(&whole().document).unwrap();
    assert_eq!(
        document,
        json!({ "version": 1, "tiers": ["t1"], "segments": { "s": { "attribute": "a", "eq": 1 } },
            "flags": { "a": { "lifecycle": "beta", "tiers": { "t1": "on" } }, "b": { "kind": "ops" } },
            "tenants": { "acme": { "tier": "t1" } } })
    );
    assert_eq!(whole().states["a"].created.0, START);
}
