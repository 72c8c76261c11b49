//! What is accepted: the gateway's document and the flags, from files or from a store, with what is killed on this machine
//! put over them. Documents, the control plane and break-glass all change it here, one at a time.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use config::{Again, Compiled, Files, FlagsSource, Loaded};
use control::{BreakGlass, Fit, Killable, LocalKill, Publish, PublishError};
use parking_lot::Mutex;
use proxy::{PrepareError, Published, Publisher, Readiness};
use rules::{Lifecycle, Revision, Snapshot};
use tracing::error;

use crate::environment::variable;
use crate::story::ExplainGateway;

/// What is accepted.
pub(crate) struct ActiveConfig {
    /// The gateway's document.
    path: PathBuf,
    /// There once the proxy runs.
    proxy: OnceLock<(Publisher, Arc<Readiness>)>,
    /// There once the files are watched.
    again: OnceLock<Again>,
    accepted: Mutex<Accepted>,
    break_glass: Option<Arc<BreakGlass>>,
}

/// What is accepted, with nothing killed on this machine.
struct Accepted {
    /// The gateway's document, as it was loaded along with some flags.
    loaded: Loaded,
    base: Arc<Snapshot>,
    /// Where a store keeps the flags.
    stored: Option<StoredFlags>,
}

/// The flags of a store.
struct StoredFlags {
    compiled: Compiled,
    revision: u64,
    /// Whether the gateway's document was loaded along with flags whose ids are those of these.
    ids_match: bool,
}

/// Why a document is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentRejected {
    /// It can't be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// With the flags as they are now it has problems.
    #[error("{0}")]
    Document(Box<config::Report>),
}

impl ActiveConfig {
    /// Takes over what was loaded from `path`, along with flags of a store at a revision if they are in one.
    pub(crate) fn new(
        path: PathBuf,
        loaded: Loaded,
        stored: Option<(Compiled, u64)>,
        break_glass: Option<Arc<BreakGlass>>,
    ) -> Arc<Self> {
        let base = Arc::clone(&loaded.snapshot);
        let stored = stored.map(|(compiled, revision)| StoredFlags {
            compiled,
            revision,
            ids_match: true,
        });
        let accepted = Accepted { loaded, base, stored };
        Arc::new(Self {
            path,
            proxy: OnceLock::new(),
            again: OnceLock::new(),
            accepted: Mutex::new(accepted),
            break_glass,
        })
    }

    /// Starts a proxy that serves this.
    pub(crate) fn start(&self, options: proxy::StartOptions) -> Result<proxy::Running, proxy::StartError> {
        let mut served = self.served.lock();
        served.loaded.snapshot = self.composed(&served.plain);
        let running = proxy::start(&served.loaded, options)?;
        let _ = self
            .proxy
            .set((running.publisher(), Arc::clone(running.readiness())));
        drop(accepted);
        self.report_local_kills();
        Ok(running)
    }

    /// Who is to be asked to read the files again when a document that was refused may be good.
    pub(crate) fn set_watch(&self, again: Again) {
        let _ = self.again.set(again);
    }

    /// The gateway's document as it is on the disk now, along with the flags that are accepted.
    pub(crate) fn read_document(&self) -> Result<Loaded, config::Report> {
        let accepted = self.accepted.lock();
        let stored = accepted.stored.as_ref();
        let stored = stored.map(|stored| (stored.compiled.clone(), stored.revision));
        // Loading takes its time, in which changes must not wait.
        drop(accepted);
        match stored {
            Some((compiled, revision)) => self.load_with_flags(Files::Disk, &compiled, revision),
            None => config::load(&self.path, &variable),
        }
    }

    /// Serves what was read of the gateway's document from now on.
    pub(crate) fn apply_document(&self, mut loaded: Loaded) -> Result<Published, DocumentRejected> {
        let mut accepted = self.accepted.lock();
        let moves = accepted.stored.is_some() && loaded.flags_source != accepted.loaded.flags_source;
        if let Some(stored) = &accepted.stored {
            let StoredFlags {
                compiled, revision, ..
            } = stored;
            // Flags and tenants may have changed since it was read.
            if !Arc::ptr_eq(&loaded.snapshot.flags, &compiled.flags) {
                loaded = self
                    .load_with_flags(loaded.files, compiled, *revision)
                    .map_err(|report| DocumentRejected::Document(report.into()))?;
            }
            loaded.snapshot = loaded.with_flags(&compiled.flags, &compiled.tenants, *revision);
        }
        let mut published = self.publish_loaded(&mut accepted, loaded)?;
        if let Some(stored) = &mut accepted.stored {
            stored.ids_match = true;
        }
        drop(accepted);
        self.report_local_kills();
        if moves {
            published.needs_restart.push("flags");
        }
        Ok(published)
    }

    /// Serves what is killed on this machine now, and no longer what was.
    pub(crate) fn apply_local_kills(&self) {
        let accepted = self.accepted.lock();
        if let Some((publisher, _)) = self.proxy.get()
            && let Err(error) = publisher.publish_flags(self.with_local_kills(&accepted.base))
        {
            // What is base is what was published last, under the same lock.
            error!(%error, "a local kill is not in force");
        }
        drop(accepted);
        self.report_local_kills();
    }

    /// What a kill of a flag would come to.
    pub(crate) fn killable(&self, flag: &str) -> Killable {
        let flags = Arc::clone(&self.accepted.lock().base.flags);
        match flags.id(flag).and_then(|id| flags.flag(id)) {
            Some(flag) if flag.lifecycle() == Some(Lifecycle::Retired) => Killable::Retired,
            Some(_) => Killable::Yes,
            None => Killable::Unknown,
        }
    }

    /// Which snapshot is accepted, nothing killed.
    pub(crate) fn revision(&self) -> Revision {
        self.accepted.lock().base.revision.clone()
    }

    /// Whether the lifecycle is enforced.
    pub(crate) fn eligibility(&self) -> rules::Eligibility {
        self.accepted.lock().base.flags.eligibility()
    }

    /// What was loaded, for those who are told of it by the document.
    pub(crate) fn with_loaded<R>(&self, read: impl FnOnce(&Loaded) -> R) -> R {
        read(&self.accepted.lock().loaded)
    }

    /// Returns the gateway that is accepted, to explain requests; none before the proxy runs.
    pub(crate) fn gateway(&self) -> Option<ExplainGateway> {
        let accepted = self.accepted.lock();
        let (publisher, _) = self.proxy.get()?;
        Some(ExplainGateway::new(&accepted.loaded, publisher.decider()))
    }

    /// The document of the flags that files manage, as it is on the disk now.
    pub(crate) fn flags_document(&self) -> Option<serde_json::Value> {
        let source = self.accepted.lock().loaded.flags_source.clone();
        let (FlagsSource::File(path) | FlagsSource::Directory(path)) = source else {
            return None;
        };
        config::flags_document(Files::Disk, &path).ok()
    }

    /// The gateway's document along with stored flags. Of these a change takes `files` as they were when the document
    /// was taken over: what became of them since is for their watch to take over, or to refuse.
    fn load_with_flags(
        &self,
        files: Files,
        compiled: &Compiled,
        revision: u64,
    ) -> Result<Loaded, config::Report> {
        config::load_managed(files, &self.path, &variable, compiled, revision)
    }

    fn publish_loaded(&self, accepted: &mut Accepted, mut loaded: Loaded) -> Result<Published, PrepareError> {
        let base = Arc::clone(&loaded.snapshot);
        loaded.snapshot = self.with_local_kills(&base);
        let published = match self.proxy.get() {
            Some((publisher, _)) => publisher.publish(&loaded)?,
            None => Published {
                needs_restart: Vec::new(),
            },
        };
        (accepted.loaded, accepted.base) = (loaded, base);
        Ok(published)
    }

    /// The snapshot with what is killed put over it.
    fn with_local_kills(&self, base: &Arc<Snapshot>) -> Arc<Snapshot> {
        let kills = self.local_kills();
        let killed: Vec<_> = kills
            .iter()
            .filter_map(|kill| base.flags.id(&kill.flag))
            .collect();
        if killed.is_empty() {
            return Arc::clone(base);
        }
        let sequence = self.break_glass.as_deref().map_or(0, BreakGlass::sequence);
        Arc::new(Snapshot {
            revision: Revision(format!("{}-bg{sequence}", base.revision).into()),
            flags: Arc::new(base.flags.with_killed(&killed)),
            ..(**base).clone()
        })
    }

    /// What is killed on this machine.
    pub(crate) fn local_kills(&self) -> Vec<LocalKill> {
        let break_glass = self.break_glass.as_deref();
        break_glass.map(BreakGlass::kills).unwrap_or_default()
    }

    /// Serves these flags from now on, along with the gateway's document that is accepted, or one that fits them.
    fn publish_flags(
        &self,
        accepted: &mut Accepted,
        compiled: &Compiled,
        revision: control::Revision,
        fit: Fit,
    ) -> Result<(), PublishError> {
        let prepare = |reason: String| PublishError::Prepare(reason);
        accepted.stored = Some(StoredFlags {
            compiled: compiled.clone(),
            revision: revision.0,
            ids_match: fit.is_none(),
        });
        let Some(mut loaded) = fit else {
            let base = accepted
                .loaded
                .with_flags(&compiled.flags, &compiled.tenants, revision.0);
            if let Some((publisher, _)) = self.proxy.get() {
                let published = publisher.publish_flags(self.with_local_kills(&base));
                published.map_err(|error| prepare(error.to_string()))?;
            }
            accepted.base = base;
            return Ok(());
        };
        loaded.snapshot = loaded.with_flags(&compiled.flags, &compiled.tenants, revision.0);
        self.publish_loaded(accepted, *loaded)
            .map_err(|error| prepare(error.to_string()))?;
        if let Some(stored) = &mut accepted.stored {
            stored.ids_match = true;
        }
        Ok(())
    }

    /// Says in `/readyz?verbose` what is killed.
    fn report_local_kills(&self) {
        let words = |kill: &LocalKill| {
            let until = control::time_text(kill.until);
            let idle = match self.killable(&kill.flag) {
                Killable::Yes => "",
                Killable::Retired => " (without effect: it is retired since, and serves its final variant)",
                Killable::Unknown => " (without effect: there is no such flag now)",
            };
            format!(
                "`{}` is killed until {until} by {}{idle}: {}",
                kill.flag, kill.by, kill.reason
            )
        };
        let words: Vec<String> = self.local_kills().iter().map(words).collect();
        if let Some((_, readiness)) = self.proxy.get() {
            readiness.set_note("break-glass", (!words.is_empty()).then(|| words.join("; ")));
        }
    }
}

impl Publish for ActiveConfig {
    fn check(&self, compiled: &Compiled) -> Result<Fit, PublishError> {
        let accepted = self.accepted.lock();
        let (ids_match, revision) = match &accepted.stored {
            Some(stored) => (stored.ids_match, stored.revision),
            None => (false, 0),
        };
        if ids_match && accepted.loaded.outlives(&compiled.ids) {
            return Ok(None);
        }
        let files = accepted.loaded.files.clone();
        // Loading takes its time, in which a change of other flags must not wait.
        drop(accepted);
        let loaded = self.load_with_flags(files, compiled, revision);
        loaded
            .map(|loaded| Some(loaded.into()))
            .map_err(|report| PublishError::Document(report.into()))
    }

    fn publish(
        &self,
        compiled: &Compiled,
        revision: control::Revision,
        fit: Fit,
    ) -> Result<(), PublishError> {
        let mut accepted = self.accepted.lock();
        let former = accepted.stored.as_ref();
        let same_names = former.is_some_and(|former| compiled.same_names(&former.compiled));
        self.publish_flags(&mut accepted, compiled, revision, fit)?;
        drop(accepted);
        self.report_local_kills();
        // A document that was refused may have waited for these flags.
        if !same_names && let Some(again) = self.again.get() {
            again.read();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
