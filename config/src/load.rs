//! Reads, checks and compiles documents: everything that is wrong comes back in one report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::{Eligibility, Flags, FlagsDefinition, Names, Tenants};

use crate::lower::{self, Document};
use crate::problem::{Label, Problem};
use crate::read::{self, Inputs};
use crate::report::Report;
use crate::shape::{Object, flags};
use crate::source::{Places, Source, Sources};
use crate::translate::{Broken, translate};
use crate::{parse, validate};

/// Flags documents, compiled.
#[derive(Debug)]
pub struct LoadedFlags {
    /// The flags.
    pub flags: Flags,
    /// The tenants.
    pub tenants: Tenants,
    /// Where sites are.
    pub places: Places,
    /// What was read.
    pub inputs: Inputs,
}

/// Loads one flags document, or a directory of them merged.
pub fn load_flags(path: &Path, eligibility: Eligibility) -> Result<LoadedFlags, Report> {
    let mut loading = Loading::default();
    let sources = loading.flags_sources(path, path.is_dir(), None);
    let documents = loading.documents(&sources, &flags::DOCUMENT);
    let complete = documents.len() == sources.len();
    let broken = Broken::of(&documents, &loading.problems);
    let definition = lower::flags::flags(&documents, &mut loading.problems);
    let names = Names::new(&definition);
    let compiled = loading.compile(&definition, &names, &documents, &broken, complete, eligibility);
    match compiled {
        Some((flags, tenants)) if loading.problems.is_empty() => Ok(LoadedFlags {
            flags,
            tenants,
            places: Places::of(&loading.sources),
            inputs: loading.inputs,
        }),
        _ => Err(loading.into_report()),
    }
}

/// One load under way.
#[derive(Debug, Default)]
pub(crate) struct Loading {
    pub(crate) sources: Sources,
    pub(crate) problems: Vec<Problem>,
    /// How many more problems there are than were kept.
    more: usize,
    pub(crate) inputs: Inputs,
}

impl Loading {
    /// Reads one document; `named_at` is where another document names it.
    pub(crate) fn read(&mut self, path: &Path, named_at: Option<Label>) -> Option<Arc<Source>> {
        self.inputs.files.push(path.to_owned());
        match read::text(path) {
            Ok(text) => self.sources.add(path, text),
            Err(unreadable) => {
                self.problems.push(unreadable.problem(path, named_at));
                None
            }
        }
    }

    /// Reads a flags document or every one in a directory.
    pub(crate) fn flags_sources(
        &mut self,
        path: &Path,
        is_directory: bool,
        named_at: Option<Label>,
    ) -> Vec<Arc<Source>> {
        if !is_directory {
            return self.read(path, named_at).into_iter().collect();
        }
        self.inputs.directories.push(path.to_owned());
        let files: Vec<PathBuf> = match read::directory(path) {
            Ok(files) => files,
            Err(unreadable) => {
                self.problems.push(unreadable.problem(path, named_at.clone()));
                Vec::new()
            }
        };
        files
            .iter()
            .filter_map(|file| self.read(file, named_at.clone()))
            .collect()
    }

    /// Parses and validates texts. Those that are no YAML are missing from the result.
    pub(crate) fn documents<'s>(
        &mut self,
        sources: &'s [Arc<Source>],
        object: &'static Object,
    ) -> Vec<Document<'s>> {
        let mut documents = Vec::new();
        for source in sources {
            if let Some(root) = parse::parse(source, &mut self.problems) {
                validate::validate(source, &root, object, &mut self.problems);
                documents.push(Document { source, root });
            }
        }
        documents
    }

    /// Compiles the flags; none where that can't be, and the problems say why.
    pub(crate) fn compile(
        &mut self,
        definition: &FlagsDefinition<'_>,
        names: &Names<'_>,
        documents: &[Document<'_>],
        broken: &Broken<'_>,
        complete: bool,
        eligibility: Eligibility,
    ) -> Option<(Flags, Tenants)> {
        match rules::compile(definition, names, eligibility) {
            Ok(compiled) => Some(compiled),
            // What is unknown may be defined in a document that could not be read.
            Err(_) if !complete => None,
            Err(found) => {
                self.report(found, documents, names, broken);
                None
            }
        }
    }

    /// Takes over what `rules` found.
    pub(crate) fn report(
        &mut self,
        found: Vec<rules::Problem>,
        documents: &[Document<'_>],
        names: &Names<'_>,
        broken: &Broken<'_>,
    ) {
        let (problems, more) = translate(found, documents, names, broken);
        self.problems.extend(problems);
        self.more += more;
    }

    pub(crate) fn into_report(self) -> Report {
        Report::new(self.problems, self.more, self.sources, self.inputs)
    }
}
