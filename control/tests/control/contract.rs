//! The contract of every store. To test another store, add a `contract!` below with a function that opens an empty
//! one.

mod commits;
mod log;
mod readers;
mod watching;
mod written;

use control::{MemoryStore, SqliteStore, Store};
use tempfile::TempDir;

/// An empty store, and the directory that it needs.
struct Opened {
    store: Box<dyn Store>,
    _directory: Option<TempDir>,
}

fn in_memory() -> Opened {
    Opened {
        store: Box::new(MemoryStore::new()),
        _directory: None,
    }
}

fn in_sqlite() -> Opened {
    let directory = tempfile::tempdir().unwrap();
    Opened {
        store: Box::new(SqliteStore::open(&directory.path().join("data")).unwrap()),
        _directory: Some(directory),
    }
}

/// Runs the contract on the stores that `$open` opens.
macro_rules! contract {
    ($store:ident, $open:expr, $($suite:ident: $($promise:ident),+;)+) => {
        mod $store {
            $($(
                #[test]
                fn $promise() {
                    let opened = $open();
                    crate::contract::$suite::$promise(&*opened.store);
                }
            )+)+
        }
    };
}

macro_rules! contract_of {
    ($($store:ident: $open:expr;)+) => {
        $(contract! { $store, $open,
            commits: an_empty_store_is_at_revision_zero,
                each_commit_makes_the_next_revision,
                committed_records_are_loaded_in_key_order,
                commit_at_an_unexpected_revision_changes_nothing,
                one_of_many_commits_at_a_revision_succeeds,
                commit_without_expected_revision_succeeds_at_any,
                a_commit_of_entries_alone_keeps_the_revision,
                last_of_several_writes_of_a_key_applies,
                any_json_value_and_name_survives_a_round_trip;
            watching: changes_are_listed_since_any_revision,
                removed_record_is_listed_and_no_longer_loaded,
                no_changes_are_listed_since_the_newest_revision,
                a_watcher_is_woken_by_the_next_commit,
                a_watcher_of_an_old_revision_does_not_wait,
                watcher_returns_at_its_timeout,
                a_watcher_is_not_woken_by_entries_alone;
            readers: commits_are_atomic_for_readers,
                changes_since_a_revision_lead_to_the_newest_state;
            log: entries_are_stored_in_order_without_gaps,
                entry_contains_the_revision_of_its_commit,
                pages_of_the_log_are_stable_while_it_grows,
                the_log_is_filtered_by_every_given_field,
                pages_have_a_maximum_size,
                rejected_commit_leaves_no_entry;
        })+
    };
}

contract_of! {
    memory: crate::contract::in_memory;
    sqlite: crate::contract::in_sqlite;
}
