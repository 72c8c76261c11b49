//! Flags that files manage, as the control plane sees them: it tells of them, and changes nothing.

use changes::{Actor, Change, Code, Facts, Policy, Refusal, Request, Revision, Role, Source, State};
use config::{Catalog, Compiled, FlagsDocument};
use rules::{Eligibility, Timestamp};

use super::{ApplyError, CurrentState};
use crate::publish::{Fit, Publish, PublishError};

/// Nothing is asked of the running system where a document is read.
pub(super) struct NoFacts;

impl Facts for NoFacts {
    fn tenants_with(&self, _: &str) -> usize {
        0
    }

    fn errors_within(&self, _: &str, _: i64) -> u64 {
        0
    }
}

/// Where files manage the flags, nothing is published here.
pub(super) struct Unpublished;

impl Publish for Unpublished {
    fn check(&self, _: &Compiled) -> Result<Fit, PublishError> {
        Ok(None)
    }

    fn publish(&self, _: &Compiled, _: Revision, _: Fit) -> Result<(), PublishError> {
        Ok(())
    }
}

/// A document that files hold, brought in whole.
pub(super) fn of_files(document: FlagsDocument, at: Timestamp) -> Request {
    Request {
        change: Change::ApplyDocument {
            document,
            prune: false,
            adopt: true,
        },
        actor: Actor {
            name: "files".into(),
            role: Role::PlatformAdmin,
            org: None,
        },
        source: Source::File,
        reason: None,
        request_id: "files".into(),
        expected: None,
        force: true,
        at,
    }
}

/// A document, compiled; none where it is no valid one.
#[must_use]
pub fn catalog_of(document: FlagsDocument, eligibility: Eligibility) -> Option<Catalog> {
    of_document(document, eligibility, Revision(0)).map(|current| current.catalog)
}

/// What is kept of a document, at the revision after `former`.
pub(super) fn of_document(
    document: FlagsDocument,
    eligibility: Eligibility,
    former: Revision,
) -> Option<CurrentState> {
    let mut state = State::default();
    let request = of_files(document, Timestamp(0));
    let plan = changes::plan(&state, &request, &Policy::default(), &NoFacts).ok()?;
    state.absorb(&plan.edits, Revision(former.0.saturating_add(1)));
    let catalog = Catalog::new(eligibility, state.document.clone()).ok()?;
    Some(CurrentState { state, catalog })
}

/// What is wrong with a store, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// [`Code::StoreDamaged`], or [`Code::StoreUnavailable`] where it is the disk.
    pub code: Code,
    /// In a sentence.
    pub detail: String,
    /// In another one.
    pub cure: String,
}

impl Damage {
    /// Why something is refused that takes a store which can be used.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let detail = format!("{}; the last good document is served meanwhile", self.detail);
        Refusal::new(self.code, detail).cure(self.cure.as_str())
    }
}

pub(super) fn read_only(damage: Option<&Damage>) -> ApplyError {
    if let Some(damage) = damage {
        return ApplyError::Refused(vec![damage.refusal()]);
    }
    let refusal = Refusal::new(
        Code::ReadOnlySource,
        "the flags are managed by files, and nothing can be changed here",
    );
    let cure = "change the document; in an incident kill the flag on each machine: sluice flags kill KEY --socket PATH";
    ApplyError::Refused(vec![refusal.cure(cure)])
}
