//! The configuration at the start: the gateway document, with flags from files, from a store, or, if the store is
//! damaged, from the last good document.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use config::{
    ChangePolicy, Compiled, Files, FlagsDocument, FlagsSettings, FlagsSource, LoadedConfig, Report,
};
use control::{ApplyError, Code, Damage, OpenError, Opened, Revision, SqliteStore, Store, StoreError};
use fleet::{EtcdStore, FollowState};
use rules::Eligibility;
use tracing::{error, info, warn};

use crate::clock;
use crate::environment::variable;
use crate::fleet_store;
use crate::last_good;
use crate::lock_holder;
use crate::operators;
use crate::rejection_reason::{RejectionReason, write_hints, write_reasons};

/// The configuration at the start.
pub(crate) struct Startup {
    /// The gateway document, loaded with the flags.
    pub(crate) loaded: LoadedConfig,
    pub(crate) flags: StartupFlags,
    /// Path of the document that an empty store starts with. [`commit_seed`] commits it.
    pub(crate) seed: Option<PathBuf>,
}

/// The source of the flags.
pub(crate) enum StartupFlags {
    /// Files.
    Files,
    /// A store.
    Store { opened: Opened, store: ManagedStore },
    /// The last good document, because the store or its disk is damaged. No change is possible.
    LastGood {
        compiled: Compiled,
        /// Directory of the store.
        directory: PathBuf,
        /// The damage of the store, and its help.
        damage: Damage,
    },
}

/// A store that is open.
#[derive(Clone)]
pub(crate) struct ManagedStore {
    /// Its location in the document.
    pub(crate) source: FlagsSource,
    /// Its directory on this machine; for etcd, that of the mirror.
    pub(crate) directory: PathBuf,
    /// The store in etcd; none for an embedded database.
    pub(crate) etcd: Option<Arc<EtcdStore>>,
}

/// Loads the gateway document at `path`, and the flags from the source that it names. The store stays unchanged.
///
/// # Errors
/// The inner error is the report of invalid documents. The outer error is any other: the store is in use, or it is
/// damaged and there is no last good document.
pub(crate) fn load(path: &Path) -> Result<Result<Startup, Report>> {
    // The outline has only the source of the flags. If the document is so broken that it has none, the whole load below
    // reports all of its problems.
    let settings = config::flags_settings(Files::Disk, path, &variable);
    let settings = settings.ok().and_then(|settings| {
        let directory = settings.flags.store_directory()?.to_owned();
        Some((settings, directory))
    });
    let Some((settings, directory)) = settings else {
        let loaded = config::load(path, &variable);
        return Ok(loaded.map(|loaded| Startup {
            loaded,
            flags: StartupFlags::Files,
            seed: None,
        }));
    };
    let FlagsSettings {
        flags: source,
        seed,
        eligibility,
        changes,
        has_operators,
    } = settings;
    let flags = match open_store(&source, &directory, eligibility)? {
        Ok((opened, store)) => match seed_if_empty(
            opened,
            seed.as_deref(),
            (eligibility, changes.as_ref(), has_operators),
        )? {
            Ok(opened) => StartupFlags::Store { opened, store },
            Err(report) => return Ok(Err(report)),
        },
        Err(OpenError::Store(
            damage @ (StoreError::Corrupt(_) | StoreError::Io(_) | StoreError::Full(_)),
        )) => fall_back(&source, directory, eligibility, &damage)?,
        // Not a case for the last good document: the store works, and another process serves
        // its flags.
        Err(OpenError::Store(StoreError::InUse)) => bail!(lock_holder::in_use_message(&source, &directory)),
        Err(other) => return Err(other).with_context(|| format!("the store in {}", directory.display())),
    };
    let (compiled, revision) = match &flags {
        StartupFlags::Store { opened, .. } => (opened.compiled(), opened.revision()),
        StartupFlags::LastGood { compiled, .. } => (compiled, Revision(0)),
        StartupFlags::Files => bail!("the flags are in a store, but were loaded from files"),
    };
    // The flags come first, because gates refer to flags by the ids that their compilation gave them.
    let loaded = match config::load_managed(Files::Disk, path, &variable, compiled, revision.0) {
        Ok(loaded) => loaded,
        Err(report) => return Ok(Err(report)),
    };
    Ok(Ok(Startup { loaded, flags, seed }))
}

/// Opens the store again, after another process has used it.
///
/// # Errors
/// Another process still uses it, or it can't be used.
pub(crate) fn reopen(source: &FlagsSource, eligibility: Eligibility) -> Result<(Opened, ManagedStore)> {
    let directory = source.store_directory().unwrap_or(Path::new(""));
    Ok(open_store(source, directory, eligibility)??)
}

/// Checks the configuration at `path` while another process uses its store: with the flags of the last good document of
/// the store, if there is one.
///
/// # Errors
/// Every problem of the documents.
pub(crate) fn check_beside_another(path: &Path) -> Result<(), Report> {
    let settings = config::flags_settings(Files::Disk, path, &variable).ok();
    let store = settings.as_ref().and_then(|settings| {
        let directory = settings.flags.store_directory()?;
        Some((directory, settings.eligibility))
    });
    let Some((directory, eligibility)) = store else {
        return config::load(path, &variable).map(drop);
    };
    let catalog = last_good::read(directory).and_then(|document| control::catalog_of(document, eligibility));
    match catalog {
        Some(catalog) => config::load_managed(Files::Disk, path, &variable, catalog.compiled(), 0).map(drop),
        None => {
            let report = config::check(path, &variable, None).report;
            if report.errors() > 0 { Err(report) } else { Ok(()) }
        }
    }
}

/// Commits the seed of an empty store. Called once the gateway document is valid with it and the listeners are bound:
/// otherwise a start that fails would leave a seed in the store, and the next start would not read the corrected one.
/// If another node has seeded the store of a fleet meanwhile, its flags are read, and the document at `path` is loaded with
/// them.
///
/// # Errors
/// The store can't be written, or the document is not valid with the flags of another node.
pub(crate) fn commit_seed(startup: Startup, path: &Path) -> Result<(LoadedConfig, StartupFlags)> {
    let Startup { loaded, flags, seed } = startup;
    let StartupFlags::Store { opened, store } = flags else {
        return Ok((loaded, flags));
    };
    let is_seeded = opened.is_seeded();
    let opened = match (opened.commit_seed(), &store.etcd) {
        (Err(StoreError::Conflict { .. }), Some(etcd)) => {
            let eligibility = loaded.snapshot.flags.eligibility();
            let opened = Opened::read(Arc::clone(etcd) as Arc<dyn Store>, eligibility)?;
            info!(
                revision = opened.revision().0,
                "another node has seeded the store, and its flags are served"
            );
            let reloaded = config::load_managed(
                Files::Disk,
                path,
                &variable,
                opened.compiled(),
                opened.revision().0,
            );
            let loaded = reloaded.map_err(|report| anyhow!("{report}"))?;
            return Ok((loaded, StartupFlags::Store { opened, store }));
        }
        (committed, _) => committed.with_context(|| {
            format!(
                "can't commit the seed to the store in {}",
                store.directory.display()
            )
        })?,
    };
    if let Some(seed) = seed {
        let (seed, revision) = (seed.display(), opened.revision().0);
        match is_seeded {
            true => {
                info!(%seed, revision, "the store was empty and starts with its seed");
                for note in opened.seed_notes() {
                    warn!(%seed, code = note.code.as_str(), help = %note.help, "{}", note.detail);
                }
            }
            false => info!(%seed, revision, "the store has data, so `flags.store.seed` is not used"),
        }
    }
    Ok((loaded, StartupFlags::Store { opened, store }))
}

/// Opens the store. An empty store beside a last good document is reported as damaged: it has lost its content, and
/// starting with it would undo acknowledged changes. The inner error is that of the store.
///
/// # Errors
/// A file of the connection to etcd can't be read, or etcd can't be reached and the mirror is empty.
fn open_store(
    source: &FlagsSource,
    directory: &Path,
    eligibility: Eligibility,
) -> Result<Result<(Opened, ManagedStore), OpenError>> {
    let etcd = match source {
        FlagsSource::Etcd(settings) => {
            let settings = fleet_store::settings(settings)?;
            match EtcdStore::open(settings) {
                Ok(store) => Some(Arc::new(store)),
                Err(error) => return Ok(Err(error.into())),
            }
        }
        _ => None,
    };
    let store: Arc<dyn Store> = match &etcd {
        Some(etcd) => Arc::clone(etcd) as _,
        None => match SqliteStore::open(directory) {
            Ok(store) => Arc::new(store),
            Err(error) => return Ok(Err(error.into())),
        },
    };
    let opened = match Opened::read(store, eligibility) {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error)),
    };
    let held = last_good::path(directory);
    let is_empty = opened.revision() == Revision::default();
    if is_empty && held.exists() {
        let damage = format!(
            "it is empty, but {} has its last content; to start with a new store on purpose, move that file away",
            held.display()
        );
        return Ok(Err(StoreError::Corrupt(damage).into()));
    }
    let state = etcd.as_ref().map(|etcd| etcd.status().state);
    if let (true, Some(FollowState::Unreachable(reason) | FollowState::Rejected(reason))) = (is_empty, state)
    {
        bail!(
            "etcd was not read ({reason}), and the mirror in {} is empty, so there are no flags to serve: start again when \
             etcd can be reached, or check `flags.store.etcd`",
            directory.display()
        );
    }
    let store = ManagedStore {
        source: source.clone(),
        directory: directory.to_owned(),
        etcd,
    };
    Ok(Ok((opened, store)))
}

/// Prepares an empty store with the document at `seed`, without committing it. The inner error is the report of an
/// invalid seed.
fn seed_if_empty(
    opened: Opened,
    seed: Option<&Path>,
    (eligibility, changes, has_operators): (Eligibility, Option<&ChangePolicy>, bool),
) -> Result<Result<Opened, Report>> {
    let seed = seed.filter(|_| opened.revision() == Revision::default());
    // With an invalid policy the load that follows fails, and reports it.
    let Some((seed, changes)) = seed.zip(changes) else {
        return Ok(Ok(opened));
    };
    let document = match FlagsDocument::read(Files::Disk, seed) {
        Ok(document) => document,
        Err(report) => return Ok(Err(report)),
    };
    match opened.seeded(document, clock::now(), &operators::policy(changes), has_operators) {
        Ok(opened) => Ok(Ok(opened)),
        // Loaded as files are, so that the report has places.
        Err(ApplyError::Invalid(report)) => Ok(Err(config::load_flags(seed, eligibility)
            .err()
            .unwrap_or(*report))),
        Err(rejected) => bail!(
            "can't start the store with the seed {}: {}",
            seed.display(),
            rejection_text(&rejected)
        ),
    }
}

/// Formats the rejection of a change as commands print the rejections of a server.
pub(crate) fn rejection_text(rejection: &ApplyError) -> String {
    match rejection {
        ApplyError::Refused(refusals) => {
            let reasons: Vec<RejectionReason<'_>> = refusals
                .iter()
                .map(|refusal| RejectionReason {
                    code: refusal.code.as_str(),
                    detail: &refusal.detail,
                    hint: refusal.help.as_deref(),
                })
                .collect();
            let mut text = "rejected:\n".to_owned();
            // Writing to a string can't fail.
            let _ = write_reasons(&mut text, &reasons).and_then(|()| write_hints(&mut text, &reasons));
            text.truncate(text.trim_end().len());
            text
        }
        ApplyError::Invalid(report) => report.to_string(),
        ApplyError::Conflict { expected, current } => {
            format!("the store is at revision {}, not {}", current.0, expected.0)
        }
        ApplyError::GaveWay => "it gave way to kills".to_owned(),
        ApplyError::Store(error) => error.to_string(),
        ApplyError::Publish(reason) | ApplyError::NotPublished { reason, .. } => reason.clone(),
    }
}

/// Loads the last good document of a store that can't be used, and logs the damage.
///
/// # Errors
/// There is no last good document, or it is invalid.
fn fall_back(
    source: &FlagsSource,
    directory: PathBuf,
    eligibility: Eligibility,
    error: &StoreError,
) -> Result<StartupFlags> {
    let path = last_good::path(&directory);
    // A disk that is full or fails has lost nothing that was committed, so the store continues once the disk works. Only
    // a damaged store needs a backup.
    let (code, help) = match (error, error.help()) {
        (StoreError::Full(_) | StoreError::Io(_), Some(help)) => {
            (Code::StoreUnavailable, format!("{help}, and start again"))
        }
        _ if matches!(source, FlagsSource::Etcd(_)) => (
            Code::StoreDamaged,
            format!(
                "stop the server, move {} away, and start it again: the mirror is then read from etcd",
                directory.display()
            ),
        ),
        _ => (
            Code::StoreDamaged,
            format!(
                "stop the server and restore a backup (`sluice restore BACKUP --to {}`; `sluice backup` makes them). \
                 Without a backup, move the directory away and start a new store with the last good document: copy {} \
                 and name the copy in sluice.yaml as `flags.store.seed`; this loses the audit log, the sign-offs and \
                 the times since when flags are in their states",
                directory.display(),
                path.display(),
            ),
        ),
    };
    let damage = Damage {
        code,
        detail: format!("the store in {} can't be used: {error}", directory.display()),
        help,
    };
    let message = format!("{}. To fix this: {}", damage.detail, damage.help);
    let document = last_good::read(&directory);
    let catalog = document
        .clone()
        .and_then(|document| control::catalog_of(document, eligibility));
    let (Some(document), Some(catalog)) = (document, catalog) else {
        bail!("{message}. There is no last good document to serve instead");
    };
    last_good::merge(&directory, &document);
    error!("{message}. The last good document is served instead, and no change is possible");
    Ok(StartupFlags::LastGood {
        compiled: catalog.compiled().clone(),
        directory,
        damage,
    })
}

#[cfg(test)]
mod tests {
    use control::Refusal;

    use super::*;

    #[test]
    fn a_rejected_seed_is_reported_with_codes_and_help() {
        let rejection = ApplyError::Refused(vec![
            Refusal::new(Code::StateSkipped, "`board` can't change its kind"),
            Refusal::new(Code::FlagInUse, "the route board names `export`").help("remove the route first"),
        ]);
        assert_eq!(
            rejection_text(&rejection),
            "rejected:\n  \
             STATE_SKIPPED   `board` can't change its kind\n  \
             FLAG_IN_USE     the route board names `export`\n\
             help for FLAG_IN_USE: remove the route first"
        );
        let rejection = ApplyError::Conflict {
            expected: Revision(0),
            current: Revision(7),
        };
        assert_eq!(rejection_text(&rejection), "the store is at revision 7, not 0");
    }
}
