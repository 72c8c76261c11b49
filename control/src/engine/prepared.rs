//! A change that is planned and compiled against the current state, before it is committed.

use std::collections::BTreeMap;

use changes::{
    Facts, LifecyclePolicy, NoPlan, Plan, Refusal, Request, StateEdit, affects_more_than,
    ineffective_overrides,
};
use config::{Compiled, Draft};
use rules::{Flags, Tenants, Timestamp};

use super::current_state::CurrentState;
use super::invalid_tenants::invalid_tenants;
use super::outcome::ApplyError;

/// Flags and tenants before or after a change.
type FlagsAndTenants<'k> = (&'k Flags, &'k Tenants);

/// A change that is planned and compiled.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) draft: Draft,
    /// The state after a large change, made before the commit, so that others wait less.
    pub(super) result: Option<CurrentState>,
}

/// The number of edits from which the state after a change is made before its commit. Smaller changes edit the state in
/// place, which copies less.
const MANY_EDITS: usize = 1_000;

/// Plans and compiles a change. Of an import, tenants whose records the compiler rejects are excluded, and the change is
/// planned again without them.
///
/// # Errors
/// The state is at another revision than the request expects, the change is rejected, or the document would be invalid.
pub(super) fn prepare(
    current: &CurrentState,
    request: &Request,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> Result<Prepared, ApplyError> {
    let revision = current.state.revision;
    if let Some(expected) = request.expected.filter(|expected| *expected != revision) {
        return Err(ApplyError::Conflict {
            expected,
            current: revision,
        });
    }
    let plan_excluding = |excluded: BTreeMap<String, Refusal>| {
        changes::plan_excluding(&current.state, request, policy, facts, excluded).map_err(|no_plan| {
            match no_plan {
                NoPlan::Refused(refusals) => ApplyError::Refused(refusals),
                NoPlan::Unreadable(edits) => ApplyError::Invalid(current.catalog.explain(&edits).into()),
            }
        })
    };
    let draft = |plan: &Plan| {
        let edits = plan.edits.iter().map(StateEdit::document_edit);
        let draft = current.catalog.draft(edits.collect());
        draft.map_err(|report| ApplyError::Invalid(report.into()))
    };
    // Most imports are valid. Which tenants are not is found out only after the whole import was rejected, since that
    // takes one compilation for each tenant.
    let plan = plan_excluding(BTreeMap::new())?;
    let drafted = draft(&plan);
    if plan.unreadable.is_empty()
        && let Ok(draft) = drafted
    {
        return Ok(Prepared::new(plan, draft).noting_overrides(current, request.at));
    }
    let excluded = invalid_tenants(&current.catalog, &request.change, &plan);
    if excluded.is_empty() {
        let prepared = drafted.map(|draft| Prepared::new(plan, draft));
        return prepared.map(|prepared| prepared.noting_overrides(current, request.at));
    }
    let plan = plan_excluding(excluded)?;
    let draft = draft(&plan)?;
    Ok(Prepared::new(plan, draft).noting_overrides(current, request.at))
}

impl Prepared {
    fn new(plan: Plan, draft: Draft) -> Self {
        Self {
            plan,
            draft,
            result: None,
        }
    }

    /// Adds the overrides that the change sets and that have no effect.
    fn noting_overrides(mut self, current: &CurrentState, at: Timestamp) -> Self {
        self.plan.summary.ineffective_overrides =
            ineffective_overrides(&current.state, &self.plan.edits, side(&self.draft), at);
        self
    }

    /// Returns the change as prepared against `current`, if none of its parts has changed since it was prepared against
    /// `base`: its plan stays valid, and only its parts are compiled again.
    pub(super) fn rebased(self, base: &CurrentState, current: &CurrentState, at: Timestamp) -> Option<Self> {
        let (before, now) = (&base.state, &current.state);
        let is_same = |edit: &StateEdit| match edit {
            StateEdit::Flag(key, _) => before.flag(key) == now.flag(key),
            StateEdit::Tenant(id, _) => before.tenant(id) == now.tenant(id),
            StateEdit::Head(_) | StateEdit::Segment(..) => true,
        };
        let same_rest = before.document.head == now.document.head
            && before.document.segments == now.document.segments
            // A document may remove all flags that it omits.
            && before.document.flags.keys().eq(now.document.flags.keys())
            && base.eligibility() == current.eligibility();
        if !same_rest || !self.plan.unreadable.is_empty() || !self.plan.edits.iter().all(is_same) {
            return None;
        }
        let edits = self.plan.edits.iter().map(StateEdit::document_edit);
        let draft = current.catalog.draft(edits.collect()).ok()?;
        Some(Self::new(self.plan, draft).noting_overrides(current, at))
    }

    /// Adds the state after the change, if the change is large.
    pub(super) fn with_result(self, current: &CurrentState) -> Self {
        if self.plan.edits.len() < MANY_EDITS {
            return self;
        }
        let mut result = current.clone();
        result.adopt(&self.plan.edits, self.draft.clone(), current.state.revision);
        Self {
            result: Some(result),
            ..self
        }
    }

    /// Returns true if the change affects more than `limit` tenants.
    pub(super) fn affects_more_than(&self, limit: usize, current: &CurrentState, at: Timestamp) -> bool {
        affects_more_than(limit, current.side(), side(&self.draft), &self.plan.affected, at)
    }
}

impl CurrentState {
    /// Returns the flags and tenants before the change.
    pub(super) fn side(&self) -> FlagsAndTenants<'_> {
        compiled_side(self.catalog.compiled())
    }
}

/// Returns the flags and tenants after the change.
pub(super) fn side(draft: &Draft) -> FlagsAndTenants<'_> {
    compiled_side(draft.compiled())
}

fn compiled_side(compiled: &Compiled) -> FlagsAndTenants<'_> {
    (&compiled.flags, &compiled.tenants)
}
