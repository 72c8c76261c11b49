//! Reads, checks and compiles documents: everything that is wrong comes back in one report.

use std::path::Path;
use std::sync::Arc;

use rules::{Eligibility, Flags, FlagsDefinition, Names, Revision, Routes, Snapshot, Tenants, UpstreamId};

use crate::files::Files;
use crate::inputs::Inputs;
use crate::loaded::Loaded;
use crate::loading::Loading;
use crate::lower::gateway::Gateway;
use crate::lower::routes::Lowered;
use crate::lower::settings::environment;
use crate::lower::{self, Document, Lower};
use crate::node::Node;
use crate::problem::Label;
use crate::report::Report;
use crate::shape::{flags, sluice};
use crate::source::{Places, Source};
use crate::translate::{Broken, warnings};

/// Flags documents, compiled.
#[derive(Debug)]
pub struct LoadedFlags {
    /// The flags.
    pub flags: Flags,
    /// The tenants.
    pub tenants: Tenants,
    /// What was read.
    pub inputs: Inputs,
    /// Where sites are.
    pub places: Places,
}

/// Loads one flags document, or a directory of them merged.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_flags(path: &Path, eligibility: Eligibility) -> Result<LoadedFlags, Report> {
    load_flags_from(Files::Disk, path, eligibility)
}

/// The same from other files than those on the disk.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_flags_from(files: Files, path: &Path, eligibility: Eligibility) -> Result<LoadedFlags, Report> {
    let mut loading = Loading::of(files);
    let is_directory = loading.files.is_directory(path);
    let sources = loading.flags_sources(path, is_directory, None);
    let documents = loading.documents(&sources, &flags::DOCUMENT);
    let broken = Broken::of(&documents, &loading.problems, documents.len() < sources.len());
    let definition = lower::flags::flags(&documents, &mut loading.problems);
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

/// The same from other files than those on the disk.
///
/// # Errors
/// Everything that is wrong with any of it.
pub fn load_from(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Report> {
    let mut loading = Loading::of(files);
    let Some(source) = loading.source(path, None) else {
        return Err(loading.into_report());
    };
    let gateway_sources = [source];
    let Some(gateway) = loading.documents(&gateway_sources, &sluice::DOCUMENT).pop() else {
        return Err(loading.into_report());
    };
    let sources = flags_of(&gateway, &mut loading);
    let mut documents = loading.documents(sources.as_deref().unwrap_or_default(), &flags::DOCUMENT);
    let complete = sources
        .as_ref()
        .is_some_and(|sources| !sources.is_empty() && documents.len() == sources.len());
    let broken = Broken::of(&documents, &loading.problems, !complete);
    let definition = lower::flags::flags(&documents, &mut loading.problems);
    documents.push(gateway);
    let names = Names::new(&definition);
    let compiler = Compiler {
        documents: &documents,
        names: &names,
        broken: &broken,
        definition: &definition,
    };
    match compiler.compile(&mut loading, variable) {
        Some(parts) if loading.problems.is_empty() => Ok(loaded(parts, loading, &documents)),
        _ => Err(loading.into_report()),
    }
}

/// What a document names and how, while it is compiled.
struct Compiler<'a, 's> {
    /// Those of the flags, and last the one that names them.
    documents: &'a [Document<'s>],
    names: &'a Names,
    broken: &'a Broken,
    definition: &'a FlagsDefinition<'s>,
}

/// A load without the snapshot's revision, which is made of everything that was read.
struct Parts {
    flags: Flags,
    tenants: Tenants,
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
        let document = self.documents.last()?;
        let root = &document.root;
        let (environment, eligibility) = environment(root);
        let compiled = loading.compile(
            self.definition,
            self.names,
            self.documents,
            self.broken,
            eligibility,
        );
        let upstreams = root.field("upstreams").and_then(Node::entries);
        let ids = upstreams.unwrap_or_default().iter().enumerate();
        let mut gateway = Gateway {
            lower: Lower {
                source: document.source,
            },
            loading,
            documents: self.documents,
            names: self.names,
            broken: self.broken,
            upstreams: ids
                .filter_map(|(index, entry)| Some((&*entry.key, UpstreamId::from_index(index)?)))
                .collect(),
            upstreams_known: upstreams.is_some(),
            plan: None,
            environment: variable,
        };
        let settings = gateway.settings(root);
        let operators = gateway.operators(root);
        let headers = gateway.headers(root, compiled.as_ref().map(|(flags, _)| flags));
        gateway.plan = Some(headers.clone());
        let identity = gateway.identity(root, compiled.as_ref().map(|(flags, _)| flags));
        let upstreams = gateway.all_upstreams(root);
        let unmatched = gateway.unmatched(root.field("unmatched"));
        let target = gateway.target(root);
        let lowered = gateway.routes(root);
        refuse_conflicts(&mut gateway, &lowered);
        let (flags, tenants) = compiled?;
        let routes = lowered
            .into_iter()
            .map(|route| Some((route.takes?, route.route?)))
            .collect::<Option<_>>()?;
        let reads = upstreams.iter().map(|upstream| upstream.reads);
        let routes = Routes::build(routes, unmatched?, target, reads).ok()?;
        Some(Parts {
            flags,
            tenants,
            routes,
            upstreams,
            headers,
            environment,
            identity,
            settings,
            operators,
        })
    }
}

/// Reads the flags documents that `gateway` names; none where it names none.
fn flags_of(gateway: &Document<'_>, loading: &mut Loading) -> Option<Vec<Arc<Source>>> {
    let node = gateway.root.field("flags")?;
    let (named, is_directory) = match (node.field("file"), node.field("directory")) {
        (Some(file), None) => (file, false),
        (None, Some(directory)) => (directory, true),
        _ => return None,
    };
    let folder = gateway.source.path.parent().unwrap_or(Path::new(""));
    let path = folder.join(&**named.text()?);
    let named_at = Label::new(gateway.source, named.span, "named here");
    Some(loading.flags_sources(&path, is_directory, Some(named_at)))
}

/// Reports routes that can't be told apart, of those whose match could be read.
fn refuse_conflicts(gateway: &mut Gateway<'_, '_>, lowered: &[Lowered]) {
    let readable: Vec<&Lowered> = lowered.iter().filter(|route| route.takes.is_some()).collect();
    let matches = readable.iter().filter_map(|route| route.takes.clone()).collect();
    for conflict in rules::RouteTable::build(matches).err().unwrap_or_default() {
        gateway.conflict(conflict, &readable);
    }
}

fn loaded(parts: Parts, mut loading: Loading, documents: &[Document<'_>]) -> Loaded {
    let snapshot = Snapshot {
        revision: Revision(loading.revision().into()),
        environment: parts.environment.into(),
        flags: Arc::new(parts.flags),
        tenants: Arc::new(parts.tenants),
        routes: Arc::new(parts.routes),
        upstreams: parts.upstreams.into(),
        headers: Arc::new(parts.headers),
    };
    let places = Places::of(&loading.sources);
    let problems = warnings(rules::lint(&snapshot), documents);
    let inputs = loading.inputs.clone();
    loading.warnings.extend(problems);
    let warnings = loading.into_report();
    Loaded {
        snapshot: Arc::new(snapshot),
        identity: parts.identity,
        settings: parts.settings,
        operators: parts.operators,
        warnings,
        inputs,
        places,
    }
}
