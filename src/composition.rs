//! What is served: the gateway's document and the flags, from files or from a store, with what is killed on this machine
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
use crate::story::Gateway;

/// What is served.
pub(crate) struct Composition {
    /// The gateway's document.
    path: PathBuf,
    /// There once the proxy runs.
    proxy: OnceLock<(Publisher, Arc<Readiness>)>,
    /// There once the files are watched.
    again: OnceLock<Again>,
    served: Mutex<Served>,
    break_glass: Option<Arc<BreakGlass>>,
}

/// What is served, with nothing killed on this machine.
struct Served {
    /// The gateway's document, as it was loaded along with some flags.
    loaded: Loaded,
    plain: Arc<Snapshot>,
    /// Where a store keeps the flags.
    managed: Option<Managed>,
}

/// The flags of a store.
struct Managed {
    compiled: Compiled,
    revision: u64,
    /// Whether the gateway's document was loaded along with flags whose ids are those of these.
    in_step: bool,
}

/// Why a document is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unserved {
    /// It can't be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// With the flags as they are now it has problems.
    #[error("{0}")]
    Document(Box<config::Report>),
}

impl Composition {
    /// Takes over what was loaded from `path`, along with flags of a store at a revision if they are in one.
    pub(crate) fn of(
        path: PathBuf,
        loaded: Loaded,
        managed: Option<(Compiled, u64)>,
        break_glass: Option<Arc<BreakGlass>>,
    ) -> Arc<Self> {
        let plain = Arc::clone(&loaded.snapshot);
        let managed = managed.map(|(compiled, revision)| Managed {
            compiled,
            revision,
            in_step: true,
        });
        let served = Served {
            loaded,
            plain,
            managed,
        };
        Arc::new(Self {
            path,
            proxy: OnceLock::new(),
            again: OnceLock::new(),
            served: Mutex::new(served),
            break_glass,
        })
    }

    /// Starts a proxy that serves this.
    pub(crate) fn start(&self, options: proxy::Options) -> Result<proxy::Running, proxy::StartError> {
        let mut served = self.served.lock();
        served.loaded.snapshot = self.composed(&served.plain);
        let running = proxy::start(&served.loaded, options)?;
        let _ = self
            .proxy
            .set((running.publisher(), Arc::clone(running.readiness())));
        drop(served);
        self.note();
        Ok(running)
    }

    /// Who is to be asked to read the files again when a document that was refused may be good.
    pub(crate) fn is_watched(&self, again: Again) {
        let _ = self.again.set(again);
    }

    /// The gateway's document as it is on the disk now, along with the flags that are served.
    pub(crate) fn read(&self) -> Result<Loaded, config::Report> {
        let served = self.served.lock();
        let managed = served.managed.as_ref();
        let managed = managed.map(|managed| (managed.compiled.clone(), managed.revision));
        // Loading takes its time, in which changes must not wait.
        drop(served);
        match managed {
            Some((compiled, revision)) => self.load(Files::Disk, &compiled, revision),
            None => config::load(&self.path, &variable),
        }
    }

    /// Serves what was read of the gateway's document from now on.
    pub(crate) fn take(&self, mut loaded: Loaded) -> Result<Published, Unserved> {
        let mut served = self.served.lock();
        let moves = served.managed.is_some() && loaded.flags_source != served.loaded.flags_source;
        if let Some(managed) = &served.managed {
            let Managed {
                compiled, revision, ..
            } = managed;
            // Flags and tenants may have changed since it was read.
            if !Arc::ptr_eq(&loaded.snapshot.flags, &compiled.flags) {
                loaded = self
                    .load(loaded.files, compiled, *revision)
                    .map_err(|report| Unserved::Document(report.into()))?;
            }
            loaded.snapshot = loaded.with_flags(&compiled.flags, &compiled.tenants, *revision);
        }
        let mut published = self.serve(&mut served, loaded)?;
        if let Some(managed) = &mut served.managed {
            managed.in_step = true;
        }
        drop(served);
        self.note();
        if moves {
            published.needs_restart.push("flags");
        }
        Ok(published)
    }

    /// Serves what is killed on this machine now, and no longer what was.
    pub(crate) fn enforce(&self) {
        let served = self.served.lock();
        if let Some((publisher, _)) = self.proxy.get()
            && let Err(error) = publisher.publish_flags(self.composed(&served.plain))
        {
            // What is plain is what was published last, under the same lock.
            error!(%error, "a local kill is not in force");
        }
        drop(served);
        self.note();
    }

    /// What a kill of a flag would come to.
    pub(crate) fn killable(&self, flag: &str) -> Killable {
        let flags = Arc::clone(&self.served.lock().plain.flags);
        match flags.id(flag).and_then(|id| flags.flag(id)) {
            Some(flag) if flag.lifecycle() == Some(Lifecycle::Retired) => Killable::Retired,
            Some(_) => Killable::Yes,
            None => Killable::Unknown,
        }
    }

    /// Which snapshot is served, nothing killed.
    pub(crate) fn revision(&self) -> Revision {
        self.served.lock().plain.revision.clone()
    }

    /// Whether the lifecycle is enforced.
    pub(crate) fn eligibility(&self) -> rules::Eligibility {
        self.served.lock().plain.flags.eligibility()
    }

    /// What was loaded, for those who are told of it by the document.
    pub(crate) fn with_loaded<R>(&self, look: impl FnOnce(&Loaded) -> R) -> R {
        look(&self.served.lock().loaded)
    }

    /// Returns the gateway that is served, to explain requests; none before the proxy runs.
    pub(crate) fn gateway(&self) -> Option<Gateway> {
        let served = self.served.lock();
        let (publisher, _) = self.proxy.get()?;
        Some(Gateway::serving(&served.loaded, publisher.decider()))
    }

    /// The document of the flags that files manage, as it is on the disk now.
    pub(crate) fn document(&self) -> Option<serde_json::Value> {
        let source = self.served.lock().loaded.flags_source.clone();
        let (FlagsSource::File(path) | FlagsSource::Directory(path)) = source else {
            return None;
        };
        config::flags_document(Files::Disk, &path).ok()
    }

    /// The gateway's document along with managed flags. Of these a change takes `files` as they were when the document
    /// was taken over: what became of them since is for their watch to take over, or to refuse.
    fn load(&self, files: Files, compiled: &Compiled, revision: u64) -> Result<Loaded, config::Report> {
        config::load_managed(files, &self.path, &variable, compiled, revision)
    }

    fn serve(&self, served: &mut Served, mut loaded: Loaded) -> Result<Published, PrepareError> {
        let plain = Arc::clone(&loaded.snapshot);
        loaded.snapshot = self.composed(&plain);
        let published = match self.proxy.get() {
            Some((publisher, _)) => publisher.publish(&loaded)?,
            None => Published {
                needs_restart: Vec::new(),
            },
        };
        (served.loaded, served.plain) = (loaded, plain);
        Ok(published)
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

    /// What is killed on this machine.
    pub(crate) fn kills(&self) -> Vec<LocalKill> {
        let break_glass = self.break_glass.as_deref();
        break_glass.map(BreakGlass::kills).unwrap_or_default()
    }

    /// Serves these flags from now on, along with the gateway's document that is served, or one that fits them.
    fn put(
        &self,
        served: &mut Served,
        compiled: &Compiled,
        revision: control::Revision,
        fit: Fit,
    ) -> Result<(), PublishError> {
        let prepare = |reason: String| PublishError::Prepare(reason);
        served.managed = Some(Managed {
            compiled: compiled.clone(),
            revision: revision.0,
            in_step: fit.is_none(),
        });
        let Some(mut loaded) = fit else {
            let plain = served
                .loaded
                .with_flags(&compiled.flags, &compiled.tenants, revision.0);
            if let Some((publisher, _)) = self.proxy.get() {
                let published = publisher.publish_flags(self.composed(&plain));
                published.map_err(|error| prepare(error.to_string()))?;
            }
            served.plain = plain;
            return Ok(());
        };
        loaded.snapshot = loaded.with_flags(&compiled.flags, &compiled.tenants, revision.0);
        self.serve(served, *loaded)
            .map_err(|error| prepare(error.to_string()))?;
        if let Some(managed) = &mut served.managed {
            managed.in_step = true;
        }
        Ok(())
    }

    /// Says in `/readyz?verbose` what is killed.
    fn note(&self) {
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
        let words: Vec<String> = self.kills().iter().map(words).collect();
        if let Some((_, readiness)) = self.proxy.get() {
            readiness.set_note("break-glass", (!words.is_empty()).then(|| words.join("; ")));
        }
    }
}

impl Publish for Composition {
    fn check(&self, compiled: &Compiled) -> Result<Fit, PublishError> {
        let served = self.served.lock();
        let (in_step, revision) = match &served.managed {
            Some(managed) => (managed.in_step, managed.revision),
            None => (false, 0),
        };
        if in_step && served.loaded.outlives(&compiled.ids) {
            return Ok(None);
        }
        let files = served.loaded.files.clone();
        // Loading takes its time, in which a change of other flags must not wait.
        drop(served);
        let loaded = self.load(files, compiled, revision);
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
        let mut served = self.served.lock();
        let former = served.managed.as_ref();
        let same_names = former.is_some_and(|former| compiled.same_names(&former.compiled));
        self.put(&mut served, compiled, revision, fit)?;
        drop(served);
        self.note();
        // A document that was refused may have waited for these flags.
        if !same_names && let Some(again) = self.again.get() {
            again.read();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
