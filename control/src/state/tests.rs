use serde_json::json;

use super::*;
use crate::plan::tests::{START, state};
use crate::store::Revision;

fn records(state: &State) -> Vec<Record> {
    let mut keys = vec![Key::Head];
    keys.extend(state.segments.keys().cloned().map(Key::Segment));
    keys.extend(state.definitions.keys().cloned().map(Key::Definition));
    keys.extend(state.states.keys().cloned().map(Key::State));
    keys.extend(state.tenants.keys().cloned().map(Key::Tenant));
    let record = |key: Key| Record {
        value: state.record(&key),
        key,
        revision: state.revision,
    };
    keys.into_iter().map(record).collect()
}

fn whole() -> State {
    state(
        json!({ "version": 1, "tiers": ["t1"], "segments": { "s": { "attribute": "a", "eq": 1 } },
        "flags": { "a": { "lifecycle": "beta", "tiers": { "t1": "on" } }, "b": { "kind": "ops" } },
        "tenants": { "acme": { "tier": "t1" } } }),
    )
}

#[test]
fn a_state_is_what_its_records_say() {
    let state = whole();
    let loaded = Loaded {
        revision: state.revision,
        records: records(&state),
    };
    assert_eq!(State::from(&loaded).unwrap(), state);
    assert_eq!(State::from(&Loaded::default()).unwrap(), State::default());
}

#[test]
fn damage_is_named() {
    for (damage, expected) in [
        (Key::State("a".into()), "flag a has no state"),
        (Key::Definition("b".into()), "flag b has no definition"),
    ] {
        let mut records = records(&whole());
        records.retain(|record| record.key != damage);
        let loaded = Loaded {
            revision: Revision(1),
            records,
        };
        assert_eq!(damaged(&loaded), format!("the store is damaged: {expected}"));
    }
    for (key, value, expected) in [
        (Key::Tenant("acme".into()), json!([]), "tenant acme is no object"),
        (
            Key::State("a".into()),
            json!({ "enabled": true }),
            "the state of a is not what it should be: missing field `since`",
        ),
    ] {
        let records = vec![Record {
            key,
            value: Some(value),
            revision: Revision(1),
        }];
        let loaded = Loaded {
            revision: Revision(1),
            records,
        };
        assert_eq!(damaged(&loaded), format!("the store is damaged: {expected}"));
    }
}

fn damaged(loaded: &Loaded) -> String {
    State::from(loaded).unwrap_err().to_string()
}

#[test]
fn writes_are_taken_over_with_their_revision() {
    let mut state = whole();
    let writes = [
        Write {
            key: Key::Tenant("acme".into()),
            value: None,
        },
        Write {
            key: Key::Tenant("globex".into()),
            value: Some(json!({})),
        },
        Write {
            key: Key::Definition("b".into()),
            value: None,
        },
        Write {
            key: Key::State("b".into()),
            value: None,
        },
    ];
    state.absorb(&writes, Revision(7));
    assert_eq!(state.revision, Revision(7));
    assert_eq!(state.tenants.keys().collect::<Vec<_>>(), ["globex"]);
    assert_eq!(state.states.keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_document_has_what_operators_own_in_its_place() {
    let document = whole().document();
    assert_eq!(
        document,
        json!({ "version": 1, "tiers": ["t1"], "segments": { "s": { "attribute": "a", "eq": 1 } },
            "flags": { "a": { "lifecycle": "beta", "tiers": { "t1": "on" } }, "b": { "kind": "ops" } },
            "tenants": { "acme": { "tier": "t1" } } })
    );
    assert_eq!(whole().states["a"].created.0, START);
}
