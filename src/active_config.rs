//! The active configuration: the gateway document and the flags (from files or from a store), with the kills of this
//! machine applied on top. Reloads, the control plane and break-glass all change it here, one at a time under one lock,
//! and publish the resulting snapshot to the proxy.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use config::{Compiled, Files, FlagsDocument, FlagsSource, LoadedConfig, RereadHandle};
use control::{BreakGlass, Fit, KillEffect, LocalKill, Publish, PublishError};
use parking_lot::Mutex;
use proxy::{PrepareError, Published, Publisher, Readiness};
use rules::{Lifecycle, Snapshot, SnapshotRevision, Timestamp};
use tracing::error;

use crate::clock;
use crate::environment::variable;
use crate::last_reload::LastReload;
use crate::story::ExplainGateway;

/// The active configuration of this process.
pub(crate) struct ActiveConfig {
    /// Path of the gateway document.
    path: PathBuf,
    /// Set once the proxy runs.
    proxy: OnceLock<(Publisher, Arc<Readiness>)>,
    /// Makes the watcher read the files again. Set once the files are watched.
    reread_handle: Mutex<Option<RereadHandle>>,
    accepted: Mutex<Accepted>,
    last_reload: LastReload,
    /// The time of the start of this process.
    started: Timestamp,
    break_glass: Option<Arc<BreakGlass>>,
}

/// The last accepted config, without the kills of this machine.
struct Accepted {
    /// The gateway document, as loaded together with some flags.
    loaded: LoadedConfig,
    /// The snapshot before local kills are applied.
    base: Arc<Snapshot>,
    /// The flags, if they are in a store.
    stored: Option<StoredFlags>,
}

/// The flags of a store at a revision.
struct StoredFlags {
    compiled: Compiled,
    revision: u64,
    /// True if the gateway document was loaded with flags that have the same ids. Gates refer to flags by id, so a
    /// document loaded with other ids can't be published with these flags.
    ids_match: bool,
}

/// Reason why a document is rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentRejected {
    /// The proxy can't prepare it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// It has problems with the current flags.
    #[error("{0}")]
    Document(Box<config::Report>),
}

impl ActiveConfig {
    /// Creates the configuration from the document loaded from `path`, and the flags with their revision if they are in
    /// a store.
    pub(crate) fn new(
        path: PathBuf,
        loaded: LoadedConfig,
        stored: Option<(Compiled, u64)>,
        break_glass: Option<Arc<BreakGlass>>,
    ) -> Arc<Self> {
        let base = Arc::clone(&loaded.snapshot);
        let stored = stored.map(|(compiled, revision)| StoredFlags {
            compiled,
            revision,
            ids_match: true,
        });
        let started = clock::now();
        let last_reload = LastReload::accepted_at(started, &loaded.inputs, &loaded.warnings);
        let accepted = Accepted { loaded, base, stored };
        Arc::new(Self {
            last_reload,
            started,
            path,
            proxy: OnceLock::new(),
            reread_handle: Mutex::default(),
            accepted: Mutex::new(accepted),
            break_glass,
        })
    }

    /// Starts a proxy that serves this configuration.
    ///
    /// # Errors
    /// The proxy can't start, for example because an address is in use.
    pub(crate) fn start(&self, options: proxy::StartOptions) -> Result<proxy::Running, proxy::StartError> {
        // Locked until the publisher is set: the admin API answers as soon as the proxy listens, and a change that
        // arrives before would be acknowledged without being published.
        let mut accepted = self.accepted.lock();
        accepted.loaded.snapshot = self.with_local_kills(&accepted.base);
        let running = proxy::start(&accepted.loaded, options)?;
        let _ = self
            .proxy
            .set((running.publisher(), Arc::clone(running.readiness())));
        drop(accepted);
        self.report_local_kills();
        Ok(running)
    }

    /// Sets the handle that makes the watcher read the files again, for documents that were rejected because they name
    /// flags that did not exist.
    pub(crate) fn set_reread_handle(&self, handle: RereadHandle) {
        *self.reread_handle.lock() = Some(handle);
    }

    /// Publishes the flags of a store that was opened again, which have other ids than those of the store before.
    ///
    /// # Errors
    /// The accepted document is invalid with them, or the proxy can't serve them.
    pub(crate) fn replace_flags(
        &self,
        compiled: &Compiled,
        revision: control::Revision,
    ) -> Result<(), PublishError> {
        if let Some(stored) = &mut self.accepted.lock().stored {
            stored.ids_match = false;
        }
        let fit = self.check(compiled)?;
        self.publish(compiled, revision, fit)
    }

    /// Reads the gateway document from the disk, with the active flags.
    ///
    /// # Errors
    /// Every problem of the document.
    pub(crate) fn read_document(&self) -> Result<LoadedConfig, config::Report> {
        let accepted = self.accepted.lock();
        let stored = accepted.stored.as_ref();
        let stored = stored.map(|stored| (stored.compiled.clone(), stored.revision));
        let source = accepted.loaded.flags_source.clone();
        // Loading takes long for a large document. Changes of flags must not wait for it, so the lock is released;
        // `apply_document` loads again if the flags have changed since.
        drop(accepted);
        match stored {
            Some((compiled, revision)) => self.load_with_flags(Files::Disk, &compiled, revision),
            None => self.load_with_files(&source),
        }
    }

    /// Loads the gateway document with flags from files: those that it names or, if it names a store, those of `source`.
    fn load_with_files(&self, source: &FlagsSource) -> Result<LoadedConfig, config::Report> {
        let settings = config::flags_settings(Files::Disk, &self.path, &variable);
        let is_in_store = settings.is_ok_and(|settings| settings.flags.store_directory().is_some());
        match source {
            FlagsSource::File(flags) | FlagsSource::Directory(flags) if is_in_store => {
                config::load_with_flags_at(&self.path, &variable, flags)
            }
            _ => config::load(&self.path, &variable),
        }
    }

    /// Publishes a gateway document that was read from the disk.
    ///
    /// # Errors
    /// The document is rejected; the active configuration stays as it was.
    pub(crate) fn apply_document(&self, mut loaded: LoadedConfig) -> Result<Published, DocumentRejected> {
        let mut accepted = self.accepted.lock();
        // The store is opened at the start, so a document that names another source is applied with the flags of the
        // current one.
        let moves = match (&accepted.stored, &loaded.flags_source) {
            (Some(_), source) => *source != accepted.loaded.flags_source,
            (None, source) if source.store_directory().is_some() => {
                // The source of the next reload, too.
                loaded.flags_source = accepted.loaded.flags_source.clone();
                true
            }
            (None, _) => false,
        };
        if let Some(stored) = &accepted.stored {
            let StoredFlags {
                compiled, revision, ..
            } = stored;
            // Flags and tenants may have changed since the document was read. Other flags need another load, because
            // gates hold flag ids; the files in memory are used, so that the document stays the one that was read.
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

    /// Publishes the active configuration with the current local kills.
    pub(crate) fn apply_local_kills(&self) {
        let accepted = self.accepted.lock();
        if let Some((publisher, _)) = self.proxy.get()
            && let Err(error) = publisher.publish_flags(self.with_local_kills(&accepted.base))
        {
            // Not expected: the base snapshot was published before, under the same lock.
            error!(%error, "a local kill is not active");
        }
        drop(accepted);
        self.report_local_kills();
    }

    /// Returns the last load of the documents.
    pub(crate) fn last_reload(&self) -> &LastReload {
        &self.last_reload
    }

    /// Returns the time of the start of this process.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    /// Returns whether the flag can be killed.
    pub(crate) fn kill_effect(&self, flag: &str) -> KillEffect {
        let flags = Arc::clone(&self.accepted.lock().base.flags);
        match flags.id(flag).and_then(|id| flags.flag(id)) {
            Some(flag) if flag.lifecycle() == Some(Lifecycle::Retired) => KillEffect::Retired,
            Some(_) => KillEffect::TurnsOff,
            None => KillEffect::UnknownFlag,
        }
    }

    /// Returns the revision of the snapshot without local kills.
    pub(crate) fn revision(&self) -> SnapshotRevision {
        self.accepted.lock().base.revision.clone()
    }

    /// Returns whether the lifecycle is enforced.
    pub(crate) fn eligibility(&self) -> rules::Eligibility {
        self.accepted.lock().base.flags.eligibility()
    }

    /// Calls `read` with the loaded document, under the lock.
    pub(crate) fn with_loaded<R>(&self, read: impl FnOnce(&LoadedConfig) -> R) -> R {
        read(&self.accepted.lock().loaded)
    }

    /// Returns the active gateway for explanations; `None` before the proxy runs.
    pub(crate) fn gateway(&self) -> Option<ExplainGateway> {
        let accepted = self.accepted.lock();
        let (publisher, _) = self.proxy.get()?;
        Some(ExplainGateway::new(&accepted.loaded, publisher.decider()))
    }

    /// Reads the flags document from the disk; `None` if the flags are in a store, or the document is invalid.
    pub(crate) fn flags_document(&self) -> Option<FlagsDocument> {
        let source = self.accepted.lock().loaded.flags_source.clone();
        let (FlagsSource::File(path) | FlagsSource::Directory(path)) = source else {
            return None;
        };
        FlagsDocument::read(Files::Disk, &path).ok()
    }

    /// Loads the gateway document with flags of a store.
    ///
    /// A change of flags passes the `files` of the accepted document, not those on the disk: edits since then are for
    /// the watcher to publish or to reject, and must not become active through a change of a flag.
    fn load_with_flags(
        &self,
        files: Files,
        compiled: &Compiled,
        revision: u64,
    ) -> Result<LoadedConfig, config::Report> {
        config::load_managed(files, &self.path, &variable, compiled, revision)
    }

    /// Publishes a loaded document, and makes it the accepted one if the proxy takes it.
    fn publish_loaded(
        &self,
        accepted: &mut Accepted,
        mut loaded: LoadedConfig,
    ) -> Result<Published, PrepareError> {
        let base = Arc::clone(&loaded.snapshot);
        loaded.snapshot = self.with_local_kills(&base);
        let published = match self.proxy.get() {
            Some((publisher, _)) => publisher.publish(&loaded)?,
            None => Published {
                needs_restart: Vec::new(),
            },
        };
        // Only now: if the proxy rejects the document, the former one stays the accepted one.
        (accepted.loaded, accepted.base) = (loaded, base);
        Ok(published)
    }

    /// Returns the snapshot with the local kills applied.
    fn with_local_kills(&self, base: &Arc<Snapshot>) -> Arc<Snapshot> {
        let kills = self.local_kills();
        let killed: Vec<_> = kills
            .iter()
            .filter_map(|kill| base.flags.id(&kill.flag))
            .collect();
        // The usual case: the same snapshot, with the same revision.
        if killed.is_empty() {
            return Arc::clone(base);
        }
        // Local kills change decisions, so they change the revision that responses and logs name.
        let sequence = self.break_glass.as_deref().map_or(0, BreakGlass::sequence);
        Arc::new(Snapshot {
            revision: SnapshotRevision(format!("{}-bg{sequence}", base.revision).into()),
            flags: Arc::new(base.flags.with_killed(&killed)),
            ..(**base).clone()
        })
    }

    /// Returns the kills of this machine.
    pub(crate) fn local_kills(&self) -> Vec<LocalKill> {
        let break_glass = self.break_glass.as_deref();
        break_glass.map(BreakGlass::kills).unwrap_or_default()
    }

    /// Publishes flags with the accepted gateway document, or with the document in `fit` that was loaded for these
    /// flags.
    fn publish_flags(
        &self,
        accepted: &mut Accepted,
        compiled: &Compiled,
        revision: control::Revision,
        fit: Fit,
    ) -> Result<(), PublishError> {
        let prepare = |reason: String| PublishError::Prepare(reason);
        // Recorded before they are published: the flags are committed, so every later document must be loaded with
        // them, even if this publication fails. If they need the document in `fit`, `ids_match` stays false until it is
        // published, so that after a failure the next check loads again.
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

    /// Shows the local kills in `/readyz?verbose`.
    fn report_local_kills(&self) {
        let words = |kill: &LocalKill| {
            let until = control::time_text(kill.until);
            let idle = match self.kill_effect(&kill.flag) {
                KillEffect::TurnsOff => "",
                KillEffect::Retired => " (without effect: the flag is retired and serves its final variant)",
                KillEffect::UnknownFlag => " (without effect: the flag no longer exists)",
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
        if ids_match && accepted.loaded.is_valid_after(&compiled.id_changes) {
            return Ok(None);
        }
        let files = accepted.loaded.files.clone();
        // Loading takes long for a large document: local kills, readers and other changes must not wait for it, so the
        // lock is released. The result stays valid, because no document is applied between `check` and `publish`
        // (`Control::without_changes`).
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
        // Compared before the publication, which replaces the former flags.
        let former = accepted.stored.as_ref();
        let same_names = former.is_some_and(|former| compiled.same_names(&former.compiled));
        self.publish_flags(&mut accepted, compiled, revision, fit)?;
        drop(accepted);
        self.report_local_kills();
        // A document that was rejected for an unknown flag may be valid now.
        if !same_names && let Some(handle) = &*self.reread_handle.lock() {
            handle.reread();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
