//! The flags and tenants before or after a change.

use std::cell::RefCell;
use std::collections::HashMap;

use rules::{AttributeId, Flags, Tenants};

/// The flags and tenants before or after a change.
pub(super) struct Side<'s> {
    pub(super) flags: &'s Flags,
    pub(super) tenants: &'s Tenants,
    /// For attributes that were searched for: true if a tenant's record has one.
    recorded: RefCell<HashMap<AttributeId, bool>>,
}

impl<'s> Side<'s> {
    pub(super) fn new((flags, tenants): (&'s Flags, &'s Tenants)) -> Self {
        Self {
            flags,
            tenants,
            recorded: RefCell::default(),
        }
    }

    /// Returns true if no tenant's record has the attribute.
    pub(super) fn is_in_no_record(&self, attribute: AttributeId) -> bool {
        // All tenants are searched only once for each attribute: a document may have thousands of flags that read it.
        let mut recorded = self.recorded.borrow_mut();
        let is_recorded = recorded
            .entry(attribute)
            .or_insert_with(|| self.tenants.iter().any(|tenant| tenant.has(attribute)));
        !*is_recorded
    }
}
