use serde_json::json;

use super::*;
use crate::plan::tests::{START, all_keys, state};
use crate::records::{self, Unreadable};
use crate::store::{Json, Key, Loaded, Record};

fn records(state: &State) -> Vec<Record> {
    let record = |key: Key| Record {
        value: records::record(state, &key).as_ref().map(Json::from),
        key,
        revision: state.revision,
    };
    all_keys(state).into_iter().map(record).collect()
}

fn read(loaded: Loaded) -> State {
    match records::read(loaded) {
        Ok(state) => state,
        Err(unreadable) => panic!("{unreadable:?}"),
    }
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
    assert_eq!(read(loaded), state);
    assert_eq!(read(Loaded::default()), State::default());
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
        assert_eq!(damaged(loaded), format!("the store is damaged: {expected}"));
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
            value: Some((&value).into()),
            revision: Revision(1),
        }];
        let loaded = Loaded {
            revision: Revision(1),
            records,
        };
        assert_eq!(damaged(loaded), format!("the store is damaged: {expected}"));
    }
}

fn damaged(loaded: Loaded) -> String {
    match records::read(loaded) {
        Err(Unreadable::Store(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn edits_are_made_with_their_revision() {
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
fn a_document_has_what_operators_own_in_its_place() {
    let document = serde_json::to_value(whole().document()).unwrap();
    assert_eq!(
        document,
        json!({ "version": 1, "tiers": ["t1"], "segments": { "s": { "attribute": "a", "eq": 1 } },
            "flags": { "a": { "lifecycle": "beta", "tiers": { "t1": "on" } }, "b": { "kind": "ops" } },
            "tenants": { "acme": { "tier": "t1" } } })
    );
    assert_eq!(whole().states["a"].created.0, START);
}
