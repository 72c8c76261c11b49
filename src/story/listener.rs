//! The listener that receives the request to explain.

use control::InvalidQuestion;
use proxy::{Decider, ListenerHead};

/// The listener of a request.
pub(super) struct ChosenListener<'d> {
    pub(super) head: &'d ListenerHead,
    /// True if the gateway has other listeners.
    pub(super) has_others: bool,
    /// True if the question does not name it.
    pub(super) is_assumed: bool,
}

impl<'d> ChosenListener<'d> {
    /// Returns the listener of this name; without a name the first one.
    ///
    /// # Errors
    /// No listener has the name.
    pub(super) fn find(decider: &'d Decider, name: Option<&str>) -> Result<Self, InvalidQuestion> {
        let mut listeners = decider.listeners().iter();
        let head = match name {
            Some(name) => listeners.find(|listener| listener.name() == name),
            None => listeners.next(),
        };
        let names = decider.listeners().iter();
        let unknown = || InvalidQuestion::UnknownListener {
            name: name.unwrap_or_default().to_owned(),
            known: names.map(|listener| listener.name().to_owned()).collect(),
        };
        Ok(Self {
            head: head.ok_or_else(unknown)?,
            has_others: decider.listeners().len() > 1,
            is_assumed: name.is_none(),
        })
    }
}
