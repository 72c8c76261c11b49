//! Entry points of loading: read, check and compile documents. All problems are returned in one report.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rules::{Eligibility, Flags, FlagsDefinition, Names, Site, Snapshot, SnapshotRevision, Tenants};

use crate::allowance::UnusedAllowances;
use crate::catalog::Compiled;
use crate::files::Files;
use crate::gateway_compiler::{FlagsOf, GatewayCompiler, GatewayParts};
use crate::health_url::admin_url;
use crate::inputs::Inputs;
use crate::load_context::LoadContext;
use crate::loaded_config::{LoadedConfig, managed_revision};
use crate::locate;
use crate::lower::operators::token_entries;
use crate::lower::{self, Document};
use crate::operators::OperatorToken;
use crate::problem::{Label, Problem};
use crate::report::Report;
use crate::shape::flags::FlagsDocument;
use crate::shape::sluice::{FlagsAt, GatewayFields};
use crate::source::{LineIndex, Source};
use crate::translate::{BrokenParts, warnings};

/// The size of the documents in one directory at which a load warns of the limit of a Kubernetes ConfigMap, 1 MiB with
/// the names of the files, in bytes.
const CONFIG_MAP_WARNING_BYTES: usize = 900 * 1024;

/// Compiled flags documents.
#[derive(Debug)]
pub struct LoadedFlags {
    /// The flags.
    pub flags: Flags,
    /// The tenants.
    pub tenants: Tenants,
    /// The files and directories that were read.
    pub inputs: Inputs,
    /// Converts sites to line_index.
    pub line_index: LineIndex,
}

/// Loads one flags document, or a directory of them merged.
///
/// # Errors
/// All problems of the documents.
pub fn load_flags(path: &Path, eligibility: Eligibility) -> Result<LoadedFlags, Report> {
    load_flags_from(Files::Disk, path, eligibility)
}

/// Loads one flags document, or a directory of them merged, from these files.
///
/// # Errors
/// All problems of the documents.
pub fn load_flags_from(files: Files, path: &Path, eligibility: Eligibility) -> Result<LoadedFlags, Report> {
    let mut context = LoadContext::of(files);
    let is_directory = context.files.is_directory(path);
    let sources = context.flags_sources(path, is_directory, None);
    let (documents, read) = context.read_documents::<FlagsDocument>(&sources);
    let broken = BrokenParts::of(&documents, &context.problems, documents.len() < sources.len());
    let definition = lower::flags::merge(read, &mut context.problems);
    let names = Names::new(&definition);
    let compiled = context.compile(&definition, &names, &documents, &broken, eligibility);
    match compiled {
        Some((flags, tenants)) if context.problems.is_empty() => {
            let line_index = LineIndex::of(&context.sources);
            Ok(LoadedFlags {
                flags,
                tenants,
                inputs: context.inputs,
                line_index,
            })
        }
        _ => Err(context.into_report()),
    }
}

/// Loads `sluice.yaml` at `path` and all files that it names. `variable` returns environment variables, which scalars
/// refer to.
///
/// # Errors
/// All problems of the documents and files.
pub fn load(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<LoadedConfig, Report> {
    load_from(Files::Disk, path, variable)
}

/// Loads `sluice.yaml` at `path` and all files that it names, from these files.
///
/// # Errors
/// All problems of the documents and files.
pub fn load_from(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<LoadedConfig, Report> {
    load_as(files, path, variable, FlagsFrom::Document)
}

/// Reads the static tokens in the file at `path` alone, so that a removed token becomes invalid even if the document
/// that names the file has problems.
///
/// # Errors
/// All problems of the file.
pub fn operator_tokens(files: Files, path: &Path) -> Result<Vec<OperatorToken>, Report> {
    let mut context = LoadContext::of(files);
    let source = context.source(path, None);
    let tokens = source.map(|source| token_entries(&source, &mut context.problems));
    match tokens {
        Some(tokens) if context.problems.is_empty() => Ok(tokens),
        _ => Err(context.into_report()),
    }
}

/// The flags to load a gateway document with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FlagsFrom<'c> {
    /// The documents that it names. Flags in a store are an error.
    Document,
    /// The documents that it names. Flags in a store are not read, and everything else is checked.
    DocumentUnlessStore,
    /// Another document, or a directory of documents.
    Path(&'c Path),
    /// Compiled flags, at this revision of their store.
    Compiled(&'c Compiled, u64),
}

pub(crate) fn load_as(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags_from: FlagsFrom<'_>,
) -> Result<LoadedConfig, Report> {
    let used = RefCell::new(BTreeSet::new());
    let noting = |name: &str| {
        let value = variable(name);
        if value.is_some() {
            used.borrow_mut().insert(name.to_owned());
        }
        value
    };
    let loaded = load_with(files, path, &noting, flags_from)?;
    Ok(LoadedConfig {
        variables: used.into_inner(),
        ..loaded
    })
}

fn load_with(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags_from: FlagsFrom<'_>,
) -> Result<LoadedConfig, Report> {
    let mut context = match flags_from {
        // The flags change and the document does not: keep its files, so that a later load with other flags reads the
        // same.
        FlagsFrom::Compiled(..) => LoadContext::keeping(files),
        _ => LoadContext::of(files),
    };
    let Some(gateway_sources) = context.gateway_sources(path, variable) else {
        return Err(context.into_report());
    };
    let read = context.read_gateway(&gateway_sources, variable);
    let (Some((gateway_documents, gateway)), Some(source)) = (read, gateway_sources.first()) else {
        return Err(context.into_report());
    };
    let sources = flags_of(source, &gateway, &mut context, flags_from);
    warn_of_config_map(source, &gateway, &mut context);
    let (mut documents, read) =
        context.read_documents::<FlagsDocument>(sources.as_deref().unwrap_or_default());
    let complete = sources
        .as_ref()
        .is_some_and(|sources| !sources.is_empty() && documents.len() == sources.len());
    let complete = complete || matches!(flags_from, FlagsFrom::Compiled(..));
    let broken = BrokenParts::of(&documents, &context.problems, !complete);
    let definition = lower::flags::merge(read, &mut context.problems);
    documents.extend(gateway_documents);
    let names = Names::new(&definition);
    let (names, flags) = match flags_from {
        FlagsFrom::Compiled(compiled, _) => (&*compiled.names, FlagsOf::Compiled(compiled)),
        _ => (&names, FlagsOf::Documents(&definition)),
    };
    let compiler = GatewayCompiler {
        source,
        gateway: &gateway,
        documents: &documents,
        names,
        broken: &broken,
        flags,
        awaits_flags: matches!(flags_from, FlagsFrom::Compiled(compiled, _) if !compiled.has_held_flags),
    };
    if !matches!(flags_from, FlagsFrom::Path(_)) {
        warn_of_idle_plans(&definition, &documents, &mut context);
    }
    match compiler.compile(&mut context, variable) {
        Some(parts) if context.problems.is_empty() => Ok(loaded(parts, context, &documents, flags_from)),
        _ => {
            // Without the flags of a store the upstreams of some routes are unknown, which is not a problem.
            let is_partial = matches!(flags_from, FlagsFrom::DocumentUnlessStore);
            let is_explained = is_partial || !context.problems.is_empty();
            debug_assert!(is_explained, "the document was refused without a problem");
            Err(context.into_report())
        }
    }
}

/// Warns of rollout plans in the documents that the gateway serves itself: only flags of a store have a plan that runs.
fn warn_of_idle_plans(
    definition: &FlagsDefinition<'_>,
    documents: &[Document<'_>],
    context: &mut LoadContext,
) {
    for flag in definition.flags.iter().filter(|flag| flag.plan.is_some()) {
        let title = format!(
            "the rollout plan of `{}` does not run: these flags are in no store",
            flag.key.value
        );
        let at = locate::plain_label(documents, flag.key.site);
        let help = "keep the flags in a store (`flags: { store: ... }`), or remove the plan; if another document is to run \
                    it, write `allow: [idle-plan]` in the flag";
        context
            .warnings
            .push(Problem::warning("idle-plan", title, at).help(help));
    }
}

/// Warns of a directory of documents that is nearly too large for a Kubernetes ConfigMap. A document that is too large is
/// rejected when it is applied to the cluster, which is late.
fn warn_of_config_map(source: &Source, gateway: &GatewayFields<'_>, context: &mut LoadContext) {
    let (Some(key), Some(FlagsAt::File(_) | FlagsAt::Directory(_))) =
        (gateway.flags.key(), gateway.flags.value())
    else {
        return;
    };
    // A ConfigMap is mounted as one directory.
    let mut sizes = BTreeMap::<&Path, usize>::new();
    for read in context.sources.all() {
        let directory = read.path.parent().unwrap_or(Path::new(""));
        *sizes.entry(directory).or_default() += read.text.len();
    }
    let largest = sizes.into_values().max().unwrap_or_default();
    if largest < CONFIG_MAP_WARNING_BYTES {
        return;
    }
    let title = format!(
        "the documents of one directory have {} KiB; a Kubernetes ConfigMap holds 1,024 KiB",
        largest / 1024
    );
    let help = "divide the flags over several ConfigMaps, or keep them in a store; if they are in no ConfigMap, write \
                `allow: [config-map-size]` at the top";
    let at = Label::new(source, key.span, "");
    context
        .warnings
        .push(Problem::warning("config-map-size", title, at).help(help));
}

/// Reads the flags documents of a load. Returns none if there are none to read.
fn flags_of(
    source: &Source,
    gateway: &GatewayFields<'_>,
    context: &mut LoadContext,
    flags_from: FlagsFrom<'_>,
) -> Option<Vec<Arc<Source>>> {
    let is_error = match flags_from {
        FlagsFrom::Path(path) => {
            let is_directory = context.files.is_directory(path);
            return Some(context.flags_sources(path, is_directory, None));
        }
        FlagsFrom::Compiled(..) => return None,
        FlagsFrom::Document => true,
        FlagsFrom::DocumentUnlessStore => false,
    };
    let folder = source.path.parent().unwrap_or(Path::new(""));
    let (path, is_directory) = match gateway.flags.value()? {
        FlagsAt::File(path) => (path, false),
        FlagsAt::Directory(path) => (path, true),
        FlagsAt::Store(flags) => {
            if is_error {
                let at = Label::new(source, flags.store.key()?.span, "");
                let title = "these flags are in a store, which is not read here";
                let server = match admin_url(gateway) {
                    Some(url) => format!("ask the running server: `sluice explain --server {url}`"),
                    None => "add an `admin` listener and ask the running server".to_owned(),
                };
                let help = format!(
                    "a change from files to a store takes effect at the next start of `sluice run`; to explain a request, \
                     {server}"
                );
                let unread = Problem::error("managed-flags", title, at);
                context.problems.push(unread.help(help));
            }
            return None;
        }
    };
    let named_at = Label::new(source, path.span, "named here");
    Some(context.flags_sources(&folder.join(&*path.value), is_directory, Some(named_at)))
}

fn loaded(
    parts: GatewayParts,
    mut context: LoadContext,
    documents: &[Document<'_>],
    flags_from: FlagsFrom<'_>,
) -> LoadedConfig {
    let digest = context.revision();
    let revision = match flags_from {
        FlagsFrom::Compiled(_, revision) => managed_revision(revision, &digest),
        _ => SnapshotRevision(digest.as_str().into()),
    };
    let snapshot = Snapshot {
        revision,
        environment: parts.environment.into(),
        flags: parts.flags,
        tenants: parts.tenants,
        routes: Arc::new(parts.routes),
        upstreams: parts.upstreams.into(),
        headers: Arc::new(parts.headers),
    };
    let line_index = LineIndex::of(&context.sources);
    let mut found = rules::lint(&snapshot);
    // Warnings about flags of a store have no site here; they are reported with the flags.
    found.retain(|warning| warning.site != Site::default());
    let problems = warnings(found, documents);
    let inputs = context.inputs.clone();
    let files = context.files_for_reload();
    context.warnings.extend(problems);
    // Flags of a store change while the document stays, so that an allowance may be needed again.
    let unused = match flags_from {
        FlagsFrom::Compiled(..) => UnusedAllowances::Ignore,
        _ => UnusedAllowances::Report,
    };
    let warnings = context.into_report_with(unused);
    LoadedConfig {
        snapshot: Arc::new(snapshot),
        flags_source: parts.flags_source,
        identity: Arc::new(parts.identity),
        settings: parts.settings,
        operators: parts.operators,
        warnings,
        inputs,
        files,
        line_index: Arc::new(line_index),
        awaited_flags: parts.awaited_flags,
        digest,
        variables: BTreeSet::new(),
    }
}
