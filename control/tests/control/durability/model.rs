//! The records that a store must hold, derived from its log and from the acknowledged changes.

use std::collections::{BTreeMap, BTreeSet};

use control::{EntryHash, GENESIS, Json, Key, MAX_AUDIT_PAGE, Outcome, Revision, SqliteStore, Store, verify};

use crate::durability::acknowledged::Acknowledged;
use crate::durability::change::Change;

#[derive(Debug)]
pub(crate) struct Model {
    place: (u64, EntryHash),
    revision: Revision,
    records: BTreeMap<Key, (Option<Json>, Revision)>,
    /// The changes in the log.
    pub(crate) changes: Vec<Change>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            place: (0, GENESIS),
            revision: Revision(0),
            records: BTreeMap::new(),
            changes: Vec::new(),
        }
    }
}

impl Model {
    /// Reads the new entries of the log, and checks that they follow the known ones, that revisions and entries agree,
    /// that each acknowledged change is among them, and that the records are those of the log.
    pub(crate) fn follow(&mut self, store: &SqliteStore, acknowledged: &Acknowledged) {
        let mut found = BTreeSet::new();
        loop {
            let page = store.audit_after(self.place.0, MAX_AUDIT_PAGE).unwrap();
            self.place = verify(self.place, &page.entries).unwrap();
            for sealed in &page.entries {
                let entry = sealed.entry().unwrap();
                let change = Change::parse(&entry.request_id).unwrap();
                assert!(found.insert(change), "{change:?} is there twice");
                assert_eq!(entry.outcome == Outcome::Refused, change.is_refusal());
                self.revision.0 += u64::from(!change.is_refusal());
                assert_eq!(
                    sealed.revision, self.revision,
                    "revision and log agree at entry {}",
                    sealed.id
                );
                for (key, value) in change.records() {
                    self.records.insert(key, (value, self.revision));
                }
                self.changes.push(change);
            }
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(store.audit_head().unwrap(), self.place);
        for change in &acknowledged.changes {
            assert!(found.contains(change), "{change:?} was acknowledged and is lost");
        }
        self.compare(store);
    }

    fn compare(&self, store: &SqliteStore) {
        let loaded = store.load().unwrap();
        assert_eq!(loaded.revision, self.revision);
        let kept = loaded
            .records
            .into_iter()
            .map(|record| (record.key, record.value, record.revision));
        let there = self.records.iter().filter(|(_, (value, _))| value.is_some());
        let expected = there.map(|(key, (value, revision))| (key.clone(), value.clone(), *revision));
        assert!(kept.eq(expected), "a change is half there");
    }
}
