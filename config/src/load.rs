//! Reads, checks and compiles documents: everything that is wrong comes back in one report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::{
    Eligibility, Flags, FlagsDefinition, Names, Revision, Routes, Site, Snapshot, Tenants, UpstreamId,
};

use crate::catalog::Compiled;
use crate::files::Files;
use crate::inputs::Inputs;
use crate::loaded::{FlagsSource, Loaded, judged_in, managed_revision};
use crate::loading::Loading;
use crate::lower::gateway::Gateway;
use crate::lower::operators::token_entries;
use crate::lower::routes::Lowered;
use crate::lower::settings::body_limit;
use crate::lower::{self, Document};
use crate::operators::OperatorToken;
use crate::problem::{Label, Problem};
use crate::report::Report;
use crate::shape::flags::FlagsDocument;
use crate::shape::headers::HeadersFields;
use crate::shape::sluice::{FlagsAt, GatewayDocument, GatewayFields};
use crate::source::{Places, Source};
use crate::translate::{Broken, warnings};

/// Flags documents, compiled.
#[derive(Debug)]
pub struct LoadedFlags {
    /// The flags.
    pub flags: Flags,
    /// The tenants.
    pub tenants: Tenants,
    /// The files that were read.
    pub inputs: Inputs,
    /// The places of sites.
    pub places: Places,
}

/// Loads one flags document, or a directory of them merged.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_flags(path: &Path, eligibility: Eligibility) -> Result<LoadedFlags, Report> {
    load_flags_from(Files::Disk, path, eligibility)
}

/// Loads one flags document, or a directory of them merged, from other files than those on the disk.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_flags_from(files: Files, path: &Path, eligibility: Eligibility) -> Result<LoadedFlags, Report> {
    let mut loading = Loading::of(files);
    let is_directory = loading.files.is_directory(path);
    let sources = loading.flags_sources(path, is_directory, None);
    let (documents, read) = loading.read_documents::<FlagsDocument>(&sources);
    let broken = Broken::of(&documents, &loading.problems, documents.len() < sources.len());
    let definition = lower::flags::merge(read, &mut loading.problems);
    let names = Names::new(&definition);
    let compiled = loading.compile(&definition, &names, &documents, &broken, eligibility);
    match compiled {
        Some((flags, tenants)) if loading.problems.is_empty() => {
            let places = Places::of(&loading.sources);
            Ok(LoadedFlags {
                flags,
                tenants,
                inputs: loading.inputs,
                places,
            })
        }
        _ => Err(loading.into_report()),
    }
}

/// Loads `sluice.yaml` at `path` and everything that it names. `variable` looks up environment variables, which
/// only secrets refer to.
///
/// # Errors
/// Everything that is wrong with any of it.
pub fn load(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Report> {
    load_from(Files::Disk, path, variable)
}

/// Loads `sluice.yaml` and everything that it names from other files than those on the disk.
///
/// # Errors
/// Everything that is wrong with any of it.
pub fn load_from(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Report> {
    load_as(files, path, variable, Given::Named)
}

/// Reads the static tokens in the file at `path` alone, so that a removed token becomes invalid even if the document that
/// names the file has problems.
///
/// # Errors
/// All problems of the file.
pub fn operator_tokens(files: Files, path: &Path) -> Result<Vec<OperatorToken>, Report> {
    let mut loading = Loading::of(files);
    let source = loading.source(path, None);
    let tokens = source.map(|source| token_entries(&source, &mut loading.problems));
    match tokens {
        Some(tokens) if loading.problems.is_empty() => Ok(tokens),
        _ => Err(loading.into_report()),
    }
}

/// The flags that a gateway document is loaded with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given<'c> {
    /// Those of the documents that it names. Flags in a store are a problem.
    Named,
    /// Those of the documents that it names. Where they are in a store, everything else is checked.
    NamedIfRead,
    /// Those of another document, or of a directory.
    In(&'c Path),
    /// These, at a revision of their store.
    Compiled(&'c Compiled, u64),
}

pub(crate) fn load_as(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    given: Given<'_>,
) -> Result<Loaded, Report> {
    let mut loading = match given {
        // Its flags will be others, and the document the same.
        Given::Compiled(..) => Loading::keeping(files),
        _ => Loading::of(files),
    };
    let Some(source) = loading.source(path, None) else {
        return Err(loading.into_report());
    };
    let gateway_sources = [source];
    let (mut gateway_documents, mut read) = loading.read_documents::<GatewayDocument>(&gateway_sources);
    let (Some(document), Some((source, gateway))) = (gateway_documents.pop(), read.pop()) else {
        return Err(loading.into_report());
    };
    let sources = flags_of(source, &gateway, &mut loading, given);
    let (mut documents, read) =
        loading.read_documents::<FlagsDocument>(sources.as_deref().unwrap_or_default());
    let complete = sources
        .as_ref()
        .is_some_and(|sources| !sources.is_empty() && documents.len() == sources.len());
    let complete = complete || matches!(given, Given::Compiled(..));
    let broken = Broken::of(&documents, &loading.problems, !complete);
    let definition = lower::flags::merge(read, &mut loading.problems);
    documents.push(document);
    let names = Names::new(&definition);
    let (names, flags) = match given {
        Given::Compiled(compiled, _) => (&*compiled.names, FlagsOf::Compiled(compiled)),
        _ => (&names, FlagsOf::Documents(&definition)),
    };
    let compiler = Compiler {
        source,
        gateway: &gateway,
        documents: &documents,
        names,
        broken: &broken,
        flags,
    };
    match compiler.compile(&mut loading, variable) {
        Some(parts) if loading.problems.is_empty() => Ok(loaded(parts, loading, &documents, given)),
        _ => {
            // Without the flags of a store it is not known where some routes lead, and that is no problem.
            let is_partial = matches!(given, Given::NamedIfRead);
            let is_explained = is_partial || !loading.problems.is_empty();
            debug_assert!(is_explained, "it is refused, and no problem says why");
            Err(loading.into_report())
        }
    }
}

/// A gateway document and the flags that it is compiled with.
struct Compiler<'a, 's> {
    source: &'s Source,
    gateway: &'a GatewayFields<'s>,
    /// Those of the flags, and last the one that names them.
    documents: &'a [Document<'s>],
    names: &'a Names,
    broken: &'a Broken,
    flags: FlagsOf<'a, 's>,
}

/// Flags that are to be compiled, or are.
#[derive(Clone, Copy)]
enum FlagsOf<'a, 's> {
    Documents(&'a FlagsDefinition<'s>),
    Compiled(&'a Compiled),
}

/// A load without the snapshot's revision, which is made of everything that was read.
struct Parts {
    flags: Arc<Flags>,
    tenants: Arc<Tenants>,
    flags_source: FlagsSource,
    routes: Routes,
    upstreams: Vec<rules::Upstream>,
    headers: rules::HeaderPlan,
    environment: String,
    identity: crate::Identity,
    settings: crate::Settings,
    operators: Option<crate::Operators>,
}

impl<'s> Compiler<'_, 's> {
    fn compile(&self, loading: &mut Loading, variable: &dyn Fn(&str) -> Option<String>) -> Option<Parts> {
        let root = self.gateway;
        let production = || ("production".to_owned(), Eligibility::Enforced);
        let environment = root.environment.lower(production(), |environment| {
            let environment = &environment.value;
            Some((environment.name.value.to_string(), environment.eligibility))
        });
        // Where it was refused, what else is wrong is found by the stricter rules.
        let eligibility = environment.clone().unwrap_or_else(production).1;
        let compiled = self.flags(loading, eligibility);
        let flags = compiled.as_ref().map(|(flags, _)| &**flags);
        let upstreams = root.upstreams.value();
        let ids = upstreams.into_iter().flatten().enumerate();
        let mut gateway = Gateway {
            source: self.source,
            loading,
            documents: self.documents,
            names: self.names,
            broken: self.broken,
            upstreams: ids
                .filter_map(|(index, (name, _))| Some((&*name.value, UpstreamId::from_index(index)?)))
                .collect(),
            upstreams_known: upstreams.is_some(),
            plan: None,
            environment: variable,
        };
        let settings = gateway.settings(root);
        let operators = root
            .admin
            .value()
            .and_then(Option::as_ref)
            .map_or(Some(None), |admin| {
                let operators = &admin.operators;
                operators.lower_optional(|operators| gateway.operators(&operators.value))
            });
        let left_out = HeadersFields::default();
        let headers = root.headers.value().unwrap_or(&left_out);
        let headers = gateway.headers(headers, flags);
        gateway.plan = Some(headers.clone());
        let identity = gateway.identity(root, flags);
        let upstreams = upstreams.and_then(|upstreams| gateway.all_upstreams(upstreams));
        let unmatched = gateway.unmatched(&root.unmatched);
        let routes = root.routes.value().map_or(&[][..], |routes| routes);
        let lowered = gateway.routes(routes, body_limit(root));
        refuse_conflicts(&mut gateway, &lowered);
        let (flags, tenants) = compiled?;
        let routes = lowered
            .into_iter()
            .map(|route| Some((route.takes?, route.route?)))
            .collect::<Option<_>>()?;
        let upstreams = upstreams?;
        let reads = upstreams.iter().map(|upstream| upstream.reads);
        let routes = Routes::build(routes, unmatched?, root.target.or_default()?, reads).ok()?;
        Some(Parts {
            flags,
            tenants,
            flags_source: flags_source(self.source, root)?,
            routes,
            upstreams,
            headers,
            environment: environment?.0,
            identity: identity?,
            settings: settings?,
            operators: operators?,
        })
    }

    fn flags(&self, loading: &mut Loading, eligibility: Eligibility) -> Option<(Arc<Flags>, Arc<Tenants>)> {
        match self.flags {
            FlagsOf::Documents(definition) => {
                let (documents, broken) = (self.documents, self.broken);
                let compiled = loading.compile(definition, self.names, documents, broken, eligibility)?;
                Some((Arc::new(compiled.0), Arc::new(compiled.1)))
            }
            FlagsOf::Compiled(compiled) => {
                let flags = judged_in(eligibility, &compiled.flags);
                Some((flags, Arc::clone(&compiled.tenants)))
            }
        }
    }
}

/// Returns where a gateway document says that flags are; none where that was refused.
pub(crate) fn flags_source(source: &Source, gateway: &GatewayFields<'_>) -> Option<FlagsSource> {
    let folder = source.path.parent().unwrap_or(Path::new(""));
    Some(match gateway.flags.value()? {
        FlagsAt::File(path) => FlagsSource::File(folder.join(&*path.value)),
        FlagsAt::Directory(path) => FlagsSource::Directory(folder.join(&*path.value)),
        FlagsAt::Store(flags) => FlagsSource::Store(folder.join(&**flags.store.value()?.sqlite.value()?)),
    })
}

/// Returns the document that a gateway document names for a store that is empty.
pub(crate) fn seed(source: &Source, gateway: &GatewayFields<'_>) -> Option<PathBuf> {
    let FlagsAt::Store(flags) = gateway.flags.value()? else {
        return None;
    };
    let folder = source.path.parent().unwrap_or(Path::new(""));
    Some(folder.join(&**flags.store.value()?.seed.value()?))
}

/// Reads the flags documents that a gateway document names, or that are given; none where there are none to be read.
fn flags_of(
    source: &Source,
    gateway: &GatewayFields<'_>,
    loading: &mut Loading,
    given: Given<'_>,
) -> Option<Vec<Arc<Source>>> {
    let is_error = match given {
        Given::In(path) => {
            let is_directory = loading.files.is_directory(path);
            return Some(loading.flags_sources(path, is_directory, None));
        }
        Given::Compiled(..) => return None,
        Given::Named => true,
        Given::NamedIfRead => false,
    };
    let folder = source.path.parent().unwrap_or(Path::new(""));
    let (path, is_directory) = match gateway.flags.value()? {
        FlagsAt::File(path) => (path, false),
        FlagsAt::Directory(path) => (path, true),
        FlagsAt::Store(flags) => {
            let at = Label::new(source, flags.store.key()?.span, "");
            let title = "these flags are in a store, which is not read here";
            let help = "to check gates and headers against flags, pass a document with them: `--flags FILE`; \
                 `sluice export -o FILE` writes it from the running server";
            if is_error {
                let unread = Problem::error("managed-flags", title, at);
                loading.problems.push(unread.help(help));
            } else {
                let unread = Problem::warning("managed-flags", title, at);
                loading.warnings.push(unread.help(help));
            }
            return None;
        }
    };
    let named_at = Label::new(source, path.span, "named here");
    Some(loading.flags_sources(&folder.join(&*path.value), is_directory, Some(named_at)))
}

/// Reports routes that can't be told apart, of those whose match could be read.
fn refuse_conflicts(gateway: &mut Gateway<'_, '_>, lowered: &[Lowered]) {
    let readable: Vec<&Lowered> = lowered.iter().filter(|route| route.takes.is_some()).collect();
    let matches = readable.iter().filter_map(|route| route.takes.clone()).collect();
    for conflict in rules::RouteTable::build(matches).err().unwrap_or_default() {
        gateway.conflict(conflict, &readable);
    }
}

fn loaded(parts: Parts, mut loading: Loading, documents: &[Document<'_>], given: Given<'_>) -> Loaded {
    let digest = loading.revision();
    let revision = match given {
        Given::Compiled(_, revision) => managed_revision(revision, &digest),
        _ => Revision(digest.as_str().into()),
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
    let places = Places::of(&loading.sources);
    let mut found = rules::lint(&snapshot);
    // Of flags that are in no document it is said elsewhere who uses them.
    found.retain(|warning| warning.site != Site::default());
    let problems = warnings(found, documents);
    let inputs = loading.inputs.clone();
    let files = loading.files_again();
    loading.warnings.extend(problems);
    let warnings = loading.into_report();
    Loaded {
        snapshot: Arc::new(snapshot),
        flags_source: parts.flags_source,
        identity: Arc::new(parts.identity),
        settings: parts.settings,
        operators: parts.operators,
        warnings,
        inputs,
        files,
        places: Arc::new(places),
        digest,
    }
}
