//! The audit log of a store that can be read, or the problem that it can't.

use crate::engine::Control;
use crate::store::{Store, StoreError};

use super::Api;
use super::backup::no_store;
use super::change::{store_damaged, store_unavailable};
use super::problem::ApiProblem;
use super::request::ApiRequest;

/// Returns the store that has the log.
///
/// # Errors
/// Files manage the flags: there is no log, and an empty page would say that nothing happened. A damaged store is
/// returned, because its log is readable up to the damage.
pub(crate) fn readable_store(control: &Control) -> Result<&dyn Store, ApiProblem> {
    match control.is_read_only() && control.damage().is_none() {
        true => Err(no_store()),
        false => Ok(control.store()),
    }
}

/// Returns the problem of a log that can't be read: the known damage of the store if there is one, else the error.
pub(crate) fn log_unreadable(api: &Api, request: &ApiRequest, error: &StoreError) -> ApiProblem {
    match api.control().damage() {
        Some(damage) => store_damaged(damage, request.actor.role),
        None => store_unavailable(error),
    }
}
