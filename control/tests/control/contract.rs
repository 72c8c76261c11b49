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
                what_was_committed_is_loaded_in_the_order_of_keys,
                a_commit_at_another_revision_than_expected_changes_nothing,
                of_many_who_commit_at_one_revision_one_succeeds,
                a_commit_without_expectation_is_made_at_any_revision,
                a_commit_of_entries_alone_keeps_the_revision,
                of_several_writes_of_one_key_the_last_one_counts,
                any_json_value_and_any_name_comes_back_as_it_was;
            watching: what_changed_is_told_since_any_revision,
                a_removed_record_is_told_and_no_longer_loaded,
                whoever_knows_the_newest_revision_is_told_nothing,
                a_watcher_is_woken_by_the_next_commit,
                a_watcher_of_an_old_revision_does_not_wait,
                a_watcher_is_let_go_when_the_time_is_up,
                a_watcher_is_not_woken_by_entries_alone;
            readers: a_commit_is_seen_whole_or_not_at_all,
                what_is_told_since_a_revision_makes_up_the_newest_state;
            log: entries_are_kept_in_order_and_follow_each_other,
                an_entry_carries_the_revision_it_made,
                a_page_of_the_log_does_not_shift_while_the_log_grows,
                the_log_is_filtered_by_all_that_is_asked,
                a_page_is_bounded,
                a_refused_commit_leaves_no_entry;
        })+
    };
}

contract_of! {
    memory: crate::contract::in_memory;
    sqlite: crate::contract::in_sqlite;
}
