//! The keys that one issuer publishes at a URL: fetched in the background, and once more when a token asks
//! for it. A good answer replaces them, even by none; a fetch that fails leaves the last good ones in place, for
//! as long as the documents let them be kept.
//!
//! A request never fetches: it waits, for a bounded time, for a fetch that runs on its own and that all
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
use crate::key_store::KeyStoreShared;
use crate::keys_status::KeysStatus;

/// Most requests that wait for one issuer's keys at once; more are told that it is cooling down.
pub const MAX_WAITING_REQUESTS: usize = 1_024;
/// How many names of keys that an issuer was found not to have are remembered.
pub const MAX_ABSENT_KIDS: usize = 1_024;

/// The keys at a URL, shared by whoever uses, fetches or shows them.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    issuer: Box<str>,
    jwks: Jwks,
    client: Client,
    timing: FetchTiming,
    /// Where fetches run, so that they live on when the request that asked for one is gone.
    runtime: Handle,
    /// How often the keys are fetched, and how long they are kept when that fails.
    refresh: watch::Sender<RefreshSettings>,
    current: ArcSwapOption<KeySet>,
    loaded: watch::Sender<bool>,
    waiting: Semaphore,
    /// The names that the issuer was found not to have, with the time when that was found.
    absent: Cache<Box<str>, Instant>,
    state: Mutex<FetchState>,
    /// Told after each fetch, for whoever waits until the keys are kept no longer.
    fetch_ended: Notify,
    /// Told of keys that arrive. It holds these only weakly.
    store: Arc<KeyStoreShared>,
}

/// What came of asking for newer keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// There are other keys than the ones that were tried: verify once more, with these.
    Changed,
    /// The issuer still publishes what was tried, or is known not to have the key.
    Unchanged,
    /// The keys were fetched for a request too short a while ago, or too many requests wait.
    CoolingDown,
    /// The fetch failed, or takes longer than a request waits.
    Failed,
}

#[derive(Debug, Default)]
struct FetchState {
    /// The fetch under way.
    pending: Option<PendingFetch>,
    /// When the last fetch that a request asked for landed.
    request_fetch_ended_at: Option<Instant>,
    log: FetchLog,
}

/// A fetch under way. It says whether it succeeded once it lands; closed without a word, it did not.
type PendingFetch = watch::Receiver<Option<bool>>;

/// Who wants a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FetchTrigger {
    Timer,
    Request,
}

/// Ends a flight however its task ends, so that no broken one stays in the way of the next.
struct FetchGuard {
    keys: Arc<RemoteKeys>,
    trigger: FetchTrigger,
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
    pub(crate) fn new(
        issuer: &str,
        jwks: Jwks,
        refresh: RefreshSettings,
        client: Client,
        (runtime, timing): (Handle, FetchTiming),
        store: Arc<KeyStoreShared>,
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
            store,
        }
    }

    pub(crate) fn current(&self) -> Option<Arc<KeySet>> {
        self.current.load_full()
    }

    pub(crate) fn generation(&self) -> Option<Generation> {
        self.current.load().as_ref().map(|keys| keys.generation())
    }

    /// Waits until there are keys, for however long that takes.
    pub(crate) async fn loaded(&self) {
        // The sender is part of `self`, so this can't fail.
        let _ = self.loaded.subscribe().wait_for(|loaded| *loaded).await;
    }

    /// Changes how often the keys are fetched, and how long they are kept.
    pub(crate) fn set_refresh(&self, refresh: RefreshSettings) {
        self.refresh
            .send_if_modified(|present| std::mem::replace(present, refresh) != refresh);
    }

    /// Asks for other keys than those of `tried`, with the key `kid` if one was named.
    pub(crate) async fn refresh(self: &Arc<Self>, kid: Option<&str>, tried: Option<Generation>) -> Refreshed {
        if self.generation() != tried {
            return Refreshed::Changed;
        }
        if kid.is_some_and(|kid| self.is_absent(kid)) {
            return Refreshed::Unchanged;
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Refreshed::CoolingDown;
        };
        let Some(pending) = self.join_or_start_fetch(FetchTrigger::Request) else {
            return Refreshed::CoolingDown;
        };
        let succeeded = tokio::time::timeout(self.timing.wait, wait_for_fetch(pending)).await;
        if self.generation() != tried {
            return Refreshed::Changed;
        }
        if succeeded != Ok(true) {
            return Refreshed::Failed;
        }
        if let Some(kid) = kid {
            self.absent.insert(kid.into(), Instant::now());
        }
        Refreshed::Unchanged
    }

    /// Fetches the keys again and again, and drops them where that fails for too long; until it is aborted.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        // Side by side, so that a fetch that takes long doesn't keep the keys beyond their time.
        tokio::join!(self.fetch_repeatedly(), self.drop_keys_on_expiry());
    }

    /// Fetches at the interval, sooner while that fails.
    async fn fetch_repeatedly(self: &Arc<Self>) {
        let random = RandomState::new();
        let mut refresh = self.refresh.subscribe();
        let mut failures = 0_u32;
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

    /// Drops the last good keys each time that fetches have failed for as long as keys are kept.
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

    /// When the keys are to be dropped; none while fetches succeed, without keys, and without a limit.
    fn keys_expire_at(&self, state: &FetchState, refresh: RefreshSettings) -> Option<Instant> {
        self.generation()?;
        state.log.expires_at(refresh.keep_keys?)
    }

    fn drop_expired_keys(&self) {
        let refresh = *self.refresh.borrow();
        let state = self.state.lock();
        // A fetch may have succeeded, or the terms have changed, since the time was taken.
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
        warn!(issuer = %self.issuer, "fetches have failed for {kept:?}: the last good keys are used no more");
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

    /// The fetch under way, or one that starts now; none while requests cool down.
    fn join_or_start_fetch(self: &Arc<Self>, trigger: FetchTrigger) -> Option<PendingFetch> {
        let mut state = self.state.lock();
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
        self.runtime.spawn(async move {
            let fetched = guard
                .keys
                .jwks
                .fetch(&guard.keys.client, guard.keys.timing.fetch_limit)
                .await;
            let succeeded = fetched.is_ok();
            guard.keys.record_result(fetched);
            // Whoever hears of the landing must find the flight gone.
            drop(guard);
            ended.send_replace(Some(succeeded));
        });
        Some(pending)
    }

    /// Notes the result of a fetch, and takes over the keys it brought.
    fn record_result(&self, fetched: Result<KeySet, FetchFailed>) {
        let now = SystemTime::now();
        match fetched {
            Ok(keys) => {
                // Noted first: from here on the keys can't be dropped for the failures before.
                self.state.lock().log.record_success(now);
                self.replace_keys(keys);
            }
            Err(error) => {
                self.withdraw_unlisted(&error);
                let kept = self.current.load().is_some();
                warn!(issuer = %self.issuer, last_good_kept = kept, "keys could not be fetched: {error}");
                self.state.lock().log.record_failure(&error, now);
            }
        }
        self.fetch_ended.notify_one();
    }

    /// Withdraws the keys that a published set does not list, though none of those that it lists can be used. They would
    /// otherwise stay, as after any failure, and an issuer withdraws a key by publishing a set without it.
    fn withdraw_unlisted(&self, error: &FetchFailed) {
        if let FetchFailed::Invalid(InvalidKey::AmbiguousKeys { published, .. }) = error
            && let Some(present) = &*self.current.load()
        {
            self.replace_keys(present.only(published));
        }
    }

    /// Where the keys are those that are there already they stay, and whoever compares them sees no change.
    fn replace_keys(&self, keys: KeySet) {
        if self.generation() == Some(keys.generation()) {
            return;
        }
        let keys = Arc::new(keys);
        self.current.store(Some(Arc::clone(&keys)));
        self.store.record_usable();
        self.loaded.send_replace(true);
        // Only now: the log says what holds.
        if keys.is_empty() {
            warn!(issuer = %self.issuer, "no usable key is published: tokens of this issuer are refused from now on");
        } else {
            info!(issuer = %self.issuer, kids = ?keys.kids().collect::<Vec<_>>(), "other keys are used from now on");
        }
        for skipped in keys.skipped() {
            warn!(issuer = %self.issuer, "a published key is not used: {skipped}");
        }
    }
}

/// Whether the fetch succeeded, once it has landed.
async fn wait_for_fetch(mut pending: PendingFetch) -> bool {
    match pending.wait_for(Option::is_some).await {
        Ok(succeeded) => *succeeded == Some(true),
        Err(_) => false,
    }
}
