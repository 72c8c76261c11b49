//! The reasons of verdicts about checks, as codes and as sentences.

use verdicts::{InvalidSlot, Minimum, Reason};

/// Returns the code of a reason.
pub(super) fn reason_code(reason: Reason) -> &'static str {
    match reason {
        Reason::Met => "met",
        Reason::Evidence => "evidence",
        Reason::NoControl => "no_control",
        Reason::FewRequests => "few_requests",
        Reason::FewTenants => "few_tenants",
        Reason::OutsideBound => "outside_bound",
        Reason::RecentEvidence => "recent_evidence",
        Reason::NoHistory => "no_history",
        Reason::NoSlots => "no_slots",
        Reason::Invalid(_) => "invalid_slot",
        Reason::RatioMismatch => "ratio_mismatch",
        Reason::OverBound => "over_bound",
        Reason::Unreadable => "unreadable",
        Reason::OpenReports => "open_reports",
        Reason::NoSample => "no_sample",
        Reason::Recovering => "recovering",
    }
}

/// Returns a reason as a sentence. `minimum` is the sample that a check needs.
pub(super) fn reason_text(reason: Reason, minimum: Minimum) -> String {
    let Minimum { requests, tenants } = minimum;
    let text = match reason {
        Reason::Met => "every condition is met",
        Reason::Evidence => "the evidence against it is sufficient",
        Reason::NoControl => "no control arm",
        Reason::FewRequests => return format!("fewer than {requests} requests in an arm"),
        Reason::FewTenants => return format!("fewer than {tenants} tenants in an arm"),
        Reason::OutsideBound => "outside of the bound, without sufficient evidence",
        Reason::RecentEvidence => "evidence against it within the last ten minutes",
        Reason::NoHistory => "no requests in the 24 h before the stage to compare with",
        Reason::NoSlots => "nothing was counted within the last minute",
        Reason::Invalid(invalid) => return format!("counts do not add up: {}", invalid_text(invalid)),
        Reason::RatioMismatch => "the arms do not have the percentage of the stage",
        Reason::OverBound => "over the bound, fewer than three times in a row",
        Reason::Unreadable => "the metric cannot be read",
        Reason::OpenReports => "reports of the same cause are open",
        Reason::NoSample => "nothing was measured yet",
        Reason::Recovering => "it has failed; its evidence began again, and must pass for ten minutes",
    };
    text.to_owned()
}

fn invalid_text(invalid: InvalidSlot) -> &'static str {
    match invalid {
        InvalidSlot::CounterFell => "a counter fell",
        InvalidSlot::ClockJumped => "the clock jumped, or nothing was counted for a minute",
        InvalidSlot::PartAboveWhole => "a part is larger than its whole",
        InvalidSlot::AboveCap => "more requests of a unit than the cap",
        InvalidSlot::UnitTwice => "a unit was counted twice",
    }
}
