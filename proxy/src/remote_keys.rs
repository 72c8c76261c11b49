//! The keys that one issuer publishes at a URL: fetched in the background, and once more when a token asks
//! for it; a fetch that fails leaves the last good ones in place.
//!
//! A request never fetches: it waits, for a bounded time, for a fetch that runs on its own and that all
//! requests share.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use reqwest::Client;
use tokens::{Generation, KeySet};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use crate::issuer_keys::{KeysStatus, MAX_ABSENT_KIDS, MAX_WAITING_REQUESTS, Refreshed};
use crate::jwks::{FetchFailed, Jwks};
use crate::pace::Pace;

/// The keys at a URL, shared by whoever uses, fetches or shows them.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    issuer: Box<str>,
    jwks: Jwks,
    client: Client,
    pace: Pace,
    /// Where fetches run, so that they live on when the request that asked for one is gone.
    runtime: Handle,
    /// How often the keys are fetched.
    interval: watch::Sender<Duration>,
    current: ArcSwapOption<KeySet>,
    loaded: watch::Sender<bool>,
    waiting: Semaphore,
    /// The names that the issuer was found not to have, with the time when that was found.
    absent: Cache<Box<str>, Instant>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The fetch under way.
    flight: Option<Flight>,
    /// When the last fetch that a request asked for landed.
    asked_at: Option<Instant>,
    last_success: Option<SystemTime>,
    last_failure: Option<(SystemTime, String)>,
    fetches: BTreeMap<&'static str, u64>,
}

/// A fetch under way. It says whether it succeeded once it lands; closed without a word, it did not.
type Flight = watch::Receiver<Option<bool>>;

/// Who wants a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    ByClock,
    ByRequest,
}

/// Ends a flight however its task ends, so that no broken one stays in the way of the next.
struct Landing {
    keys: Arc<RemoteKeys>,
    asked: Asked,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut state = self.keys.state.lock();
        state.flight = None;
        if self.asked == Asked::ByRequest {
            state.asked_at = Some(Instant::now());
        }
    }
}

impl RemoteKeys {
    pub(crate) fn new(
        issuer: &str,
        jwks: Jwks,
        interval: Duration,
        client: Client,
        runtime: Handle,
        pace: Pace,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            jwks,
            client,
            pace,
            runtime,
            interval: watch::Sender::new(interval),
            current: ArcSwapOption::empty(),
            loaded: watch::Sender::new(false),
            waiting: Semaphore::new(MAX_WAITING_REQUESTS),
            absent: Cache::new(MAX_ABSENT_KIDS),
            state: Mutex::default(),
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

    /// Changes how often the keys are fetched.
    pub(crate) fn refresh_every(&self, interval: Duration) {
        self.interval
            .send_if_modified(|present| std::mem::replace(present, interval) != interval);
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
        let Some(flight) = self.board(Asked::ByRequest) else {
            return Refreshed::CoolingDown;
        };
        let landed = tokio::time::timeout(self.pace.wait, landed(flight)).await;
        if self.generation() != tried {
            return Refreshed::Changed;
        }
        if landed != Ok(true) {
            return Refreshed::Failed;
        }
        if let Some(kid) = kid {
            self.absent.insert(kid.into(), Instant::now());
        }
        Refreshed::Unchanged
    }

    /// Fetches the keys again and again, sooner while that fails, until it is aborted.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let random = RandomState::new();
        let mut interval = self.interval.subscribe();
        let mut failures = 0_u32;
        for round in 0_u64.. {
            let landed = match self.board(Asked::ByClock) {
                Some(flight) => landed(flight).await,
                None => false,
            };
            failures = if landed { 0 } else { failures.saturating_add(1) };
            let next = self
                .pace
                .after_success(*interval.borrow_and_update(), random.hash_one(round));
            let pause = match failures {
                0 => next,
                failures => self
                    .pace
                    .after_failures(failures, random.hash_one(round))
                    .min(next),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The sender is part of `self`, so this can't fail.
                _ = interval.changed() => {}
            }
        }
    }

    pub(crate) fn status(&self) -> KeysStatus {
        let state = self.state.lock();
        KeysStatus {
            issuer: self.issuer.clone(),
            loaded: self.current.load().is_some(),
            last_success: state.last_success,
            last_failure: state.last_failure.clone(),
            fetches: state.fetches.clone(),
        }
    }

    fn is_absent(&self, kid: &str) -> bool {
        self.absent
            .get(kid)
            .is_some_and(|found| found.elapsed() < self.pace.absent_for)
    }

    /// The fetch under way, or one that starts now; none while requests cool down.
    fn board(self: &Arc<Self>, asked: Asked) -> Option<Flight> {
        let mut state = self.state.lock();
        if let Some(flight) = &state.flight {
            return Some(flight.clone());
        }
        let cooling = state
            .asked_at
            .is_some_and(|at| at.elapsed() < self.pace.cool_down);
        if asked == Asked::ByRequest && cooling {
            return None;
        }
        let (landed, flight) = watch::channel(None);
        state.flight = Some(flight.clone());
        drop(state);
        let landing = Landing {
            keys: Arc::clone(self),
            asked,
        };
        self.runtime.spawn(async move {
            let fetched = landing
                .keys
                .jwks
                .fetch(&landing.keys.client, landing.keys.pace.fetch_limit)
                .await;
            let succeeded = fetched.is_ok();
            landing.keys.settle(fetched);
            // Whoever hears of the landing must find the flight gone.
            drop(landing);
            landed.send_replace(Some(succeeded));
        });
        Some(flight)
    }

    /// Notes how a fetch came out, and takes over what it brought.
    fn settle(&self, fetched: Result<KeySet, FetchFailed>) {
        let now = SystemTime::now();
        let (result, failure) = match &fetched {
            Ok(_) => ("ok", None),
            Err(error) => {
                let kept = self.current.load().is_some();
                warn!(issuer = %self.issuer, last_good_kept = kept, "keys could not be fetched: {error}");
                (error.code(), Some((now, error.to_string())))
            }
        };
        let mut state = self.state.lock();
        *state.fetches.entry(result).or_default() += 1;
        if failure.is_none() {
            state.last_success = Some(now);
        }
        state.last_failure = failure;
        drop(state);
        if let Ok(keys) = fetched {
            self.take_over(keys);
        }
    }

    /// Where the keys are those that are there already they stay, and whoever compares them sees no change.
    fn take_over(&self, keys: KeySet) {
        if self.generation() == Some(keys.generation()) {
            return;
        }
        info!(issuer = %self.issuer, kids = ?keys.kids().collect::<Vec<_>>(), "other keys are used from now on");
        for skipped in keys.skipped() {
            warn!(issuer = %self.issuer, "a published key is not used: {skipped}");
        }
        self.current.store(Some(Arc::new(keys)));
        self.loaded.send_replace(true);
    }
}

/// Whether the fetch succeeded, once it has landed.
async fn landed(mut flight: Flight) -> bool {
    match flight.wait_for(Option::is_some).await {
        Ok(landed) => *landed == Some(true),
        Err(_) => false,
    }
}
