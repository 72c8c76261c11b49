//! The subject of a request: the caller and the attributes that flags are decided for.

use arrayvec::ArrayVec;
use rules::{AttributeId, MAX_SUBJECT_ATTRIBUTES, Subject, TenantId, Value};
use wire::Fields;

use crate::caller::Caller;
use crate::decider::Decider;
use crate::forwarding::{AddressText, Forwarding};
use crate::phase::received::Assumed;

/// The attributes of a request beyond tenant, user and groups. On the stack: deciding allocates nothing.
pub(crate) type SubjectAttributes<'a> = ArrayVec<(AttributeId, Value<'a>), MAX_SUBJECT_ATTRIBUTES>;

/// Appends the attributes of the token, then the assumed ones, then those of the request. The first of a name counts,
/// so signed values take precedence. Appends to `found` because the list is large to return.
pub(crate) fn find_attributes<'a>(
    found: &mut SubjectAttributes<'a>,
    decider: &'a Decider,
    caller: Option<&'a Caller>,
    assumed: &'a Assumed,
    (fields, client): (&'a Fields, Option<&'a str>),
) {
    let signed = caller.into_iter().flat_map(Caller::attributes);
    let signed = signed.filter_map(|(number, value)| {
        let id = usize::try_from(*number).ok().and_then(AttributeId::from_index)?;
        Some((id, value.as_value()))
    });
    let assumed = assumed.attributes.iter();
    let assumed = assumed.map(|(id, value)| (*id, value.as_value()));
    let own = decider.credentials.attributes.iter();
    let own = own.filter_map(|attribute| Some((attribute.id, attribute.value(fields, client)?)));
    let left = found.remaining_capacity();
    found.extend(signed.chain(assumed).chain(own).take(left));
}

/// Returns the client's address as text, if an attribute has it as its value.
pub(crate) fn client_text(decider: &Decider, forwarding: &Forwarding) -> Option<AddressText> {
    decider.credentials.client_attributes().next()?;
    forwarding.client_text()
}

/// Returns the subject that flags are decided for.
pub(crate) fn subject<'a>(
    decider: &'a Decider,
    caller: Option<&'a Caller>,
    attributes: &'a SubjectAttributes<'a>,
) -> Subject<'a> {
    let tenant = caller.and_then(Caller::tenant).map(TenantId::as_str);
    let mut subject = decider.snapshot.subject(tenant);
    if let Some(caller) = caller {
        subject.user = caller.user();
        subject.groups = caller.groups();
    }
    subject.attributes = attributes;
    subject
}
