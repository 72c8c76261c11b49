//! Explains why an edit is refused. Reads the affected parts again as a tree with numbered nodes, so that every
//! problem has its message, its help, and its place as a JSON pointer into the edited document.

use std::sync::Arc;

use rules::{Names, Site};

use super::Catalog;
use super::draft::{DraftProblems, compile};
use super::edit::{Edit, JsonEdit, JsonEdits};
use super::part::Tree;
use crate::flags_document::{Head, OwnedTenant};
use crate::form::read_stored;
use crate::inputs::Inputs;
use crate::locate;
use crate::lower::{self, Document};
use crate::parse::MAX_DOCUMENT_DEPTH;
use crate::problem::{At, Label, MAX_PROBLEMS, Problem};
use crate::report::Report;
use crate::shape::flags::FlagsDocument;
use crate::source::{Source, Sources};
use crate::translate::{BrokenParts, translate};

/// The name of the document in reports.
const NAME: &str = "document";

/// Returns the problems of the document with these edits.
pub(super) fn edit_report(catalog: &Catalog, edits: &[JsonEdit]) -> Report {
    let found = explained(catalog, edits);
    let Some(names) = found.unplaced else {
        return found.report;
    };
    // A problem is in a part that is not edited, and so has no place. Explain again with the parts that it can be in.
    let mut all = concerned(catalog, &names);
    all.extend_from_slice(edits);
    explained(catalog, &all).report
}

/// The problems of some parts.
struct Explained {
    report: Report,
    /// The names of the edited document, if a problem is in a part that was not given.
    unplaced: Option<Arc<Names>>,
}

/// Collects the problems of the form and of the definitions of these parts.
fn explained(catalog: &Catalog, edits: &[JsonEdit]) -> Explained {
    let edits = JsonEdits::of(edits);
    let sections = edits.sections();
    let tree = Tree::of(&sections);
    // The tree omits what it reports here, so the passes below do not report it again.
    let source = Arc::new(Source::of_values(NAME, tree.nodes));
    let documents = [Document {
        source: &source,
        root: tree.root,
    }];
    let [document] = &documents;
    let mut problems = Vec::new();
    for span in &tree.too_deep {
        let title = format!("the document is nested deeper than {MAX_DOCUMENT_DEPTH} levels");
        let problem = Problem::error("document-depth", title, Label::new(&source, *span, ""));
        problems.push(problem.help("define inner conditions as segments"));
    }
    for field in &tree.misplaced {
        let title = format!("`{field}` is not a field of the head");
        let problem = Problem::at("duplicate-key", title, At::Pointer(format!("/{field}").into()));
        problems.push(problem.help("remove it here: it is edited part by part"));
    }
    if let Some(head) = edits.unreadable_head() {
        let title = format!("the head of a document is a mapping, not `{head}`");
        let problem = Problem::at("unknown-field", title, At::File(NAME.into()));
        problems.push(problem.help("write a mapping with `tiers`, `unknown_tenant` and `policy`"));
    }
    // The definitions are compiled even if the form has problems, so that one report has the problems of both. `broken`
    // suppresses those that only follow from a part that could not be read.
    let read = read_stored::<FlagsDocument>(&source, &document.root, &mut problems);
    let broken = BrokenParts::of(&documents, &problems, false);
    let read = read.map(|fields| (&*source, fields));
    let definition = lower::flags::merge(read.into_iter().collect(), &mut problems);
    // A head with misplaced sections keeps the head of the catalog: it is reported already.
    let head = sections.head.filter(|_| tree.misplaced.is_empty()).map(|fields| {
        Arc::new(Head {
            fields: fields.clone(),
            tiers: definition.tiers.clone(),
            unknown_tenant: definition.unknown_tenant.clone(),
            policy: definition.policy,
        })
    });
    let placed = edits.with(head, definition);
    let mut more = 0;
    let mut unplaced = None;
    if let Err(DraftProblems {
        problems: found,
        names,
    }) = compile(catalog, &placed)
    {
        // A part from the catalog has no nodes in the tree, and so no site.
        let has_place = |problem: &rules::DefinitionProblem| problem.site != Site::default();
        unplaced = (!found.iter().all(has_place)).then(|| Arc::clone(&names));
        let (found, uncounted) = translate(found, &documents, &names, &broken);
        problems.extend(found);
        more = uncounted;
    }
    if problems.is_empty() {
        problems.push(unexplained());
    }
    let report = Report::new(
        problems,
        more,
        Sources::of(Arc::clone(&source)),
        Inputs::default(),
    );
    Explained {
        report: report.with_pointers(|site| locate::pointer(&documents, site)),
        unplaced,
    }
}

/// Returns the unedited parts that a problem of the edits can be in: all segments and flags, and the tenants that are
/// refused.
fn concerned(catalog: &Catalog, names: &Names) -> Vec<JsonEdit> {
    let document = &catalog.document;
    let segments = document.segments.iter();
    let segments = segments.map(|(name, segment)| Edit::Segment(name.clone(), Some(segment.clone())));
    let flags = document.flags.iter();
    let flags = flags.map(|(key, flag)| Edit::Flag(key.clone(), Some(flag.clone())));
    let compiled = &catalog.compiled.flags;
    let is_refused = |record: &OwnedTenant| rules::compile_tenants([record], names, compiled).is_err();
    let tenants = document.tenants.iter();
    let refused = tenants
        .filter(|(_, record)| is_refused(record))
        .take(MAX_PROBLEMS);
    let refused = refused.map(|(id, record)| Edit::Tenant(id.clone(), Some(record.clone())));
    segments
        .chain(flags)
        .chain(refused)
        .map(|edit| edit.to_json())
        .collect()
}

/// Returns the problem that is reported if the definitions are refused, but no problem is found: a defect of this
/// program.
fn unexplained() -> Problem {
    let title = "the edited document can't be read".to_owned();
    Problem::at("yaml-syntax", title, At::File(NAME.into()))
}
