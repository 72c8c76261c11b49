//! The flag evaluations of a request: events named `feature_flag.evaluation`, by the semantic conventions of
//! OpenTelemetry for feature flags (release candidate of 2026).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rules::TenantId;
use traces::{Attribute, SpanEvent};

use crate::phase::gate_flags::for_gate_flags;
use crate::request_context::RequestContext;

/// The name of the events.
const NAME: &str = "feature_flag.evaluation";

/// Returns an event for each flag of the deciding route's gate. They are decided again, with the same result: the
/// snapshot, the subject and the time are those of the request.
pub(super) fn events(context: &RequestContext) -> Vec<SpanEvent> {
    let snapshot = &context.prepared.decider.snapshot;
    let at = decided_at(context);
    let mut events = Vec::new();
    for_gate_flags(
        context,
        |_| true,
        |id, decision, _| {
            let Some(flag) = snapshot.flags.flag(id) else {
                return;
            };
            let mut attributes = vec![
                Attribute::text("feature_flag.key", flag.key().as_str().to_owned()),
                Attribute::text(
                    "feature_flag.result.reason",
                    decision.reason.as_str().to_ascii_lowercase(),
                ),
                Attribute::text("feature_flag.provider.name", "sluice"),
                Attribute::text("feature_flag.set.id", snapshot.environment.to_string()),
                Attribute::text("feature_flag.version", snapshot.revision.0.to_string()),
                Attribute::text("sluice.cause", decision.cause.as_str()),
            ];
            let variant = flag.variant(decision.variant);
            attributes.extend(
                variant
                    .map(|variant| Attribute::text("feature_flag.result.variant", variant.name.to_string())),
            );
            // The tenant, never the user: ids of users are personal data.
            let tenant = context.found.tenant().map(TenantId::as_str);
            attributes
                .extend(tenant.map(|tenant| Attribute::text("feature_flag.context.id", tenant.to_owned())));
            events.push(SpanEvent {
                name: NAME,
                at,
                attributes,
            });
        },
    );
    events
}

fn decided_at(context: &RequestContext) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(context.now.0).unwrap_or(0))
}
