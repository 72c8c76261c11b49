//! What is served: the gateway's document and the flags, with what is killed on this machine put over them. Documents,
//! the control plane and break-glass all change it here, one at a time.

use std::sync::{Arc, OnceLock};

use config::Loaded;
use control::{BreakGlass, LocalKill};
use parking_lot::Mutex;
use proxy::{PrepareError, Published, Publisher, Readiness};
use rules::{Revision, Snapshot};
use tracing::error;

/// What is served.
pub(crate) struct Composition {
    /// There once the proxy runs.
    proxy: OnceLock<(Publisher, Arc<Readiness>)>,
    /// With nothing killed on this machine.
    plain: Mutex<Arc<Snapshot>>,
    break_glass: Option<Arc<BreakGlass>>,
}

impl Composition {
    /// Takes over what was loaded, and puts over it what is killed, to be started with.
    pub(crate) fn of(loaded: &mut Loaded, break_glass: Option<Arc<BreakGlass>>) -> Arc<Self> {
        let plain = Arc::clone(&loaded.snapshot);
        let composition = Self {
            proxy: OnceLock::new(),
            plain: Mutex::new(plain),
            break_glass,
        };
        loaded.snapshot = composition.composed(&loaded.snapshot);
        Arc::new(composition)
    }

    /// The proxy runs, with what was composed.
    pub(crate) fn runs(&self, publisher: Publisher, readiness: Arc<Readiness>) {
        let _ = self.proxy.set((publisher, readiness));
        self.note();
    }

    /// Serves what was loaded from now on.
    pub(crate) fn publish(&self, mut loaded: Loaded) -> Result<Published, PrepareError> {
        let mut plain = self.plain.lock();
        let Some((publisher, _)) = self.proxy.get() else {
            return Ok(Published {
                needs_restart: Vec::new(),
            });
        };
        let found = Arc::clone(&loaded.snapshot);
        loaded.snapshot = self.composed(&found);
        let published = publisher.publish(&loaded)?;
        *plain = found;
        drop(plain);
        self.note();
        Ok(published)
    }

    /// Serves what is killed on this machine now, and no longer what was.
    pub(crate) fn enforce(&self) {
        let plain = self.plain.lock();
        if let Some((publisher, _)) = self.proxy.get()
            && let Err(error) = publisher.publish_flags(self.composed(&plain))
        {
            // What is plain is what was published last, under the same lock.
            error!(%error, "a local kill is not in force");
        }
        drop(plain);
        self.note();
    }

    /// Whether there is such a flag.
    pub(crate) fn knows(&self, flag: &str) -> bool {
        self.plain.lock().flags.id(flag).is_some()
    }

    /// The snapshot with what is killed put over it.
    fn composed(&self, plain: &Arc<Snapshot>) -> Arc<Snapshot> {
        let kills = self.kills();
        let killed: Vec<_> = kills
            .iter()
            .filter_map(|kill| plain.flags.id(&kill.flag))
            .collect();
        if killed.is_empty() {
            return Arc::clone(plain);
        }
        let sequence = self.break_glass.as_deref().map_or(0, BreakGlass::sequence);
        Arc::new(Snapshot {
            revision: Revision(format!("{}-bg{sequence}", plain.revision).into()),
            flags: Arc::new(plain.flags.with_killed(&killed)),
            ..(**plain).clone()
        })
    }

    fn kills(&self) -> Vec<LocalKill> {
        let break_glass = self.break_glass.as_deref();
        break_glass.map(BreakGlass::kills).unwrap_or_default()
    }

    /// Says in `/readyz?verbose` what is killed.
    fn note(&self) {
        let kills = self.kills();
        let words = |kill: &LocalKill| {
            let until = control::time_text(kill.until);
            format!(
                "`{}` is killed until {until} by {}: {}",
                kill.flag, kill.by, kill.reason
            )
        };
        let words: Vec<String> = kills.iter().map(words).collect();
        if let Some((_, readiness)) = self.proxy.get() {
            readiness.note("break-glass", (!words.is_empty()).then(|| words.join("; ")));
        }
    }
}
