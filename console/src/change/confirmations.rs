//! Forms that were applied, so that a form that is sent again, as by a double click, is answered with the receipt of the
//! first one instead of a conflict with itself.

use std::collections::VecDeque;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use parking_lot::Mutex;

use crate::form::Form;
use crate::visitor::Visitor;

/// The number of forms that are kept; the oldest is dropped for a new one.
const MAX_FORMS: usize = 1_000;

/// The SHA-256 of a form and its visitor. The token of the form is a part, so that nobody else can send the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FormDigest([u8; 32]);

/// The answer to a form that was applied.
#[derive(Debug, Clone)]
pub(super) struct AppliedForm {
    /// The page with the receipt.
    pub(super) location: String,
    /// The revision after the change.
    pub(super) revision: u64,
}

/// The answer to a form, locked while it is applied: a second form waits for the first one.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<AppliedForm>>>;

/// The newest forms.
#[derive(Default)]
pub(crate) struct Confirmations {
    slots: Mutex<VecDeque<(FormDigest, Slot)>>,
}

impl FormDigest {
    /// Returns the digest of a form of a visitor.
    pub(super) fn of(visitor: &Visitor, form: &Form) -> Self {
        let mut context = Context::new(&SHA256);
        let mut add = |text: &str| {
            // The length keeps two neighbouring texts apart.
            context.update(&text.len().to_be_bytes());
            context.update(text.as_bytes());
        };
        add(&visitor.signed_in.actor.name);
        for (name, value) in form.without(&[]) {
            add(&name);
            add(&value);
        }
        let mut digest = [0; 32];
        for (byte, digested) in digest.iter_mut().zip(context.finish().as_ref()) {
            *byte = *digested;
        }
        Self(digest)
    }
}

impl Confirmations {
    /// Returns the slot of a form, which is made for the first one.
    pub(super) fn slot(&self, form: FormDigest) -> Slot {
        let mut slots = self.slots.lock();
        if let Some((_, slot)) = slots.iter().rev().find(|(kept, _)| *kept == form) {
            return Arc::clone(slot);
        }
        if slots.len() >= MAX_FORMS {
            slots.pop_front();
        }
        let slot = Slot::default();
        slots.push_back((form, Arc::clone(&slot)));
        slot
    }
}
