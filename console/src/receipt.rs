//! Receipts of changes: shown on the page that follows a change, once it is committed.

use std::collections::VecDeque;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use crate::sessions::SessionDigest;
use crate::visitor::Visitor;

/// The number of receipts that are kept; the oldest is dropped for a new one.
const MAX_RECEIPTS: usize = 1_000;
/// The length of an id, in bytes.
const ID_BYTES: usize = 16;

/// The receipt of a change.
#[derive(Debug, Clone)]
pub(crate) struct ChangeReceipt {
    /// The change that was made, in words; the one that was asked for if it changed nothing.
    pub(crate) title: String,
    /// The revision that it created.
    pub(crate) revision: u64,
    /// False if the state was as requested before.
    pub(crate) is_changed: bool,
    /// The time from the request to its answer: the change is then in force on this node.
    pub(crate) took: Duration,
    /// The number of nodes that serve the revision, and of all nodes; none if they are not known.
    pub(crate) nodes: Option<(usize, usize)>,
    /// Facts that the operator should know.
    pub(crate) notes: Vec<String>,
    /// The form that undoes the change, if one does.
    pub(crate) undo: Option<FormButton>,
    /// The fields of the form that adds the reason, for a kill that was made without one.
    pub(crate) reason_follows: Option<Vec<(String, String)>>,
}

/// A form with one button.
#[derive(Debug, Clone)]
pub(crate) struct FormButton {
    /// The text of the button.
    pub(crate) label: String,
    /// The fields of the form.
    pub(crate) fields: Vec<(String, String)>,
}

impl ChangeReceipt {
    /// Returns the time from the request to its answer, in ms, at least 1.
    pub(crate) fn ms(&self) -> usize {
        usize::try_from(self.took.as_millis())
            .unwrap_or(usize::MAX)
            .max(1)
    }

    /// Returns the revision as texts take numbers.
    pub(crate) fn revision_number(&self) -> usize {
        usize::try_from(self.revision).unwrap_or(usize::MAX)
    }
}

/// The newest receipts.
#[derive(Default)]
pub(crate) struct ChangeReceipts {
    kept: Mutex<VecDeque<KeptReceipt>>,
}

/// A receipt, with the place where it is shown.
struct KeptReceipt {
    id: String,
    place: Place,
    receipt: ChangeReceipt,
}

/// The page and the session in which a receipt is shown.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// The path of the page, without its query.
    path: String,
    /// The name of the actor.
    actor: String,
    /// The session; none if no operators are configured.
    session: Option<SessionDigest>,
}

impl Place {
    fn of(visitor: &Visitor, page: &str) -> Self {
        Self {
            path: page.split('?').next().unwrap_or_default().to_owned(),
            actor: visitor.signed_in.actor.name.clone(),
            session: visitor.session,
        }
    }
}

impl ChangeReceipts {
    /// Keeps a receipt for a page of a visitor, and returns its id. Ids are random, so that the link of an old receipt never
    /// shows a newer one.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn keep(
        &self,
        visitor: &Visitor,
        page: &str,
        receipt: ChangeReceipt,
    ) -> Result<String, Unspecified> {
        let mut id = [0; ID_BYTES];
        rand::fill(&mut id)?;
        let id = URL_SAFE_NO_PAD.encode(id);
        let mut kept = self.kept.lock();
        if kept.len() >= MAX_RECEIPTS {
            kept.pop_front();
        }
        kept.push_back(KeptReceipt {
            id: id.clone(),
            place: Place::of(visitor, page),
            receipt,
        });
        Ok(id)
    }

    /// Returns the receipt with an id, if it is of this page and of the session of the visitor.
    pub(crate) fn find(&self, id: &str, visitor: &Visitor, page: &str) -> Option<ChangeReceipt> {
        let kept = self.kept.lock();
        let found = kept.iter().rev().find(|kept| kept.id == id)?;
        (found.place == Place::of(visitor, page)).then(|| found.receipt.clone())
    }
}
