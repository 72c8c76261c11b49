//! The context in which `sluice.yaml` is lowered: names of flags and upstreams, files, the environment, problems.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use rules::{Auth, FlagId, HeaderPlan, NamedFlag, Names, Noun, Patterns, ProblemKind, Site, UpstreamId};

use super::Document;
use crate::form::PlacedText;
use crate::load_context::LoadContext;
use crate::locate;
use crate::node::Span;
use crate::problem::{Label, Problem};
use crate::shape::all_of;
use crate::shape::sluice::GatewayDocument;
use crate::source::Source;
use crate::suggest::closest;
use crate::translate::{BrokenParts, translate};

/// The maximum length of the name of a route, upstream, listener or environment, in characters.
const MAX_NAME: usize = 64;

/// `sluice.yaml` while it is lowered.
pub(crate) struct Gateway<'a, 's> {
    pub(crate) source: &'s Source,
    pub(crate) context: &'a mut LoadContext,
    /// The documents of the flags, and this document last.
    pub(crate) documents: &'a [Document<'s>],
    pub(crate) names: &'a Names,
    pub(crate) broken: &'a BrokenParts,
    pub(crate) upstreams: HashMap<&'a str, UpstreamId>,
    /// True if the upstreams could be read, so that an unknown name is a problem.
    pub(crate) upstreams_known: bool,
    /// The headers that Sluice sets, once they are known.
    pub(crate) plan: Option<HeaderPlan>,
    /// True if requests may prove who their caller is, by a token or a certificate.
    pub(crate) identifies_callers: bool,
    /// The flags that are named and do not exist yet; none if every flag must exist.
    pub(crate) awaited_flags: Option<BTreeSet<Box<str>>>,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
    /// The regular expressions of its routes.
    pub(crate) patterns: Patterns,
}

impl<'a, 's> Gateway<'a, 's> {
    pub(crate) fn label(&self, span: Span, text: impl Into<String>) -> Label {
        Label::new(self.source, span, text)
    }

    /// Returns the `auth` of a route without a gate. Without issuers and certificates there is nothing to read.
    pub(super) fn default_auth(&self) -> Auth {
        match self.identifies_callers {
            true => Auth::Lenient,
            false => Auth::None,
        }
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        self.context.problems.push(problem);
    }

    /// Reports an error at a place in this document.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        help: impl Into<String>,
    ) {
        let at = self.label(span, "");
        self.push(Problem::error(code, title, at).help(help));
    }

    /// Reports an error, and returns none in the place of the value.
    pub(crate) fn refuse<T>(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        help: impl Into<String>,
    ) -> Option<T> {
        self.error(code, title, span, help);
        None
    }

    /// Returns the parsed value, or reports the reason why there is none.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        parsed: Result<T, E>,
        code: &'static str,
        span: Span,
        help: &str,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(reason) => self.refuse(code, reason.to_string(), span, help),
        }
    }

    /// Returns a path relative to this document.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        let folder = self.source.path.parent();
        folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
    }

    /// Reads the file that this document names.
    pub(crate) fn file(&mut self, named: &PlacedText<'s>, limit: usize) -> Option<Vec<u8>> {
        let path = self.path(&named.value);
        let named_at = self.label(named.span, "named here");
        self.context.read(&path, limit, Some(named_at))
    }

    /// Returns the site of a place in this document.
    pub(crate) fn site(&self, span: Span) -> Site {
        self.source.site(span.start)
    }

    /// Reports problems that `rules` found in names of this document.
    pub(crate) fn found(&mut self, found: Vec<rules::DefinitionProblem>) {
        self.context
            .report(found, self.documents, self.names, self.broken);
    }

    /// Warns of flags that are named and do not exist yet.
    pub(crate) fn await_flags(&mut self, unknown: Vec<rules::DefinitionProblem>) {
        for problem in &unknown {
            if let (Some(awaited), ProblemKind::Unknown { name, .. }) =
                (&mut self.awaited_flags, &problem.kind)
            {
                awaited.insert(name.as_str().into());
            }
        }
        let (problems, _) = translate(unknown, self.documents, self.names, self.broken);
        let warnings = problems.into_iter().map(|problem| {
            let title = format!("{}: the store has never held a flag", problem.title);
            let help = "until it exists, gates with it answer 503 FLAG_NOT_FOUND, and headers omit it; apply a document with all \
                 flags that are named here (`sluice apply -f FLAGS`), or name it as `flags.store.seed` before the start";
            problem.into_warning("empty-store", title).help(help)
        });
        self.context.warnings.extend(warnings);
    }

    /// Returns the flag of this key. If there is none, reports this, or warns of it if flags may not exist yet.
    pub(crate) fn flag(&mut self, key: &PlacedText<'s>) -> Option<&'a NamedFlag> {
        let flag = self.names.flag(&key.value);
        if flag.is_none() {
            let kind = ProblemKind::Unknown {
                what: Noun::Flag,
                name: key.value.to_string(),
            };
            let site = self.site(key.span);
            let unknown = vec![rules::DefinitionProblem { site, kind }];
            match self.awaited_flags {
                Some(_) => self.await_flags(unknown),
                None => self.found(unknown),
            }
        }
        flag
    }

    /// Returns the flags of these keys, in key order, each once.
    pub(crate) fn flag_list(&mut self, keys: &[PlacedText<'s>]) -> Box<[FlagId]> {
        let flags = keys.iter().filter_map(|key| self.flag(key));
        let mut flags: Vec<_> = flags.map(|flag| (&*flag.key, flag.id)).collect();
        flags.sort_unstable_by_key(|(key, _)| *key);
        flags.dedup();
        flags.into_iter().map(|(_, id)| id).collect()
    }

    /// Returns the upstream of this name, or reports that there is none. `user` is the part of the document that
    /// names it.
    pub(crate) fn upstream(&mut self, named: &PlacedText<'s>, user: &str) -> Option<UpstreamId> {
        let name = &named.value;
        if let Some(id) = self.upstreams.get(&**name) {
            return Some(*id);
        }
        if self.upstreams_known {
            let help = match closest(name, self.upstreams.keys().copied()) {
                Some(meant) => {
                    let place = locate::definition(self.documents, GatewayDocument::UPSTREAMS, meant);
                    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                    format!("did you mean `{meant}`?{place}")
                }
                None => {
                    let mut known: Vec<&str> = self.upstreams.keys().copied().collect();
                    known.sort_unstable();
                    known.truncate(8);
                    format!(
                        "define it under `upstreams`; the upstreams are {}",
                        all_of(&known)
                    )
                }
            };
            let at = self.label(named.span, format!("named by {user}"));
            let title = format!("no upstream has the name `{name}`");
            self.push(Problem::error("unknown-upstream", title, at).help(help));
        }
        None
    }

    /// Reports a text that cannot be a name in logs and metrics.
    pub(crate) fn check_name(&mut self, what: &str, name: &PlacedText<'_>) {
        let PlacedText { value: name, span } = name;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
            let title =
                format!("the name of {what} must have 1 to {MAX_NAME} characters of `A-Z a-z 0-9 . _ -`");
            self.error("invalid-name", title, *span, "choose another name");
        }
    }

    /// Reports names that occur twice.
    pub(crate) fn check_unique<'n>(&mut self, what: &str, named: impl Iterator<Item = &'n PlacedText<'s>>)
    where
        's: 'n,
    {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for &PlacedText {
            value: ref name,
            span,
        } in named
        {
            match first.get(&**name) {
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
