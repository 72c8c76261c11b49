//! Where the flags come from at the start: files, a store, or what a damaged store last held.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use config::{Compiled, Files, FlagsSource, Loaded, Outline, Report};
use control::{ApplyError, Code, Damage, OpenError, Opened, Revision, SqliteStore, StoreError};
use rules::Eligibility;
use tracing::{error, info};

use crate::clock;
use crate::environment::variable;
use crate::last_good;
use crate::lock_holder;

/// What there is to begin with.
pub(crate) struct Startup {
    /// The gateway's document, along with the flags.
    pub(crate) loaded: Loaded,
    pub(crate) flags: StartupFlags,
}

/// Where the flags came from.
pub(crate) enum StartupFlags {
    /// Files manage them.
    Files,
    /// A store has them.
    Store {
        opened: Opened,
        /// Where it is.
        directory: PathBuf,
    },
    /// The store is damaged, or the disk that it is on: this is what it last held. Nothing can be changed.
    LastGood {
        compiled: Compiled,
        /// Its path.
        path: PathBuf,
        /// Where the store is.
        directory: PathBuf,
        /// What is wrong with it, and what to do about that.
        damage: Damage,
    },
}

/// Reads the gateway's document at `path`, and the flags from where it says that they are. The inner error is what is
/// wrong with documents.
pub(crate) fn load(path: &Path) -> Result<Result<Startup, Report>> {
    let Ok(Outline {
        flags: FlagsSource::Store(directory),
        seed,
        eligibility,
    }) = config::outline(Files::Disk, path)
    else {
        let loaded = config::load(path, &variable);
        return Ok(loaded.map(|loaded| Startup {
            loaded,
            flags: StartupFlags::Files,
        }));
    };
    let flags = match open_store(&directory, eligibility) {
        Ok(opened) => match seed_if_empty(opened, seed.as_deref(), eligibility)? {
            Ok(opened) => StartupFlags::Store { opened, directory },
            Err(report) => return Ok(Err(report)),
        },
        Err(OpenError::Store(
            damage @ (StoreError::Corrupt(_) | StoreError::Io(_) | StoreError::Full(_)),
        )) => fall_back(directory, eligibility, &damage)?,
        Err(OpenError::Store(StoreError::InUse)) => bail!(lock_holder::in_use_message(&directory)),
        Err(other) => return Err(other).with_context(|| format!("the store in {}", directory.display())),
    };
    let (compiled, revision) = match &flags {
        StartupFlags::Store { opened, .. } => (opened.compiled(), opened.revision()),
        StartupFlags::LastGood { compiled, .. } => (compiled, Revision(0)),
        StartupFlags::Files => bail!("a store is no file"),
    };
    let loaded = match config::load_managed(Files::Disk, path, &variable, compiled, revision.0) {
        Ok(loaded) => loaded,
        Err(report) => return Ok(Err(report)),
    };
    let flags = commit_seed(flags, seed.as_deref())?;
    Ok(Ok(Startup { loaded, flags }))
}

/// What a store begins with is committed once the gateway's document has turned out to fit it.
fn commit_seed(flags: StartupFlags, seed: Option<&Path>) -> Result<StartupFlags> {
    let StartupFlags::Store { opened, directory } = flags else {
        return Ok(flags);
    };
    let is_seeded = opened.is_seeded();
    let opened = opened
        .keep()
        .with_context(|| format!("the store in {} can't begin", directory.display()))?;
    if let Some(seed) = seed.filter(|_| is_seeded) {
        info!(seed = %seed.display(), revision = opened.revision().0, "the store was empty, and begins with its seed");
    }
    Ok(StartupFlags::Store { opened, directory })
}

/// Opens the store in the directory. An empty one beside a document that a store held last is not new.
fn open_store(directory: &Path, eligibility: Eligibility) -> Result<Opened, OpenError> {
    let opened = Opened::read(Arc::new(SqliteStore::open(directory)?), eligibility)?;
    let held = last_good::path(directory);
    if opened.revision() == Revision::default() && held.exists() {
        let damage = format!(
            "it holds nothing, but {} says what it held last; if a new one is meant, move that away",
            held.display()
        );
        return Err(StoreError::Corrupt(damage).into());
    }
    Ok(opened)
}

/// The store, about to begin with the document at `seed` if it is empty. The inner error is what is wrong with that.
fn seed_if_empty(
    opened: Opened,
    seed: Option<&Path>,
    eligibility: Eligibility,
) -> Result<Result<Opened, Report>> {
    let Some(seed) = seed.filter(|_| opened.revision() == Revision::default()) else {
        return Ok(Ok(opened));
    };
    // What is wrong with it is told with its places.
    let document =
        config::load_flags(seed, eligibility).and_then(|_| config::flags_document(Files::Disk, seed));
    let document = match document {
        Ok(document) => document,
        Err(report) => return Ok(Err(report)),
    };
    match opened.seeded(document, clock::now()) {
        Ok(opened) => Ok(Ok(opened)),
        Err(ApplyError::Invalid(report)) => Ok(Err(*report)),
        Err(refused) => bail!("the store can't begin with {}: {refused:?}", seed.display()),
    }
}

/// What the store last held. That the store is damaged is said in any case.
fn fall_back(directory: PathBuf, eligibility: Eligibility, error: &StoreError) -> Result<StartupFlags> {
    let path = last_good::path(&directory);
    let (code, cure) = match (error, error.cure()) {
        (StoreError::Full(_) | StoreError::Io(_), Some(cure)) => (
            Code::StoreUnavailable,
            format!("to use it, {cure}, and start again"),
        ),
        _ => (
            Code::StoreDamaged,
            format!(
                "stop, and put a backup in its place (`sluice restore BACKUP --to {}`; `sluice backup` makes them). \
                 Without one, move the directory away and begin a new store with the last good document: copy {} and \
                 name it in sluice.yaml as `flags.store.seed`; the audit log, sign-offs and since when flags are as \
                 they are do not come back with it",
                directory.display(),
                path.display(),
            ),
        ),
    };
    let damage = Damage {
        code,
        detail: format!("the store in {} can't be used: {error}", directory.display()),
        cure,
    };
    let message = format!("{}. What helps: {}", damage.detail, damage.cure);
    let document = config::flags_document(Files::Disk, &path);
    let catalog = document
        .ok()
        .and_then(|document| control::catalog_of(document, eligibility));
    let Some(catalog) = catalog else {
        bail!("{message}. There is no last good document to serve meanwhile");
    };
    error!("{message}. The last good document is served meanwhile, and nothing can be changed");
    Ok(StartupFlags::LastGood {
        compiled: catalog.compiled().clone(),
        path,
        directory,
        damage,
    })
}
