//! The keys that one issuer publishes at a URL: fetched in the background, and once more when a token needs it. A
//! valid response replaces them, even if it has no keys. After a failed fetch the last good keys stay in use, for as
//! long as the documents allow.
//!
//! Requests never fetch themselves. They wait, for a bounded time, for a fetch that runs on its own and that all
//! requests share.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use reqwest::Client;
use tokens::{Generation, InvalidKey, KeySet};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch};
use tracing::{info, warn};

use crate::fetch_log::FetchLog;
use crate::fetch_timing::{FetchTiming, RefreshSettings};
use crate::jwks::{FetchFailed, Jwks};
use crate::keys_status::KeysStatus;

/// Maximum of requests that wait for one issuer's keys. Further requests get `CoolingDown`.
pub const MAX_WAITING_REQUESTS: usize = 1_024;
/// Maximum of key ids that are remembered as absent.
pub const MAX_ABSENT_KIDS: usize = 1_024;

/// The keys at a URL, shared by all that use, fetch or show them.
pub(crate) struct RemoteKeys {
    issuer: Box<str>,
    jwks: Jwks,
    client: Client,
    timing: FetchTiming,
    /// Runs the fetches, so that one outlives the request that started it.
    runtime: Handle,
    /// The interval of fetches, and the time for which keys are kept when they fail.
    refresh: watch::Sender<RefreshSettings>,
    current: ArcSwapOption<KeySet>,
    loaded: watch::Sender<bool>,
    waiting: Semaphore,
    /// The key ids that the issuer does not publish, with the time of the fetch that showed it.
    absent: Cache<Box<str>, Instant>,
    state: Mutex<FetchState>,
    /// Notified after each fetch, for the task that drops expired keys.
    fetch_ended: Notify,
    /// Called after the keys were replaced, before anything that waits for them wakes up.
    on_replaced: Box<dyn Fn() + Send + Sync>,
}

/// The result of a request for newer keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// Other keys than the tried ones are in use: verify again.
    Changed,
    /// The issuer still publishes the tried keys, or is known not to have the key.
    Unchanged,
    /// The last fetch for a request is too recent, or too many requests wait.
    CoolingDown,
    /// The fetch failed, or takes longer than a request waits.
    Failed,
}

#[derive(Debug, Default)]
struct FetchState {
    /// The fetch that is running.
    pending: Option<PendingFetch>,
    /// Time when the last fetch for a request ended.
    request_fetch_ended_at: Option<Instant>,
    log: FetchLog,
}

/// A running fetch. It yields true if it succeeded; if the sender is dropped, it failed.
type PendingFetch = watch::Receiver<Option<bool>>;

/// The trigger of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FetchTrigger {
    Timer,
    Request,
}

/// Clears the running fetch when its task ends in any way, so that a panic does not block later fetches.
struct FetchGuard {
    keys: Arc<RemoteKeys>,
    trigger: FetchTrigger,
}

impl std::fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Drop for FetchGuard {
    fn drop(&mut self) {
        let mut state = self.keys.state.lock();
        state.pending = None;
        if self.trigger == FetchTrigger::Request {
            state.request_fetch_ended_at = Some(Instant::now());
        }
    }
}

impl RemoteKeys {
    /// Creates keys that are not fetched yet. `on_replaced` must hold them weakly, if at all: it lives as long as they.
    pub(crate) fn new(
        issuer: &str,
        jwks: Jwks,
        refresh: RefreshSettings,
        client: Client,
        (runtime, timing): (Handle, FetchTiming),
        on_replaced: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            jwks,
            client,
            timing,
            runtime,
            refresh: watch::Sender::new(refresh),
            current: ArcSwapOption::empty(),
            loaded: watch::Sender::new(false),
            waiting: Semaphore::new(MAX_WAITING_REQUESTS),
            absent: Cache::new(MAX_ABSENT_KIDS),
            state: Mutex::default(),
            fetch_ended: Notify::new(),
            on_replaced: Box::new(on_replaced),
        }
    }

    pub(crate) fn current(&self) -> Option<Arc<KeySet>> {
        self.current.load_full()
    }

    pub(crate) fn generation(&self) -> Option<Generation> {
        self.current.load().as_ref().map(|keys| keys.generation())
    }

    /// Waits until there are keys, without a limit.
    pub(crate) async fn loaded(&self) {
        // The sender is part of `self`, so this can't fail.
        let _ = self.loaded.subscribe().wait_for(|loaded| *loaded).await;
    }

    /// Changes the interval of fetches, and the time for which keys are kept.
    pub(crate) fn set_refresh(&self, refresh: RefreshSettings) {
        self.refresh
            .send_if_modified(|present| std::mem::replace(present, refresh) != refresh);
    }

    /// Requests keys other than those of generation `tried`, with the key `kid` if given.
    pub(crate) async fn refresh(self: &Arc<Self>, kid: Option<&str>, tried: Option<Generation>) -> Refreshed {
        if self.generation() != tried {
            return Refreshed::Changed;
        }
        // Tokens with made-up key ids must not cause a fetch each.
        if kid.is_some_and(|kid| self.is_absent(kid)) {
            return Refreshed::Unchanged;
        }
        // Bounds the memory of waiting requests while an issuer is slow.
        let Ok(_place) = self.waiting.try_acquire() else {
            return Refreshed::CoolingDown;
        };
        let Some(pending) = self.join_or_start_fetch(FetchTrigger::Request) else {
            return Refreshed::CoolingDown;
        };
        // Dropping this future does not cancel the fetch, which other requests may wait for.
        let succeeded = tokio::time::timeout(self.timing.wait, wait_for_fetch(pending)).await;
        if self.generation() != tried {
            return Refreshed::Changed;
        }
        if succeeded != Ok(true) {
            // The keys may still be right, so the key id is not remembered as absent.
            return Refreshed::Failed;
        }
        if let Some(kid) = kid {
            self.absent.insert(kid.into(), Instant::now());
        }
        Refreshed::Unchanged
    }

    /// Fetches the keys at the interval and drops expired ones, until it is aborted.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        // Concurrent, so that a slow fetch does not delay the expiry of the keys.
        tokio::join!(self.fetch_repeatedly(), self.drop_keys_on_expiry());
    }

    /// Fetches at the interval, sooner after a failure.
    async fn fetch_repeatedly(self: &Arc<Self>) {
        let random = RandomState::new();
        let mut refresh = self.refresh.subscribe();
        let mut failures = 0_u32;
        // The number of the round is hashed into the random part of the pause.
        for round in 0_u64.. {
            let succeeded = match self.join_or_start_fetch(FetchTrigger::Timer) {
                Some(pending) => wait_for_fetch(pending).await,
                None => false,
            };
            failures = if succeeded { 0 } else { failures.saturating_add(1) };
            let next = self
                .timing
                .pause_after_success(refresh.borrow_and_update().interval, random.hash_one(round));
            let pause = match failures {
                0 => next,
                failures => self
                    .timing
                    .pause_after_failures(failures, random.hash_one(round))
                    .min(next),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The sender is part of `self`, so this can't fail.
                _ = refresh.changed() => {}
            }
        }
    }

    /// Drops the last good keys each time they expire.
    async fn drop_keys_on_expiry(&self) {
        let mut refresh = self.refresh.subscribe();
        loop {
            let until = self.keys_expire_at(&self.state.lock(), *refresh.borrow_and_update());
            let is_over = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = is_over => self.drop_expired_keys(),
                () = self.fetch_ended.notified() => {}
                // The sender is part of `self`, so this can't fail.
                _ = refresh.changed() => {}
            }
        }
    }

    /// Returns when the keys expire; none while fetches succeed, without keys, and without a limit.
    fn keys_expire_at(&self, state: &FetchState, refresh: RefreshSettings) -> Option<Instant> {
        self.generation()?;
        state.log.expires_at(refresh.keep_keys?)
    }

    fn drop_expired_keys(&self) {
        let refresh = *self.refresh.borrow();
        let state = self.state.lock();
        // Checked again under the lock: a fetch may have succeeded, or the settings may have changed, since the timer
        // was set.
        let is_over = self
            .keys_expire_at(&state, refresh)
            .is_some_and(|until| until <= Instant::now());
        if !is_over {
            return;
        }
        self.current.store(None);
        self.loaded.send_replace(false);
        drop(state);
        let kept = refresh.keep_keys.unwrap_or_default();
        warn!(issuer = %self.issuer, "fetches have failed for {kept:?}: the last good keys have expired");
    }

    pub(crate) fn status(&self) -> KeysStatus {
        let state = self.state.lock();
        KeysStatus {
            issuer: self.issuer.clone(),
            keys: self.current.load().as_ref().map(|keys| keys.len()),
            last_success: state.log.last_success(),
            last_failure: state.log.last_failure(),
            failing_since: state.log.failing_since(),
            keep_keys: self.refresh.borrow().keep_keys,
            fetches: state.log.counts().clone(),
        }
    }

    fn is_absent(&self, kid: &str) -> bool {
        self.absent
            .get(kid)
            .is_some_and(|found| found.elapsed() < self.timing.absent_for)
    }

    /// Returns the running fetch, or starts one; none if a request asks during the cool-down.
    fn join_or_start_fetch(self: &Arc<Self>, trigger: FetchTrigger) -> Option<PendingFetch> {
        let mut state = self.state.lock();
        // All requests share one fetch, so that load on the proxy is no load on the issuer.
        if let Some(pending) = &state.pending {
            return Some(pending.clone());
        }
        let cooling = state
            .request_fetch_ended_at
            .is_some_and(|at| at.elapsed() < self.timing.cool_down);
        if trigger == FetchTrigger::Request && cooling {
            return None;
        }
        let (ended, pending) = watch::channel(None);
        state.pending = Some(pending.clone());
        drop(state);
        let guard = FetchGuard {
            keys: Arc::clone(self),
            trigger,
        };
        // Spawned on the store's runtime: a request that is cancelled must not cancel the fetch.
        self.runtime.spawn(async move {
            let fetched = guard
                .keys
                .jwks
                .fetch(&guard.keys.client, guard.keys.timing.fetch_limit)
                .await;
            let succeeded = fetched.is_ok();
            guard.keys.record_result(fetched);
            // The guard is dropped first: a waiter that wakes up must be able to start the next fetch.
            drop(guard);
            ended.send_replace(Some(succeeded));
        });
        Some(pending)
    }

    /// Records the result of a fetch and replaces the keys.
    fn record_result(&self, fetched: Result<KeySet, FetchFailed>) {
        let now = SystemTime::now();
        match fetched {
            Ok(keys) => {
                // Recorded before the keys are replaced: from here on the new keys can't expire because of earlier
                // failures.
                self.state.lock().log.record_success(now);
                self.replace_keys(keys);
            }
            Err(error) => {
                // Withdrawn first: from here on the failure only extends the use of keys that are still published.
                self.withdraw_unlisted(&error);
                let kept = self.current.load().is_some();
                warn!(issuer = %self.issuer, last_good_kept = kept, "keys could not be fetched: {error}");
                self.state.lock().log.record_failure(&error, now);
            }
        }
        self.fetch_ended.notify_one();
    }

    /// Withdraws keys that a published but unusable set does not list. After other failures all keys stay, but an
    /// issuer withdraws a key by publishing a set without it.
    fn withdraw_unlisted(&self, error: &FetchFailed) {
        if let FetchFailed::Invalid(InvalidKey::AmbiguousKeys { published, .. }) = error
            && let Some(present) = &*self.current.load()
        {
            self.replace_keys(present.only(published));
        }
    }

    /// Replaces the keys, unless they are equal: then the generation does not change, and cached tokens stay valid.
    fn replace_keys(&self, keys: KeySet) {
        if self.generation() == Some(keys.generation()) {
            return;
        }
        let keys = Arc::new(keys);
        self.current.store(Some(Arc::clone(&keys)));
        (self.on_replaced)();
        self.loaded.send_replace(true);
        // Logged last, so that each line is true when it is written.
        if keys.is_empty() {
            warn!(issuer = %self.issuer, "no usable key is published: tokens of this issuer are rejected");
        } else {
            info!(issuer = %self.issuer, kids = ?keys.kids().collect::<Vec<_>>(), "keys replaced");
        }
        for skipped in keys.skipped() {
            warn!(issuer = %self.issuer, "a published key is not used: {skipped}");
        }
    }
}

/// Waits for a fetch to end. Returns true if it succeeded.
async fn wait_for_fetch(mut pending: PendingFetch) -> bool {
    match pending.wait_for(Option::is_some).await {
        Ok(succeeded) => *succeeded == Some(true),
        Err(_) => false,
    }
}
