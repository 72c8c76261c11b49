//! What lowering `sluice.yaml` needs at hand: the names of flags and upstreams, files, the environment.

use std::collections::HashMap;
use std::path::PathBuf;

use rules::{FlagId, HeaderPlan, Name, NamedFlag, Names, Noun, ProblemKind, UpstreamId};

use super::{Document, Lower};
use crate::loading::Loading;
use crate::locate;
use crate::node::{Node, Scalar, Span};
use crate::problem::{Label, Problem};
use crate::quantity;
use crate::shape::all_of;
use crate::suggest::closest;
use crate::translate::Broken;

/// The most characters of the name of a route, upstream, listener or environment.
const MAX_NAME: usize = 64;

/// `sluice.yaml` while it is lowered.
pub(crate) struct Gateway<'a, 's> {
    pub(crate) lower: Lower<'s>,
    pub(crate) loading: &'a mut Loading,
    /// This document and those of the flags.
    pub(crate) documents: &'a [Document<'s>],
    pub(crate) names: &'a Names,
    pub(crate) broken: &'a Broken,
    pub(crate) upstreams: HashMap<&'a str, UpstreamId>,
    /// Whether every upstream that may be meant is among them.
    pub(crate) upstreams_known: bool,
    /// The headers of ours, once they are known.
    pub(crate) plan: Option<HeaderPlan>,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a, 's> Gateway<'a, 's> {
    pub(crate) fn label(&self, span: Span, text: impl Into<String>) -> Label {
        Label::new(self.lower.source, span, text)
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        self.loading.problems.push(problem);
    }

    /// Reports a value that is not what it should be.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        help: impl Into<String>,
    ) {
        let (start, len) = (span.start as usize, span.len as usize);
        let written = self.lower.source.text.get(start..start + len).unwrap_or_default();
        // A reference where none is replaced was reported as such.
        if written.contains("${") && code != "unset-variable" && code != "invalid-key" {
            return;
        }
        let at = self.label(span, "");
        self.push(Problem::error(code, title, at).help(help));
    }

    /// The value, or a problem with the reason why it is none.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        parsed: Result<T, E>,
        code: &'static str,
        span: Span,
        help: &str,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(reason) => {
                self.error(code, reason.to_string(), span, help);
                None
            }
        }
    }

    /// The path that a node names, relative to this document.
    pub(crate) fn path(&self, node: &Node<'s>) -> Option<PathBuf> {
        let folder = self.lower.source.path.parent();
        let path = &**node.text()?;
        Some(folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path)))
    }

    /// The bytes of the file that a node names.
    pub(crate) fn file(&mut self, node: &Node<'s>, limit: usize) -> Option<Vec<u8>> {
        let path = self.path(node)?;
        let named_at = self.label(node.span, "named here");
        self.loading.read(&path, limit, Some(named_at))
    }

    /// A duration in milliseconds, or what is meant when it is left out.
    pub(crate) fn duration(&self, owner: &Node<'s>, field: &str, left_out: u64) -> u64 {
        let text = owner.field(field).and_then(Node::text);
        text.and_then(|text| quantity::duration_ms(text))
            .unwrap_or(left_out)
    }

    /// A size in bytes, or what is meant when it is left out.
    pub(crate) fn size(&self, owner: &Node<'s>, field: &str, left_out: u64) -> u64 {
        let size = match owner.field(field).and_then(Node::scalar) {
            Some(Scalar::Integer(bytes)) => u64::try_from(bytes).ok(),
            Some(Scalar::Text(text)) => quantity::size_bytes(text),
            _ => None,
        };
        size.unwrap_or(left_out)
    }

    /// A whole number, or what is meant when it is left out.
    pub(crate) fn count(&self, owner: &Node<'s>, field: &str, left_out: usize) -> usize {
        let count = owner.field(field).and_then(Node::integer);
        count
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(left_out)
    }

    /// Reports what `rules` found wrong with names in this document.
    pub(crate) fn found(&mut self, found: Vec<rules::DefinitionProblem>) {
        self.loading
            .report(found, self.documents, self.names, self.broken);
    }

    /// The flag of this key, or a problem.
    pub(crate) fn flag(&mut self, key: &Name<'s>) -> Option<&'a NamedFlag> {
        let flag = self.names.flag(&key.value);
        if flag.is_none() {
            let kind = ProblemKind::Unknown {
                what: Noun::Flag,
                name: key.value.to_string(),
            };
            self.found(vec![rules::DefinitionProblem { site: key.site, kind }]);
        }
        flag
    }

    /// The flags of a list of keys, in key order, each once.
    pub(crate) fn flag_list(&mut self, node: &Node<'s>) -> Vec<(FlagId, &'a str)> {
        let names = self.lower.names(Some(node));
        let mut flags: Vec<_> = names
            .iter()
            .filter_map(|name| self.flag(name))
            .map(|flag| (flag.id, &*flag.key))
            .collect();
        flags.sort_unstable_by_key(|(_, key)| *key);
        flags.dedup();
        flags
    }

    /// The upstream that a node names, or a problem. `user` says who names it.
    pub(crate) fn upstream(&mut self, node: &Node<'s>, user: &str) -> Option<UpstreamId> {
        let name = node.text()?;
        if let Some(id) = self.upstreams.get(&**name) {
            return Some(*id);
        }
        if self.upstreams_known {
            let help = match closest(name, self.upstreams.keys().copied()) {
                Some(meant) => {
                    let place = locate::definition(self.documents, "upstreams", meant);
                    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                    format!("did you mean `{meant}`?{place}")
                }
                None => {
                    let mut known: Vec<&str> = self.upstreams.keys().copied().collect();
                    known.sort_unstable();
                    known.truncate(8);
                    format!("define it under `upstreams`; there are {}", all_of(&known))
                }
            };
            let at = self.label(node.span, format!("named by {user}"));
            let title = format!("no upstream has the name `{name}`");
            self.push(Problem::error("unknown-upstream", title, at).help(help));
        }
        None
    }

    /// Reports a text that does not serve as a name in logs and metrics.
    pub(crate) fn check_name(&mut self, what: &str, name: &str, span: Span) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
            let title = format!("the name of {what} has 1 to {MAX_NAME} characters of `A-Z a-z 0-9 . _ -`");
            self.error("invalid-name", title, span, "give it another name");
        }
    }

    /// Reports the second of two things with one name.
    pub(crate) fn check_unique(&mut self, what: &str, named: &[(&str, Span)]) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for &(name, span) in named {
            match first.get(name) {
                None => {
                    first.insert(name, span);
                }
                Some(&before) => {
                    let first = self.label(before, "first here");
                    let title = format!("two {what}s are named `{name}`");
                    let problem = Problem::error("duplicate", title, self.label(span, "again here"));
                    self.push(problem.also(first).help("give one of them another name"));
                }
            }
        }
    }
}
