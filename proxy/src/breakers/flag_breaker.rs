//! The circuit breaker of one flag, for all its tenants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;

use rules::{Breaker, BreakerEventKind};

use super::breaker_event::BreakerEvent;
use super::process_breakers::ProcessBreakers;
use super::tenant_breaker::{BreakerState, Permission, RequestTimes, TenantBreaker};
use super::tenant_table::TenantTable;
use super::window::WindowCounts;

/// The breaker of a flag. Snapshots with the same settings share it.
#[derive(Debug)]
pub(crate) struct FlagBreaker {
    flag: Arc<str>,
    settings: Breaker,
    rate: f64,
    open_us: u64,
    tenants: TenantTable,
    /// The open ones among the tenants. Those of a dry run are not open.
    open: AtomicUsize,
    openings: AtomicU64,
    process: Arc<ProcessBreakers>,
}

impl FlagBreaker {
    pub(crate) fn new(flag: &str, settings: Breaker, process: &Arc<ProcessBreakers>) -> Self {
        Self {
            flag: flag.into(),
            rate: settings.rate(),
            open_us: settings.for_ms.saturating_mul(1_000),
            settings,
            tenants: TenantTable::new(process),
            open: AtomicUsize::new(0),
            openings: AtomicU64::new(0),
            process: Arc::clone(process),
        }
    }

    /// Returns the flag's key.
    pub(crate) fn flag(&self) -> &str {
        &self.flag
    }

    pub(crate) fn settings(&self) -> &Breaker {
        &self.settings
    }

    /// Returns the number of tenants that the flag is off for.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Returns the number of times that it has opened, or with `dry_run` would have opened.
    pub(crate) fn openings(&self) -> u64 {
        self.openings.load(Ordering::Relaxed)
    }

    /// Returns true if the flag is off for a request of a tenant that begins now. A request that `may_try` counts for the
    /// flag, and may be let through by a half-open breaker.
    pub(crate) fn refuses(&self, tenant: u64, now: u64, may_try: bool) -> bool {
        if self.open() == 0 || self.settings.dry_run {
            return false;
        }
        let found = self.tenants.find(tenant);
        let Some(tenant) = found.as_ref().and_then(|found| found.as_deref()) else {
            return false;
        };
        let (permission, half_opened) = tenant.ask(now, may_try);
        if half_opened {
            self.report(BreakerEventKind::HalfOpened, tenant, WindowCounts::default());
        }
        permission == Permission::Off
    }

    /// Returns true if the breaker is open or half-open for a tenant. Unlike a request, it takes no part.
    pub(crate) fn is_open(&self, tenant: u64) -> bool {
        let found = self.tenants.find(tenant);
        let tenant = found.as_ref().and_then(|found| found.as_deref());
        !self.settings.dry_run && tenant.is_some_and(|tenant| tenant.state().is_open())
    }

    /// Counts the end of a request that the flag was on for. Times are in microseconds.
    pub(crate) fn count(&self, (hash, id): (u64, &str), (begun, ended): (u64, u64), is_error: bool) {
        let times = RequestTimes { begun, ended };
        let found = self.tenants.find_or_take(hash, id, ended);
        match found.as_ref().and_then(|found| found.as_deref()) {
            Some(tenant) => self.count_for(tenant, times, is_error),
            None => self.process.count_uncounted(),
        }
    }

    /// Counts the end of a request of an entry, which may have lost its place in the table since it was found.
    fn count_for(&self, tenant: &TenantBreaker, times: RequestTimes, is_error: bool) {
        let ended = times.ended;
        match tenant.state() {
            BreakerState::Closed { .. } => {
                if let Some(counts) = tenant.count(times, is_error)
                    && self.is_exceeded(counts)
                {
                    self.open_for(tenant, times, counts);
                }
            }
            BreakerState::Open { until } if self.settings.dry_run && ended >= until => {
                tenant.clear();
                let closed = BreakerState::Closed { since: until };
                tenant.replace(BreakerState::Open { until }, closed);
            }
            BreakerState::Open { .. } => {}
            BreakerState::HalfOpen { .. } => self.count_trial(tenant, times, is_error),
            BreakerState::Detached => self.process.count_uncounted(),
        }
    }

    fn is_exceeded(&self, counts: WindowCounts) -> bool {
        let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        counts.errors > 0
            && counts.requests >= u64::from(self.settings.requests)
            && number(counts.errors) >= self.rate * number(counts.requests)
    }

    /// Opens the breaker of a tenant, unless another thread has, or too many are open.
    fn open_for(&self, tenant: &TenantBreaker, times: RequestTimes, counts: WindowCounts) {
        let held = tenant.state();
        if !matches!(held, BreakerState::Closed { .. }) {
            return;
        }
        if !self.settings.dry_run && !self.process.open_one() {
            if self.process.reports_limit() {
                self.report(BreakerEventKind::LimitReached, tenant, counts);
            }
            return;
        }
        let open = BreakerState::Open {
            until: times.ended.saturating_add(self.open_us),
        };
        if !tenant.replace(held, open) {
            if !self.settings.dry_run {
                self.process.close(1);
            }
            return;
        }
        tenant.clear();
        self.openings.fetch_add(1, Ordering::Relaxed);
        if self.settings.dry_run {
            self.report(BreakerEventKind::WouldHaveOpened, tenant, counts);
        } else {
            self.open.fetch_add(1, Ordering::Relaxed);
            self.report(BreakerEventKind::Opened, tenant, counts);
        }
    }

    /// Counts the end of a trial.
    fn count_trial(&self, tenant: &TenantBreaker, times: RequestTimes, is_error: bool) {
        // Each repetition follows a success of another thread.
        loop {
            let held = tenant.state();
            let Some(next) = TenantBreaker::after_trial(held, times, is_error, self.open_us) else {
                return;
            };
            if let BreakerState::Closed { .. } = next {
                tenant.clear();
            }
            if !tenant.replace(held, next) {
                continue;
            }
            match next {
                BreakerState::Closed { .. } => self.closed(tenant),
                BreakerState::Open { .. } => {
                    self.openings.fetch_add(1, Ordering::Relaxed);
                    let counts = WindowCounts {
                        requests: 1,
                        errors: 1,
                    };
                    self.report(BreakerEventKind::Opened, tenant, counts);
                }
                BreakerState::HalfOpen { .. } | BreakerState::Detached => {}
            }
            return;
        }
    }

    /// Closes the breakers of tenants that have sent no request for an hour. Not called by requests.
    pub(crate) fn close_idle(&self, now: u64) {
        if self.open() == 0 {
            return;
        }
        for tenant in self.tenants.all().filter(|tenant| tenant.is_idle(now)) {
            let held = tenant.state();
            if held.is_open() && tenant.replace(held, BreakerState::Closed { since: now }) {
                self.closed(&tenant);
            }
        }
    }

    fn closed(&self, tenant: &TenantBreaker) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.process.close(1);
        self.report(BreakerEventKind::Closed, tenant, WindowCounts::default());
    }

    fn report(&self, kind: BreakerEventKind, tenant: &TenantBreaker, counts: WindowCounts) {
        self.process.send(BreakerEvent {
            kind,
            flag: Arc::clone(&self.flag),
            tenant: Arc::clone(tenant.id()),
            at: SystemTime::now(),
            requests: counts.requests,
            errors: counts.errors,
        });
    }
}

impl Drop for FlagBreaker {
    /// The flag has no breaker any more: those that are open end.
    fn drop(&mut self) {
        self.process.close(self.open());
    }
}

#[cfg(test)]
mod tests;
