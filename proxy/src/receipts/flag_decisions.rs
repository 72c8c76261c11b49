//! The decisions of all flags of a gate, and of the flags that these require.

use rules::{Cause, Decision, FlagId, Flags, Gate, Subject, Timestamp, Verdict, decide};

use super::record::ReceiptRecord;
use crate::arms::CountedArm;

/// Adds the flags of a gate with their decisions: first the one that determined its state, whose decision is known. A
/// required flag that closed another one follows it.
pub(crate) fn add_flags(
    record: &mut ReceiptRecord,
    (gate, verdict): (&Gate, Verdict),
    flags: &Flags,
    (subject, now): (&Subject<'_>, Timestamp),
) {
    let mut add =
        |id, decision: Decision, is_required| add_flag(record, flags, (id, decision), subject, is_required);
    add(verdict.flag, verdict.decision, false);
    add_required(flags, (verdict.flag, verdict.decision), (subject, now), &mut add);
    for &id in gate.flags().iter().filter(|id| **id != verdict.flag) {
        let decision = decide(flags, id, subject, now);
        add(id, decision, false);
        add_required(flags, (id, decision), (subject, now), &mut add);
    }
}

/// Adds the flag that the decision found not to be on, unless it is the gate's own.
fn add_required(
    flags: &Flags,
    (id, decision): (FlagId, Decision),
    (subject, now): (&Subject<'_>, Timestamp),
    add: &mut impl FnMut(FlagId, Decision, bool),
) {
    let required = flags.flag(id).filter(|_| decision.cause == Cause::Prerequisite);
    if let Some(required) = required.and_then(|flag| flag.required_flag(decision.place)) {
        add(required, decide(flags, required, subject, now), true);
    }
}

fn add_flag(
    record: &mut ReceiptRecord,
    flags: &Flags,
    (id, decision): (FlagId, Decision),
    subject: &Subject<'_>,
    is_required: bool,
) {
    let Some(flag) = flags.flag(id) else { return };
    let variant = flag
        .variant(decision.variant)
        .map_or("", |variant| &*variant.name);
    let arm = flag
        .is_planned()
        .then(|| CountedArm::of(flags.arm(id, &decision, subject)));
    let bucket = flags.bucket(id, subject);
    record.add_flag(
        (flag.key().as_str(), variant),
        decision,
        (bucket, arm),
        is_required,
    );
}
