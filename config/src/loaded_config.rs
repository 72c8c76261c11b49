//! What a load yields: everything that the process runs on.

use std::sync::Arc;

use rules::{Eligibility, Flags, Revision, Snapshot, Tenants};

use crate::catalog::Ids;
use crate::files::Files;
use crate::flags_source::FlagsSource;
use crate::identity::Identity;
use crate::inputs::Inputs;
use crate::operators::Operators;
use crate::report::Report;
use crate::settings::Settings;
use crate::source::Places;

/// Everything that the process runs on, read and compiled together.
#[derive(Debug)]
pub struct Loaded {
    /// What decides requests.
    pub snapshot: Arc<Snapshot>,
    /// Where the document says that flags are.
    pub flags_source: FlagsSource,
    /// Who is believed and where in a request to look.
    pub identity: Arc<Identity>,
    /// Who may operate; none: whoever connects from this machine.
    pub operators: Option<Operators>,
    /// What the process is set to.
    pub settings: Settings,
    /// What is allowed and probably not meant.
    pub warnings: Report,
    /// What was read.
    pub inputs: Inputs,
    /// Where to load the same again: along with managed flags everything is kept as it was read, so that a change of
    /// theirs takes over nothing that became of the files meanwhile.
    pub files: Files,
    /// Where sites are.
    pub places: Arc<Places>,
    /// 12 hex digits of the documents.
    pub(crate) digest: String,
}

impl Loaded {
    /// Whether its routes, identity and headers stay valid with flags before whose change they were compiled: nothing
    /// in them names what means something else now.
    #[must_use]
    pub fn outlives(&self, ids: &Ids) -> bool {
        let moved = match ids {
            Ids::Kept => return true,
            Ids::Moved(moved) => moved,
            Ids::Other => return false,
        };
        let routes = self.snapshot.routes.all().iter();
        let gates = routes.filter_map(|route| route.gate.as_ref());
        let mut named = gates
            .flat_map(|gate| gate.flags().iter().copied())
            .chain(self.snapshot.headers.named_flags());
        !named.any(|flag| moved.contains(&flag))
    }

    /// The snapshot with other flags and tenants, which it [outlives](Self::outlives), at a revision of their store.
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

/// Names the snapshot of a document and of flags at a revision of their store.
pub(crate) fn managed_revision(revision: u64, digest: &str) -> Revision {
    Revision(format!("{revision}-{digest}").into())
}

/// The flags, judged by the rules of an environment.
pub(crate) fn in_environment(eligibility: Eligibility, flags: &Arc<Flags>) -> Arc<Flags> {
    if flags.eligibility() == eligibility {
        return Arc::clone(flags);
    }
    Arc::new(flags.in_environment(eligibility))
}
