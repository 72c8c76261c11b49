//! The events of circuit breakers in the log.

use rules::BreakerEventKind;

use crate::observe::BreakerEvent;

/// The most events that are logged at a time; the others are counted.
const MAX_LINES: usize = 10;

/// Logs the events of one slot.
pub(super) fn log(events: &[BreakerEvent]) {
    for event in events.iter().take(MAX_LINES) {
        let BreakerEvent {
            flag,
            tenant,
            requests,
            errors,
            ..
        } = event;
        match event.kind {
            BreakerEventKind::Opened => {
                tracing::warn!(flag, tenant, requests, errors, "circuit breaker: opened");
            }
            BreakerEventKind::HalfOpened => tracing::info!(flag, tenant, "circuit breaker: half-open"),
            BreakerEventKind::Closed => tracing::info!(flag, tenant, "circuit breaker: closed"),
            BreakerEventKind::WouldHaveOpened => {
                tracing::warn!(
                    flag,
                    tenant,
                    requests,
                    errors,
                    "circuit breaker: would have opened (dry run)"
                );
            }
            BreakerEventKind::LimitReached => {
                tracing::error!(
                    flag,
                    tenant,
                    "circuit breaker: not opened, the largest number of breakers is open"
                );
            }
        }
    }
    let more = events.len().saturating_sub(MAX_LINES);
    if more > 0 {
        tracing::warn!(more, "circuit breaker: further events");
    }
}
