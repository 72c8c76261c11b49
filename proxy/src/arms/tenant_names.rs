//! The names of the tenants that observed flags were counted for. Requests count by the hash of a tenant's id; the first
//! request of a tenant reports its id.

use crate::first_seen::FirstSeen;

/// The most tenants whose names are reported.
const MAX_NAMES: usize = 1 << 15;

/// The tenants whose ids were reported, each with its hash.
#[derive(Debug)]
pub(crate) struct TenantNames(FirstSeen<(u64, Box<str>)>);

impl TenantNames {
    pub(crate) fn new() -> Self {
        Self(FirstSeen::new(MAX_NAMES))
    }

    /// Reports the id of a tenant at its first request. Beyond the limit no more ids are reported.
    pub(crate) fn report(&self, hash: u64, id: &str) {
        self.0.note(hash, || (hash, id.into()));
    }

    /// Returns the ids that were reported since the last call, each with its hash.
    pub(crate) fn take(&self) -> Vec<(u64, Box<str>)> {
        self.0.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_reported_once() {
        let names = TenantNames::new();
        for _ in 0..3 {
            names.report(7, "acme");
            names.report(9, "umbrella");
        }
        assert_eq!(names.take(), [(7, "acme".into()), (9, "umbrella".into())]);
        names.report(7, "acme");
        assert_eq!(names.take(), []);
    }
}
