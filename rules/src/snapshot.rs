//! A snapshot: everything that decides a request, immutable, its parts shared between snapshots.

use std::sync::Arc;

use crate::{Flags, HeaderPlan, Routes, Subject, Tenants, Upstream};

/// Everything that decides a request.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The name of this snapshot.
    pub revision: SnapshotRevision,
    /// The environment's name.
    pub environment: Arc<str>,
    /// The flags.
    pub flags: Arc<Flags>,
    /// The tenants there are records of.
    pub tenants: Arc<Tenants>,
    /// The routes.
    pub routes: Arc<Routes>,
    /// The upstreams, by id.
    pub upstreams: Arc<[Upstream]>,
    /// The headers set for upstreams.
    pub headers: Arc<HeaderPlan>,
}

/// The name of a snapshot: visible ASCII, so that it is a valid header value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotRevision(pub Arc<str>);

impl Snapshot {
    /// Returns the subject of this tenant, with its record; the anonymous subject for `None`.
    #[must_use]
    pub fn subject<'a>(&'a self, tenant: Option<&'a str>) -> Subject<'a> {
        let record = tenant.and_then(|id| self.tenants.find(id));
        Subject {
            tenant,
            record,
            ..Subject::default()
        }
    }
}

impl std::fmt::Display for SnapshotRevision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
