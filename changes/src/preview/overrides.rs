//! Overrides that a change sets and that have no effect, because an earlier line of the decision table decides.

use rules::{Cause, Flags, Lifecycle, Tenants, Timestamp};

use super::tenant_decision::tenant_decision;
use crate::state::{State, StateEdit};

/// The largest number of overrides that are reported.
const MAX_REPORTED: usize = 100;

/// An override that has no effect now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IneffectiveOverride {
    /// The tenant.
    pub org: String,
    /// The flag.
    pub flag: String,
    /// The reason in words: `not eligible at beta`, `killed`.
    pub reason: String,
}

/// Returns the overrides that the edits set and that have no effect after them, at most 100.
#[must_use]
pub fn ineffective_overrides(
    state: &State,
    edits: &[StateEdit],
    (flags, tenants): (&Flags, &Tenants),
    now: Timestamp,
) -> Vec<IneffectiveOverride> {
    let head = edits.iter().find_map(|edit| match edit {
        StateEdit::Head(head) => Some(head),
        StateEdit::Segment(..) | StateEdit::Flag(..) | StateEdit::Tenant(..) => None,
    });
    let policy = head.unwrap_or(&state.document.head).policy();
    let records = edits.iter().filter_map(|edit| match edit {
        StateEdit::Tenant(id, Some(record)) => Some((id, record)),
        _ => None,
    });
    let set = records.flat_map(|(id, record)| {
        let before = state.tenant(id).and_then(|before| before.overrides.as_ref());
        let overrides = record.overrides.iter().flatten();
        let set = overrides.filter(move |set| before.is_none_or(|before| !before.contains(set)));
        set.map(move |(flag, variant)| (&**id, &*flag.value, &*variant.value))
    });
    let ineffective = set.filter_map(|(org, key, variant)| {
        let id = flags.id(key)?;
        let decision = tenant_decision(flags, Some(id), org, tenants.find(org), now);
        let served = decision.variant()?;
        // `true` and `false` stand for `on` and `off`.
        let flag = flags.flag(id)?;
        let is_named = |name: &str| flag.variants().iter().any(|variant| *variant.name == *name);
        let wanted = match variant {
            "true" if !is_named(variant) => "on",
            "false" if !is_named(variant) => "off",
            named => named,
        };
        if served == wanted {
            return None;
        }
        let is_alpha = flag.lifecycle() == Some(Lifecycle::Alpha);
        let reason = match decision.cause()? {
            Cause::Lifecycle if is_alpha && !policy.alpha_overrides => {
                "it is alpha, and `policy.alpha_overrides` is false".to_owned()
            }
            _ => decision.cause_text(),
        };
        Some(IneffectiveOverride {
            org: org.to_owned(),
            flag: key.to_owned(),
            reason,
        })
    });
    ineffective.take(MAX_REPORTED).collect()
}
