//! The subject that a request was decided for, built again after its end.

use rules::Subject;

use crate::breakers::OpenFlags;
use crate::phase::received::NOTHING_ASSUMED;
use crate::phase::subject::{self, SubjectAttributes};
use crate::request_context::RequestContext;

/// Calls `read` with the subject of the request.
pub(crate) fn with_subject<T>(context: &RequestContext, read: impl FnOnce(&Subject<'_>) -> T) -> T {
    let decider = &context.prepared.decider;
    let caller = context.found.caller.as_ref();
    let client = subject::client_text(decider, &context.forwarding);
    // The head is the upstream's by now.
    let decided_fields = context.found.decided_fields.as_deref();
    let fields = decided_fields.unwrap_or(&context.head.fields);
    let mut attributes = SubjectAttributes::new();
    let own = (fields, client.as_deref());
    subject::find_attributes(&mut attributes, decider, caller, &NOTHING_ASSUMED, own);
    let mut open = OpenFlags::new();
    let observed = context.prepared.meters.observed();
    observed.open_flags(context.open_breakers, &mut open);
    let mut subject = subject::subject(decider, caller, &attributes);
    subject.open_breakers = &open;
    read(&subject)
}
