//! The headers that pass the decision on to upstreams: their names must be free, valid and different from each other.

use std::borrow::Cow;

use rules::{
    AnonymousFlags, DEFAULT_FLAGS_BUDGET, Flag, FlagId, Flags, FlagsHeader, HeaderPlan, Include,
    fold_header_byte, is_header_lost, is_header_needed, is_header_prefix_taken, is_header_taken,
};

use super::gateway::Gateway;
use crate::form::{Field, PlacedText};
use crate::node::Span;
use crate::problem::Problem;
use crate::shape::headers::{FlagsHeaderFields, HeadersFields, Included, PerFlagFields, SomeFlags};

/// The default beginning of the names of per-flag headers.
const PREFIX: &str = "X-Feature-";

/// Headers of single flags, and the prefix that is reserved for them.
type PerFlag = (Vec<(FlagId, Box<str>)>, Option<Box<str>>);

/// A header name that is in use. The place is none for a default name.
struct Used {
    folded: String,
    what: String,
    span: Option<Span>,
}

impl<'s> Gateway<'_, 's> {
    /// Returns the plan of headers. Headers with a problem are omitted, so that the others are known.
    pub(crate) fn headers(&mut self, fields: &HeadersFields<'s>, flags: Option<&Flags>) -> HeaderPlan {
        let mut used = Vec::new();
        let tenant = self.header(&fields.tenant, "X-Tenant-Id", "tenant", &mut used);
        let user = self.header(&fields.user, "X-User-Id", "user", &mut used);
        let flags = self.flags_header(&fields.flags, flags, &mut used);
        let revision = self.header(&fields.revision, "X-Flags-Revision", "revision", &mut used);
        let request_id = self.header(&fields.request_id, "X-Request-Id", "request_id", &mut used);
        let (per_flag, reserved_prefix) = match fields.per_flag.value() {
            Some(Some(per_flag)) => self.per_flag(per_flag, &mut used),
            Some(None) | None => (Vec::new(), None),
        };
        let signature = fields.signature.value().and_then(|signature| {
            self.header(
                &signature.names.name,
                "X-Sluice-Signature",
                "signature",
                &mut used,
            )
        });
        let baggage = fields.baggage.value() == Some(&true);
        self.refuse_aliases(&used);
        // The response header is in answers, not in requests, so that it may have the name of a header for upstreams.
        let response = fields
            .response
            .key()
            .and_then(|_| self.header(&fields.response, "", "response", &mut Vec::new()));
        let dependent = [
            fields.baggage.key().filter(|_| baggage),
            fields.response.key().filter(|_| response.is_some()),
        ];
        for key in dependent.into_iter().flatten().filter(|_| flags.is_none()) {
            let title = format!(
                "`{}` lists the flags of the header `flags`, which is off",
                key.name
            );
            let help = "write the name of a header in `flags`, or remove `flags: off`";
            self.error("flags-needed", title, key.span, help);
        }
        let removed = self.removed_headers(&fields.remove, &used);
        // Where nobody can be identified, the flags of an anonymous subject are those of each request.
        let anonymous = match fields.anonymous.value() {
            None if !self.identifies_callers => Some(AnonymousFlags::Decide),
            written => written.copied(),
        };
        HeaderPlan {
            tenant,
            user,
            flags,
            per_flag: per_flag.into(),
            revision,
            request_id,
            signature,
            baggage,
            response,
            reserved_prefix,
            removed,
            anonymous,
        }
    }

    /// Returns the name of a header in lower case; none if it is `off` or has a problem.
    fn header(
        &mut self,
        field: &Field<Option<Cow<'s, str>>>,
        left_out: &str,
        what: &str,
        used: &mut Vec<Used>,
    ) -> Option<Box<str>> {
        let name = field.lower(left_out, |name| name.value.as_deref())?;
        let span = field.written().map(|name| name.span);
        if let Some(span) = span {
            self.check_token("header", name, span)?;
            if is_header_taken(name) {
                self.refuse_taken(&format!("`{name}`"), span);
                return None;
            }
        }
        used.push(Used {
            folded: fold(name),
            what: what.to_owned(),
            span,
        });
        Some(name.to_ascii_lowercase().into())
    }

    /// Returns the names that the operator removes from requests, in lower case. A name that Sluice needs is reported.
    fn removed_headers(&mut self, names: &Field<Vec<PlacedText<'s>>>, used: &[Used]) -> Box<[Box<str>]> {
        let mut removed = Vec::new();
        for PlacedText { value: name, span } in names.value().into_iter().flatten() {
            if self.check_token("header", name, *span).is_none() {
                continue;
            }
            let folded = fold(name);
            let set = used.iter().find(|used| used.folded == folded);
            let (why, help) = if let Some(used) = set {
                let why = format!("sluice sets it as the header of {}", used.what);
                (why, "remove the entry: a value from a client is always removed")
            } else if is_header_needed(name) {
                let help = "list only names without a meaning in HTTP, such as those that a framework reads";
                ("it has a meaning in HTTP".to_owned(), help)
            } else {
                removed.push(name.to_ascii_lowercase().into());
                continue;
            };
            self.error(
                "reserved-header",
                format!("`{name}` can't be removed: {why}"),
                *span,
                help,
            );
        }
        removed.into()
    }

    fn refuse_taken(&mut self, what: &str, span: Span) {
        let help = "choose another name, such as one that begins with `X-`";
        self.error(
            "reserved-header",
            format!("{what} already has another meaning"),
            span,
            help,
        );
    }

    /// Reports a header that decisions cannot use, because it does not reach the upstream unchanged.
    pub(super) fn check_passes(&mut self, name: &str, span: Span) -> Option<()> {
        let (why, help) = if self.plan.as_ref().is_some_and(|plan| plan.reserves(name)) {
            let why = "sluice sets it, and removes it from requests of clients";
            (why, "use another header, or rename the one under `headers`")
        } else if self.plan.as_ref().is_some_and(|plan| plan.removes(name)) {
            let why = "`headers.remove` removes it from requests";
            (why, "use another header, or remove it from `headers.remove`")
        } else if !is_header_lost(name) {
            return Some(());
        } else if name.eq_ignore_ascii_case("host") {
            let help = "for the host of a route write `host` in its `match`; otherwise use another header";
            ("it is a part of the target", help)
        } else {
            let why = "it is removed or rewritten before a request is forwarded";
            (why, "use a header that is forwarded unchanged")
        };
        let title = format!("`{name}` can't be used for decisions: {why}");
        self.refuse("reserved-header", title, span, help)
    }

    fn flags_header(
        &mut self,
        field: &Field<FlagsHeaderFields<'s>>,
        flags: Option<&Flags>,
        used: &mut Vec<Used>,
    ) -> Option<FlagsHeader> {
        let left_out = FlagsHeaderFields::default();
        let fields = field.lower(&left_out, |fields| Some(&fields.value))?;
        let name = self.header(&fields.name, "X-Feature-Flags", "flags", used)?;
        let budget = fields
            .budget
            .lower(DEFAULT_FLAGS_BUDGET, |budget| usize::try_from(budget.value).ok());
        let include = fields.include.lower(Include::All, |include| {
            Some(match &include.value {
                Included::Some(SomeFlags::All) => Include::All,
                Included::Some(SomeFlags::Route) => Include::Route,
                Included::List(keys) => {
                    let listed = self.flag_list(keys);
                    if let (Some(flags), Some(budget)) = (flags, budget) {
                        let span = keys.first().map_or(include.span, |first| first.span);
                        self.check_budget(flags, &listed, budget, span);
                    }
                    Include::List(listed)
                }
            })
        });
        Some(FlagsHeader {
            name,
            include: include?,
            budget: budget?,
        })
    }

    /// Reports a list of flags that exceeds the budget if all are on with their longest variants: it would be
    /// truncated for some subjects.
    fn check_budget(&mut self, flags: &Flags, listed: &[FlagId], budget: usize, span: Span) {
        let longest = |flag: &Flag| {
            let off = flag.variant(flag.off());
            let on = flag.variants().iter().filter(|variant| Some(*variant) != off);
            on.map(|variant| variant.list_item.len()).max()
        };
        let needed = listed
            .iter()
            .filter_map(|id| flags.flag(*id).and_then(longest))
            .sum::<usize>()
            .saturating_sub(", ".len());
        if needed > budget {
            let title = format!("these flags take up to {needed} bytes, more than the budget of {budget}");
            self.error(
                "header-budget",
                title,
                span,
                "raise `budget`, or list fewer flags",
            );
        }
    }

    fn per_flag(&mut self, fields: &PerFlagFields<'s>, used: &mut Vec<Used>) -> PerFlag {
        let prefix = fields.prefix.lower(PREFIX, |prefix| {
            self.check_token("header", &prefix.value, prefix.span)?;
            if is_header_prefix_taken(&prefix.value) {
                let what = format!("a header that begins with `{}`", prefix.value);
                self.refuse_taken(&what, prefix.span);
                return None;
            }
            Some(&prefix.value)
        });
        let Some(prefix) = prefix else {
            return (Vec::new(), None);
        };
        let mut headers = Vec::new();
        for key in fields.flags.value().into_iter().flatten() {
            let Some(flag) = self.flag(key) else { continue };
            let name = format!("{prefix}{}", flag.key.replace(['.', '_'], "-")).to_ascii_lowercase();
            if self.check_token("header", &name, key.span).is_some()
                && !headers.iter().any(|(known, _)| *known == &*flag.key)
            {
                let what = format!("the flag `{}`", flag.key);
                used.push(Used {
                    folded: fold(&name),
                    what,
                    span: Some(key.span),
                });
                headers.push((&*flag.key, (flag.id, name.into_boxed_str())));
            }
        }
        headers.sort_unstable();
        let headers = headers.into_iter().map(|(_, header)| header).collect();
        (headers, Some(prefix.to_ascii_lowercase().into()))
    }

    /// Reports names that an upstream may read as one header, so that one value could replace the other.
    fn refuse_aliases(&mut self, used: &[Used]) {
        for (index, second) in used.iter().enumerate() {
            let Some(first) = used
                .iter()
                .take(index)
                .find(|first| first.folded == second.folded)
            else {
                continue;
            };
            // A default name has no place: point at the written one of the two. Two default names are no aliases.
            let (Some(span), other) = (match (second.span, first.span) {
                (Some(span), other) => (Some(span), other),
                (None, other) => (other, None),
            }) else {
                continue;
            };
            let title = format!(
                "the headers of {} and {} are aliases of each other",
                first.what, second.what
            );
            let mut problem = Problem::error("header-alias", title, self.label(span, ""));
            if let Some(other) = other {
                problem = problem.also(self.label(other, "the other"));
            }
            let help = "rename one of them: many servers ignore the case of letters, and read other characters than \
                        letters and digits as `_`";
            self.push(problem.help(help));
        }
    }
}

/// Returns the name as CGI (RFC 3875 section 4.1.18), WSGI and PHP read it.
fn fold(name: &str) -> String {
    name.bytes()
        .map(|byte| char::from(fold_header_byte(byte)))
        .collect()
}
