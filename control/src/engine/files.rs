//! Flags that files manage, as a control plane that reads them and rejects changes.

use changes::{
    Actor, Change, ChangeSource, Code, Facts, LifecyclePolicy, NewFlags, Pilots, Refusal, Request, Revision,
    Role, State,
};
use config::{Catalog, Compiled, FlagsDocument};
use rules::{Eligibility, Timestamp};

use super::current_state::CurrentState;
use crate::publish::{Fit, Publish, PublishError};

/// Facts for reading a document: no tenants, no errors, and no plans that run.
pub(super) struct NoFacts;

/// Facts for the first document of a store: no errors, and plans that run.
pub(super) struct SeedFacts {
    /// True if operators are configured.
    pub(super) has_operators: bool,
}

impl Facts for SeedFacts {
    fn pilots(&self, _: &str, _: Timestamp, _: Timestamp) -> Pilots {
        Pilots::default()
    }

    fn is_served_since(&self, _: &str, _: Timestamp) -> bool {
        false
    }

    fn errors_within(&self, _: &str, _: i64) -> u64 {
        0
    }

    fn has_operators(&self) -> bool {
        self.has_operators
    }
}

impl Facts for NoFacts {
    fn pilots(&self, _: &str, _: Timestamp, _: Timestamp) -> Pilots {
        Pilots::default()
    }

    fn is_served_since(&self, _: &str, _: Timestamp) -> bool {
        false
    }

    fn errors_within(&self, _: &str, _: i64) -> u64 {
        0
    }

    fn runs_plans(&self) -> bool {
        false
    }
}

/// A `Publish` for flags managed by files: the binary publishes them itself.
pub(super) struct Unpublished;

impl Publish for Unpublished {
    fn check(&self, _: &Compiled) -> Result<Fit, PublishError> {
        Ok(None)
    }

    fn publish(&self, _: &Compiled, _: Revision, _: Fit) -> Result<(), PublishError> {
        Ok(())
    }
}

/// Creates the request that applies a whole document of files.
pub(super) fn document_request(document: FlagsDocument, at: Timestamp) -> Request {
    Request {
        change: Change::ApplyDocument {
            document,
            prune: false,
            new_flags: NewFlags::AsWritten,
        },
        actor: Actor {
            name: "files".into(),
            display_name: None,
            role: Role::PlatformAdmin,
            groups: Vec::new(),
            org: None,
        },
        source: ChangeSource::File,
        reason: None,
        incident: None,
        request_id: "files".into(),
        expected: None,
        force: true,
        at,
    }
}

/// Compiles a document; returns none if it is invalid.
#[must_use]
pub fn catalog_of(document: FlagsDocument, eligibility: Eligibility) -> Option<Catalog> {
    state_of_document(document, eligibility, Revision(0)).map(|current| current.catalog)
}

/// Creates the state of a document, at the revision after `former`.
pub(super) fn state_of_document(
    document: FlagsDocument,
    eligibility: Eligibility,
    former: Revision,
) -> Option<CurrentState> {
    let mut state = State::default();
    let request = document_request(document, Timestamp(0));
    let plan = changes::plan(&state, &request, &LifecyclePolicy::default(), &NoFacts).ok()?;
    state.absorb(&plan.edits, Revision(former.0.saturating_add(1)));
    let catalog = Catalog::new(eligibility, state.document.clone()).ok()?;
    Some(CurrentState { state, catalog })
}

/// The damage of a store, and its help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// [`Code::StoreDamaged`], or [`Code::StoreUnavailable`] for an error of the disk.
    pub code: Code,
    /// The damage in a sentence.
    pub detail: String,
    /// The help in a sentence.
    pub help: String,
}

impl Damage {
    /// Returns the refusal of an operation that needs a usable store.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let detail = format!("{}; the last good document is served meanwhile", self.detail);
        Refusal::new(self.code, detail).help(self.help.as_str())
    }
}

/// Returns the refusal of every change: the store is damaged, or files manage the flags.
pub(super) fn read_only(damage: Option<&Damage>) -> Refusal {
    if let Some(damage) = damage {
        return damage.refusal();
    }
    let refusal = Refusal::new(
        Code::ReadOnlySource,
        "the flags are managed by files and can't be changed here",
    );
    let help = "change the document; in an incident kill the flag on each machine: sluice flags kill KEY --socket PATH";
    refusal.help(help)
}
