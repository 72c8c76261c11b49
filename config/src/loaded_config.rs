//! The result of a load of a gateway document and all files that it names.

use std::collections::BTreeSet;
use std::sync::Arc;

use rules::{Eligibility, Flags, Snapshot, SnapshotRevision, Tenants};

use crate::catalog::IdChanges;
use crate::files::Files;
use crate::flags_source::FlagsSource;
use crate::identity::IdentitySettings;
use crate::inputs::Inputs;
use crate::operators::OperatorSettings;
use crate::report::Report;
use crate::settings::Settings;
use crate::source::LineIndex;

/// The configuration of the process: a gateway document and all files that it names, read and compiled together.
#[derive(Debug)]
pub struct LoadedConfig {
    /// The snapshot, which decides requests.
    pub snapshot: Arc<Snapshot>,
    /// The location of the flags in the document.
    pub flags_source: FlagsSource,
    /// The trusted issuers, and the location of the identity in a request.
    pub identity: Arc<IdentitySettings>,
    /// The operators of flags; none means every client on this machine.
    pub operators: Option<OperatorSettings>,
    /// The settings of the process.
    pub settings: Settings,
    /// Warnings: settings that are allowed, but probably not as intended.
    pub warnings: Report,
    /// The files and directories that were read.
    pub inputs: Inputs,
    /// The files to load the same document again. With flags of a store these are the contents that were read, so
    /// that a change of flags does not activate changes of files.
    pub files: Files,
    /// Converts sites to line_index.
    pub line_index: Arc<LineIndex>,
    /// The keys of the flags that gates and headers name and that do not exist yet, because the store has never held a
    /// flag. Such gates can't be decided, and such headers omit the flags.
    pub awaited_flags: Box<[Box<str>]>,
    /// The digest of the documents, 12 hex digits.
    pub(crate) digest: String,
    /// The names of the environment variables that the load has used.
    pub(crate) variables: BTreeSet<String>,
}

impl LoadedConfig {
    /// Returns the digest of the documents, 12 hex digits, as in the revision of its snapshot.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the names of the environment variables that the documents refer to, or that replace an address in them, and
    /// that were set.
    #[must_use]
    pub fn variables(&self) -> &BTreeSet<String> {
        &self.variables
    }

    /// Returns true if its routes, identity and headers, which were compiled before a change of flags, are valid
    /// after it: they name no id whose meaning changed.
    #[must_use]
    pub fn is_valid_after(&self, changes: &IdChanges) -> bool {
        // Flags that are awaited may exist now, with ids that the gates do not have.
        if !self.awaited_flags.is_empty() {
            return false;
        }
        let moved = match changes {
            IdChanges::None => return true,
            IdChanges::Flags(moved) => moved,
            IdChanges::All => return false,
        };
        let routes = self.snapshot.routes.all().iter();
        let mut named = routes
            .flat_map(rules::Route::flags)
            .chain(self.snapshot.headers.named_flags());
        !named.any(|flag| moved.contains(&flag))
    }

    /// Returns the snapshot with other flags and tenants at a revision of their store. Only for flags after whose
    /// change it [is valid](Self::is_valid_after).
    #[must_use]
    pub fn with_flags(&self, flags: &Arc<Flags>, tenants: &Arc<Tenants>, revision: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            revision: managed_revision(revision, &self.digest),
            flags: in_environment(self.snapshot.flags.eligibility(), flags),
            tenants: Arc::clone(tenants),
            ..Snapshot::clone(&self.snapshot)
        })
    }
}

/// Returns the revision of the snapshot of a document with flags at a revision of their store.
pub(crate) fn managed_revision(revision: u64, digest: &str) -> SnapshotRevision {
    SnapshotRevision(format!("{revision}-{digest}").into())
}

/// Returns the flags with the eligibility of an environment.
pub(crate) fn in_environment(eligibility: Eligibility, flags: &Arc<Flags>) -> Arc<Flags> {
    if flags.eligibility() == eligibility {
        return Arc::clone(flags);
    }
    Arc::new(flags.in_environment(eligibility))
}
