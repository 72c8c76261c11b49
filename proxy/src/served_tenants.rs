//! The tenants that were served requests with a flag before ga on, for the conditions of its promotion: those that opted
//! in or are on its allowlist. A request notes its tenant without a lock; the first one since the list was taken
//! allocates its names.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::first_seen::FirstSeen;

/// The most pairs of a flag and a tenant that are noted until the list is taken.
const MAX_NOTED: usize = 1 << 14;

/// A flag's key and a tenant's id.
pub(crate) type Served = (Box<str>, Box<str>);

/// The pairs that were noted.
#[derive(Debug)]
pub(crate) struct ServedTenants(FirstSeen<Served>);

impl ServedTenants {
    pub(crate) fn new() -> Self {
        Self(FirstSeen::new(MAX_NOTED))
    }

    /// Notes that a tenant was served with a flag on. A pair that is not noted because there are too many can be noted
    /// after the list was taken.
    pub(crate) fn note(&self, flag: &str, tenant: &str) {
        let hash = xxh3_64_with_seed(tenant.as_bytes(), xxh3_64(flag.as_bytes()));
        self.0.note(hash, || (flag.into(), tenant.into()));
    }

    /// Returns the pairs that were noted since the last call. A request after it notes its pair again.
    pub(crate) fn take(&self) -> Vec<Served> {
        self.0.take_and_free()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_noted_once_until_it_is_taken() {
        let served = ServedTenants::new();
        for _ in 0..3 {
            served.note("board", "acme");
            served.note("board", "globex");
            served.note("list", "acme");
        }
        assert_eq!(served.take().len(), 3);
        assert_eq!(served.take(), []);
        served.note("board", "acme");
        assert_eq!(served.take(), [("board".into(), "acme".into())]);
    }

    #[test]
    fn the_number_of_noted_pairs_is_limited() {
        let served = ServedTenants::new();
        for tenant in 0..3 * MAX_NOTED {
            served.note("board", &tenant.to_string());
        }
        let noted = served.take().len();
        assert!(noted <= MAX_NOTED && noted > MAX_NOTED / 2, "{noted}");
    }
}
