//! Renders one problem with an excerpt of its source, as a compiler does.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::masked;
use crate::problem::{At, Label, Problem, Severity};
use crate::source::{Source, Sources};

/// The maximum size of an excerpt in bytes. LineIndex of one file that are further apart get separate excerpts.
const MAX_EXCERPT: usize = 16 * 1024;
/// The maximum length of a line in bytes. Of longer lines (documents written by machines) only the place is printed.
const MAX_LINE: usize = 4 * 1024;

/// The use of colours in a printed report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI escapes.
    Always,
}

/// Renders one problem, without a line break at its end.
pub(crate) fn problem(problem: &Problem, sources: &Sources, colour: Colour) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(problem.title.as_str()).id(problem.code));
    match &problem.at {
        At::File(file) => group = group.element(Origin::path(&**file)),
        At::Pointer(pointer) => group = group.element(Origin::path(&**pointer)),
        At::Place(place) => {
            let origin = Origin::path(&*place.file)
                .line(place.line)
                .char_column(place.column);
            group = group.element(origin);
        }
        At::Text(primary) => {
            let labels = std::iter::once((primary, AnnotationKind::Primary)).chain(
                problem
                    .others
                    .iter()
                    .map(|label| (label, AnnotationKind::Context)),
            );
            for excerpt in excerpts(labels, sources) {
                group = excerpt.append_to(group);
            }
        }
    }
    let mut groups = vec![group];
    if let Some(help) = &problem.help {
        let help = annotate_snippets::normalize_untrusted_str(help);
        groups.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    renderer.decor_style(DecorStyle::Ascii).render(&groups)
}

/// A few lines of one file, with the places in them.
struct Excerpt<'a> {
    source: &'a Source,
    range: Range<usize>,
    marks: Vec<(Range<usize>, AnnotationKind, &'a str)>,
}

/// Groups places into excerpts. A place that is far from the others of its file gets an excerpt of its own.
fn excerpts<'a>(
    labels: impl Iterator<Item = (&'a Label, AnnotationKind)>,
    sources: &'a Sources,
) -> Vec<Excerpt<'a>> {
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    for (label, kind) in labels {
        let Some((source, offset)) = sources.find(label.site) else {
            continue;
        };
        let mark = mark_range(&source.text, offset as usize, label.len as usize);
        let lines = line_range(&source.text, &mark);
        let near = excerpts.iter_mut().find(|excerpt| {
            std::ptr::eq(excerpt.source, &**source)
                && excerpt.range.end.max(lines.end) - excerpt.range.start.min(lines.start) <= MAX_EXCERPT
        });
        match near {
            Some(excerpt) => {
                excerpt.range = excerpt.range.start.min(lines.start)..excerpt.range.end.max(lines.end);
                excerpt.marks.push((mark, kind, &label.text));
            }
            None => excerpts.push(Excerpt {
                source,
                range: lines,
                marks: vec![(mark, kind, &label.text)],
            }),
        }
    }
    excerpts
}

impl<'a> Excerpt<'a> {
    fn append_to(self, group: Group<'a>) -> Group<'a> {
        let text = self.source.text.get(self.range.clone()).unwrap_or_default();
        if text.lines().any(|line| line.len() > MAX_LINE) {
            let first = self
                .marks
                .first()
                .and_then(|(mark, ..)| u32::try_from(mark.start).ok());
            let (line, column) = self.source.line_column(first.unwrap_or_default());
            return group.element(Origin::path(&*self.source.name).line(line).char_column(column));
        }
        group.element(self.snippet())
    }

    fn snippet(self) -> Snippet<'a, Annotation<'a>> {
        let text = masked::excerpt(self.source, self.range.clone());
        let offset = u32::try_from(self.range.start).unwrap_or(u32::MAX);
        let annotations = self.marks.into_iter().map(|(mark, kind, label)| {
            let span = mark.start.saturating_sub(self.range.start)..mark.end.saturating_sub(self.range.start);
            kind.span(span)
                .label(Some(label).filter(|label| !label.is_empty()))
        });
        Snippet::source(text)
            .line_start(self.source.line_column(offset).0)
            .path(&*self.source.name)
            .annotations(annotations)
    }
}

/// Returns the bytes to underline: within one line, and at least one character unless the line is empty.
fn mark_range(text: &str, offset: usize, len: usize) -> Range<usize> {
    let start = floor(text, offset.min(text.len()));
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let one = line.chars().next().map_or(0, char::len_utf8);
    let len = len.max(one).min(line.len().max(one));
    start..floor(text, start + len)
}

/// Returns the whole lines around a range, without a byte order mark.
fn line_range(text: &str, mark: &Range<usize>) -> Range<usize> {
    let start = text
        .get(..mark.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let end = text
        .get(mark.end..)
        .and_then(|after| after.find('\n'))
        .map_or(text.len(), |at| mark.end + at);
    let start = if start == 0 && text.starts_with('\u{feff}') && mark.start > 2 {
        3
    } else {
        start
    };
    floor(text, start)..floor(text, end)
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
