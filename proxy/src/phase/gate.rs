//! The gate: puts together who is asking, decides, and counts the decision.

use arrayvec::ArrayVec;
use http::HeaderMap;
use rules::{
    AttributeId, Gate, MAX_SUBJECT_ATTRIBUTES, Subject, Timestamp, Value, Verdict, decide as decide_flag,
};

use crate::asker::Asker;
use crate::serving::Serving;

/// What a request says of itself beyond tenant, user and groups. On the stack: deciding allocates nothing.
pub(crate) type Attributes<'a> = ArrayVec<(AttributeId, Value<'a>), MAX_SUBJECT_ATTRIBUTES>;

/// The attributes that the token has, and after them those of the request itself: of two of the same name the
/// one that was signed counts.
pub(crate) fn attributes<'a>(
    serving: &Serving,
    asker: Option<&'a Asker>,
    headers: &'a HeaderMap,
    client: Option<&'a str>,
) -> Attributes<'a> {
    let signed = asker
        .into_iter()
        .flat_map(Asker::attributes)
        .filter_map(|(number, value)| {
            let id = usize::try_from(*number).ok().and_then(AttributeId::from_index)?;
            Some((id, value.as_value()))
        });
    let own = serving.credentials.attributes.iter();
    let own = own.filter_map(|(id, place)| Some((*id, Value::String(place.find(headers, client)?))));
    signed.chain(own).take(MAX_SUBJECT_ATTRIBUTES).collect()
}

/// Who is asking, as the rules see it.
pub(crate) fn subject<'a>(
    serving: &'a Serving,
    asker: Option<&'a Asker>,
    attributes: &'a Attributes<'a>,
) -> Subject<'a> {
    let mut subject = serving
        .snapshot
        .subject(asker.and_then(Asker::tenant).map(rules::TenantId::as_str));
    if let Some(asker) = asker {
        subject.user = asker.user();
        subject.groups = asker.groups();
    }
    subject.attributes = attributes;
    subject
}

/// What the gate says of the subject.
pub(crate) fn decide(serving: &Serving, gate: &Gate, subject: &Subject<'_>, now: Timestamp) -> Verdict {
    let verdict = gate.decide(&serving.snapshot.flags, subject, now);
    if let Some(meter) = serving.meters.flag(verdict.flag.index()) {
        meter.count(verdict.decision.variant.index(), verdict.decision.cause);
    }
    verdict
}

/// Counts a response of status 5xx for the flags of the gate that are on for the subject.
pub(crate) fn count_errors(serving: &Serving, gate: &Gate, subject: &Subject<'_>, now: Timestamp) {
    let flags = &serving.snapshot.flags;
    for &id in gate.flags() {
        let served = decide_flag(flags, id, subject, now).variant;
        let is_on = flags.flag(id).is_some_and(|flag| flag.off() != served);
        if is_on && let Some(meter) = serving.meters.flag(id.index()) {
            meter.count_error();
        }
    }
}
