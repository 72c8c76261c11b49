//! Inputs of decisions that only a request has: its user, the user's groups, and attributes that no tenant's record
//! has.

use rules::FlagId;

use super::side::Side;

/// Returns true if the change alters decisions of the flag that depend on such inputs.
pub(super) fn alter_decisions(
    old: &Side<'_>,
    new: &Side<'_>,
    (from, to): (Option<FlagId>, Option<FlagId>),
) -> bool {
    if let (Some(from), Some(to)) = (from, to)
        && from == to
        && !old.flags.differences(from, new.flags).depend_on_requests()
    {
        return false;
    }
    let reads = |side: &Side<'_>, id: Option<FlagId>| {
        let reads = id.map(|id| side.flags.request_inputs(id)).unwrap_or_default();
        let mut attributes = reads.attributes.into_iter();
        reads.person || attributes.any(|attribute| side.is_in_no_record(attribute))
    };
    reads(old, from) || reads(new, to)
}
