//! The gateway document with the documents that it includes: reads their files, merges their trees, and reads the whole
//! by its form.
//!
//! Sections that are lists are concatenated, sections that are maps are joined; any other section may be in one document
//! only. The nodes of an included document keep their places: offsets are relative to the first document, and those of
//! an included one are beyond its end ([`Source::distance`]).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glob::Pattern;

use crate::address_overrides::override_addresses;
use crate::form::{Form as _, Of, read_root};
use crate::load_context::LoadContext;
use crate::lower::Document;
use crate::node::{MappingEntry, Node, NodeKind, Span};
use crate::parse;
use crate::problem::{Label, Problem};
use crate::secret_values::secret_values;
use crate::shape::Shape;
use crate::shape::sluice::GatewayDocument;
use crate::source::Source;
use crate::validate::VERSION;
use crate::variables::{Variables, insert_variables};

impl LoadContext {
    /// Reads the gateway document at `path` and the documents that it includes. Returns none if it can't be read; the
    /// first one is the document itself.
    pub(crate) fn gateway_sources(
        &mut self,
        path: &Path,
        variables: Variables<'_>,
    ) -> Option<Vec<Arc<Source>>> {
        let source = self.source(path, None)?;
        let mut sources = vec![Arc::clone(&source)];
        for (pattern, span) in include_patterns(&source, variables) {
            let named_at = Label::new(&source, span, "named here");
            for file in self.included_files(&source, &pattern, &named_at) {
                if sources.iter().all(|known| known.path != file) {
                    sources.extend(self.source(&file, Some(named_at.clone())));
                }
            }
        }
        Some(sources)
    }

    /// Returns the files that a pattern matches, sorted by name.
    fn included_files(&mut self, source: &Source, pattern: &str, named_at: &Label) -> Vec<PathBuf> {
        let folder = source.path.parent().unwrap_or(Path::new(""));
        let path = folder.join(pattern);
        if !pattern.contains(['*', '?', '[']) {
            return vec![path];
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return Vec::new();
        };
        let names = Pattern::new(name).ok();
        let is_plain = !directory.to_string_lossy().contains(['*', '?', '[']);
        let has_ending = [".yaml", ".yml", ".json"]
            .iter()
            .any(|ending| name.ends_with(ending));
        let Some(names) = names.filter(|_| is_plain && has_ending) else {
            let title = format!("`{pattern}` is not a pattern of documents");
            let help = "write a path whose last part has the `*`, and ends in `.yaml`, `.yml` or `.json`: `conf.d/*.yaml`";
            let problem = Problem::error("invalid-pattern", title, named_at.clone());
            self.problems.push(problem.help(help));
            return Vec::new();
        };
        let listing = self.files.directory(directory);
        self.inputs.add_directory(directory, listing.as_deref().ok());
        match listing {
            Ok(files) => {
                let is_named = |file: &PathBuf| {
                    let name = file.file_name().and_then(|name| name.to_str());
                    *file != source.path && name.is_some_and(|name| names.matches(name))
                };
                files.into_iter().filter(is_named).collect()
            }
            // Documents may be added later.
            Err(_) if self.files.may_be_empty(directory) => Vec::new(),
            Err(unreadable) => {
                self.problems
                    .push(unreadable.problem(directory, Some(named_at.clone())));
                Vec::new()
            }
        }
    }

    /// Parses the sources of a gateway document, merges them, and reads the result by its form. Returns the tree of each
    /// source, to find places in it.
    pub(crate) fn read_gateway<'s>(
        &mut self,
        sources: &'s [Arc<Source>],
        variables: Variables<'_>,
    ) -> Option<(Vec<Document<'s>>, Of<'s, GatewayDocument>)> {
        let mut documents = Vec::new();
        let mut merged: Option<Merged<'s>> = None;
        for source in sources {
            let parsed = parse::parse(source, &mut self.problems);
            let Some(mut root) = parsed else {
                // Without the document itself there is nothing to merge into.
                merged.as_ref()?;
                continue;
            };
            let shape = GatewayDocument::SHAPE;
            let mut secrets = secret_values(&source.text, source.is_confidential(), &root, shape);
            let problems = &mut self.problems;
            secrets.extend(insert_variables(source, &mut root, shape, variables, problems));
            source.set_secrets(secrets);
            // Places are searched in the tree of each document. A single document is its own merged tree.
            if sources.len() > 1 {
                let root = root.clone();
                documents.push(Document { source, root });
            }
            match &mut merged {
                None => merged = Some(Merged { source, root }),
                Some(merged) => merged.add(source, root, problems),
            }
        }
        let Merged { source, mut root } = merged?;
        override_addresses(&mut root, variables, &mut self.problems);
        let (value, notes) = read_root::<GatewayDocument>(source, &root, &mut self.problems);
        self.note(notes);
        let value = value?;
        if documents.is_empty() {
            documents.push(Document { source, root });
        }
        Some((documents, value))
    }
}

/// Returns the patterns of the field `include`, and their places. Values of another type are reported by the form.
fn include_patterns(source: &Source, variables: Variables<'_>) -> Vec<(String, Span)> {
    // The text of a document without the word needs no second parser. With a backslash the word may be there in another
    // spelling: `"incl\u0075de"` is the same key.
    if !source.text.contains(GatewayDocument::INCLUDE) && !source.text.contains('\\') {
        return Vec::new();
    }
    let mut ignored = Vec::new();
    let Some(mut root) = parse::parse(source, &mut ignored) else {
        return Vec::new();
    };
    insert_variables(source, &mut root, GatewayDocument::SHAPE, variables, &mut ignored);
    let Some(include) = root.field(GatewayDocument::INCLUDE) else {
        return Vec::new();
    };
    let listed = include.items().unwrap_or(std::slice::from_ref(include));
    let patterns = listed.iter().filter_map(|node| Some((node.text()?, node.span)));
    patterns
        .filter(|(pattern, _)| !pattern.is_empty())
        .map(|(pattern, span)| (pattern.to_string(), span))
        .collect()
}

/// The tree of a gateway document while others are merged into it.
struct Merged<'s> {
    source: &'s Source,
    root: Node<'s>,
}

impl<'s> Merged<'s> {
    /// Merges the tree of an included document.
    fn add(&mut self, source: &'s Source, mut root: Node<'s>, problems: &mut Vec<Problem>) {
        let distance = self.source.distance(source);
        shift(&mut root, distance);
        let NodeKind::Mapping(sections) = root.kind else {
            let title = format!("an included document is a mapping, not {}", root.describe());
            let at = Label::new(self.source, root.span, "");
            let help = "write sections of `sluice.yaml` into it, such as `routes` and `upstreams`";
            problems.push(Problem::error("wrong-type", title, at).help(help));
            return;
        };
        let NodeKind::Mapping(whole) = &mut self.root.kind else {
            return;
        };
        for section in sections {
            if section.key == VERSION_FIELD && section.value.integer() == Some(i128::from(VERSION)) {
                continue;
            }
            if section.key == GatewayDocument::INCLUDE {
                let title = "an included document can't include others";
                let at = Label::new(self.source, section.key_span, "");
                let help = "list all documents in the `include` of the first one";
                problems.push(Problem::error("include-conflict", title, at).help(help));
                continue;
            }
            let Some(first) = whole.iter_mut().find(|known| known.key == section.key) else {
                whole.push(section);
                continue;
            };
            join(self.source, first, section, problems);
        }
    }
}

/// The field with the version of a document.
const VERSION_FIELD: &str = "version";

/// Joins two values of one section, or reports that they can't be joined.
fn join<'s>(
    source: &Source,
    first: &mut MappingEntry<'s>,
    second: MappingEntry<'s>,
    problems: &mut Vec<Problem>,
) {
    let mut conflict = |title: String, (before, again): (Span, Span), help: &str| {
        let problem = Problem::error("include-conflict", title, Label::new(source, again, "again here"));
        let problem = problem.also(Label::new(source, before, "first here"));
        problems.push(problem.help(help));
    };
    let is_map = matches!(GatewayDocument::section(&second.key), Some(Shape::Map(_)));
    match (&mut first.value.kind, second.value.kind) {
        (NodeKind::List(items), NodeKind::List(more)) => items.extend(more),
        (NodeKind::Mapping(entries), NodeKind::Mapping(more)) if is_map => {
            let known: HashMap<String, Span> = entries
                .iter()
                .map(|entry| (entry.key.to_string(), entry.key_span))
                .collect();
            for entry in more {
                match known.get(&*entry.key) {
                    None => entries.push(entry),
                    Some(before) => conflict(
                        format!("`{}` is in `{}` of two documents", entry.key, second.key),
                        (*before, entry.key_span),
                        "keep one of them, or rename one",
                    ),
                }
            }
        }
        (NodeKind::Refused, _) | (_, NodeKind::Refused) => {}
        _ => conflict(
            format!("`{}` is in two documents", second.key),
            (first.key_span, second.key_span),
            "keep one of them: only lists such as `routes`, and maps such as `upstreams`, may be in several documents",
        ),
    }
}

/// Moves the places of a tree by a distance.
fn shift(node: &mut Node<'_>, distance: u32) {
    let moved = |span: &mut Span| span.start = span.start.saturating_add(distance);
    moved(&mut node.span);
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|item| shift(item, distance)),
        NodeKind::Mapping(entries) => {
            for entry in entries {
                moved(&mut entry.key_span);
                shift(&mut entry.value, distance);
            }
        }
        NodeKind::Plain(_) | NodeKind::Quoted(_) | NodeKind::Refused => {}
    }
}
