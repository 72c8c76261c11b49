//! The state of one load: its files, and its problems and warnings so far.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::{Eligibility, Flags, FlagsDefinition, Names, Tenants};
use xxhash_rust::xxh3::Xxh3;

use crate::allowance::{Allowance, UnusedAllowances, not_allowed};
use crate::files::Files;
use crate::form::{Form, Of};
use crate::inputs::Inputs;
use crate::lower::Document;
use crate::problem::{Label, Problem};
use crate::read::{self, Unreadable};
use crate::report::Report;
use crate::source::{MAX_FILE_BYTES, Source, Sources};
use crate::translate::{BrokenParts, translate};
use crate::validate::{Notes, Origin};
use crate::{form, parse};

/// The state of one load.
#[derive(Debug, Default)]
pub(crate) struct LoadContext {
    pub(crate) files: Files,
    /// The author of the documents.
    pub(crate) origin: Origin,
    pub(crate) sources: Sources,
    pub(crate) problems: Vec<Problem>,
    /// Warnings: settings that are allowed, but probably not as intended.
    pub(crate) warnings: Vec<Problem>,
    /// The warnings that the documents allow.
    allowances: Vec<Allowance>,
    /// The number of problems that were not kept.
    more: usize,
    pub(crate) inputs: Inputs,
    /// The contents of the files; none if they are not kept.
    kept: Option<BTreeMap<PathBuf, Vec<u8>>>,
}

impl LoadContext {
    /// Creates the state of a load of these files.
    pub(crate) fn of(files: Files) -> Self {
        Self {
            files,
            ..Self::default()
        }
    }

    /// Creates the state of a load that keeps the contents of all files.
    pub(crate) fn keeping(files: Files) -> Self {
        Self {
            kept: Some(BTreeMap::new()),
            ..Self::of(files)
        }
    }

    /// Returns the files to load again: the kept contents, or else the source of this load.
    pub(crate) fn files_for_reload(&mut self) -> Files {
        let kept = self.kept.take().map(Files::Memory);
        kept.unwrap_or_else(|| self.files.clone())
    }

    /// Reads a file. `named_at` is the place in a document that names it.
    pub(crate) fn read(&mut self, path: &Path, limit: usize, named_at: Option<Label>) -> Option<Vec<u8>> {
        let read = self.files.bytes(path, limit);
        self.inputs.add_file(path, limit, read.as_deref().ok());
        if let (Some(kept), Ok(bytes)) = (&mut self.kept, &read) {
            kept.insert(path.to_owned(), bytes.clone());
        }
        self.readable(read, path, named_at)
    }

    /// Reads one document. `named_at` is the place in another document that names it.
    pub(crate) fn source(&mut self, path: &Path, named_at: Option<Label>) -> Option<Arc<Source>> {
        let bytes = self.read(path, MAX_FILE_BYTES, named_at.clone())?;
        let text = self.readable(read::text(path, bytes), path, named_at)?;
        self.sources.add(path, text)
    }

    fn readable<T>(
        &mut self,
        read: Result<T, Unreadable>,
        path: &Path,
        named_at: Option<Label>,
    ) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(unreadable) => {
                self.problems.push(unreadable.problem(path, named_at));
                None
            }
        }
    }

    /// Reads a flags document, or every one in a directory.
    pub(crate) fn flags_sources(
        &mut self,
        path: &Path,
        is_directory: bool,
        named_at: Option<Label>,
    ) -> Vec<Arc<Source>> {
        if !is_directory {
            return self.source(path, named_at).into_iter().collect();
        }
        let listing = self.files.directory(path);
        self.inputs.add_directory(path, listing.as_deref().ok());
        let files = self.readable(listing, path, named_at.clone()).unwrap_or_default();
        files
            .iter()
            .filter_map(|file| self.source(file, named_at.clone()))
            .collect()
    }

    /// Parses texts, and reads each by its form. Texts that are not YAML are missing from the trees, and those that
    /// are not a mapping from the values.
    pub(crate) fn read_documents<'s, F: Form>(
        &mut self,
        sources: &'s [Arc<Source>],
    ) -> (Vec<Document<'s>>, Vec<(&'s Source, Of<'s, F>)>) {
        let (mut documents, mut values) = (Vec::new(), Vec::new());
        for source in sources {
            if let Some(root) = parse::parse(source, &mut self.problems) {
                let (value, notes) =
                    form::read_with_notes::<F>(self.origin, source, &root, &mut self.problems);
                self.note(notes);
                values.extend(value.map(|value| (&**source, value)));
                documents.push(Document { source, root });
            }
        }
        (documents, values)
    }

    /// Adds the warnings about a document and those that it allows.
    pub(crate) fn note(&mut self, notes: Notes) {
        self.warnings.extend(notes.warnings);
        self.allowances.extend(notes.allowances);
    }

    /// Compiles the flags, or reports their problems and returns none.
    pub(crate) fn compile(
        &mut self,
        definition: &FlagsDefinition<'_>,
        names: &Names,
        documents: &[Document<'_>],
        broken: &BrokenParts,
        eligibility: Eligibility,
    ) -> Option<(Flags, Tenants)> {
        match rules::compile(definition, names, eligibility) {
            Ok(compiled) => Some(compiled),
            Err(found) => {
                self.report(found, documents, names, broken);
                None
            }
        }
    }

    /// Translates problems of `rules`, and adds them.
    pub(crate) fn report(
        &mut self,
        found: Vec<rules::DefinitionProblem>,
        documents: &[Document<'_>],
        names: &Names,
        broken: &BrokenParts,
    ) {
        let (problems, more) = translate(found, documents, names, broken);
        self.problems.extend(problems);
        self.more += more;
    }

    /// Returns a digest of all documents that were read, as 12 hex digits.
    pub(crate) fn revision(&self) -> String {
        let mut hasher = Xxh3::new();
        for source in self.sources.all() {
            hasher.update(&source.text.len().to_le_bytes());
            hasher.update(source.text.as_bytes());
        }
        let mut digits = format!("{:016x}", hasher.digest());
        digits.truncate(12);
        digits
    }

    /// Returns the report of a load that failed or was partial, so that not all warnings are known.
    pub(crate) fn into_report(self) -> Report {
        self.into_report_with(UnusedAllowances::Ignore)
    }

    /// Returns the report of a load.
    pub(crate) fn into_report_with(mut self, unused: UnusedAllowances) -> Report {
        self.problems
            .extend(not_allowed(self.warnings, &self.allowances, unused));
        Report::new(self.problems, self.more, self.sources, self.inputs)
    }
}
