//! The contract of every store: what [`control::Store`] promises. [`store_contract!`](crate::store_contract) makes a test of
//! each promise, for a function that opens an empty store.
#![allow(missing_docs, reason = "the names are the promises")]

pub mod commits;
pub mod log;
pub mod readers;
pub mod watching;
mod written;

use std::any::Any;

use control::Store;

/// An empty store, and what it needs while it is open.
pub struct OpenedStore {
    /// The store. It is closed before the rest.
    pub store: Box<dyn Store>,
    /// Its directory, its server.
    pub needs: Box<dyn Any>,
}

/// Makes a module with a test of each promise: `store_contract! { NAME: FUNCTION }`. The function returns an [`OpenedStore`],
/// or none if the store can't be opened on this machine: its tests are skipped then.
#[macro_export]
macro_rules! store_contract {
    ($store:ident: $open:expr) => {
        $crate::store_contract! { @tests $store, $open,
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
        }
    };
    (@tests $store:ident, $open:expr, $($suite:ident: $($promise:ident),+;)+) => {
        mod $store {
            $($(
                #[test]
                fn $promise() {
                    if let Some(opened) = $open() {
                        $crate::store_contract::$suite::$promise(&*opened.store);
                    }
                }
            )+)+
        }
    };
}
