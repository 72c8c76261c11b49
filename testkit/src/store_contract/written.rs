//! Records and entries that the suites write.

use control::{ChangeSource, Commit, Entry, Event, Key, Revision, Store, Write};
use rules::Timestamp;
use serde_json::{Value, json};

pub(super) fn tenant(name: &str) -> Key {
    Key::Tenant(name.to_owned())
}

pub(super) fn put(key: Key, value: Value) -> Write {
    Write {
        key,
        value: Some((&value).into()),
    }
}

pub(super) fn remove(key: Key) -> Write {
    Write { key, value: None }
}

pub(super) fn entry(request_id: &str) -> Entry {
    let at = Timestamp(1_795_252_440_123);
    Entry::new(
        at,
        Event::TenantChanged,
        ChangeSource::Api,
        "ada".to_owned(),
        request_id.to_owned(),
    )
}

/// Commits writes at the revision, with an entry of that number.
pub(super) fn commit(store: &dyn Store, at: u64, writes: Vec<Write>) -> Revision {
    let audit = vec![entry(&at.to_string())];
    store
        .commit(Some(Revision(at)), &Commit { writes, audit })
        .unwrap()
}

/// Commits one tenant with a number at the revision of that number.
pub(super) fn commit_number(store: &dyn Store, name: &str, at: u64) -> Revision {
    commit(store, at, vec![put(tenant(name), json!({ "number": at }))])
}

pub(super) fn commit_entries(store: &dyn Store, audit: Vec<Entry>) -> Revision {
    let writes = Vec::new();
    store.commit(None, &Commit { writes, audit }).unwrap()
}
