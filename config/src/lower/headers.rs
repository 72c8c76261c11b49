//! The headers that tell upstreams what was decided: their names must be free, valid and all different.

use rules::{
    DEFAULT_FLAGS_BUDGET, Flag, FlagId, Flags, FlagsHeader, HeaderPlan, Include, fold_header_byte,
    is_header_lost, is_header_prefix_taken, is_header_taken,
};

use super::gateway::Gateway;
use crate::node::{Node, Scalar, Span};
use crate::problem::Problem;
use crate::quantity;

/// What per-flag headers begin with, unless the document says.
const PREFIX: &str = "X-Feature-";

/// Headers of single flags, and the prefix that is reserved for them.
type PerFlag = (Vec<(FlagId, Box<str>)>, Option<Box<str>>);

/// A header name that is in use, and where that is written; the place is none for a name that was left out.
struct Used {
    folded: String,
    what: String,
    span: Option<Span>,
}

impl<'s> Gateway<'_, 's> {
    /// The plan of headers. Problems are reported; what has one is left out.
    pub(crate) fn headers(&mut self, root: &Node<'s>, flags: Option<&Flags>) -> HeaderPlan {
        let node = root.field("headers");
        let field = |name: &str| node.and_then(|node| node.field(name));
        let mut used = Vec::new();
        let tenant = self.header(field("tenant"), "X-Tenant-Id", "tenant", &mut used);
        let user = self.header(field("user"), "X-User-Id", "user", &mut used);
        let flags = self.flags_header(field("flags"), flags, &mut used);
        let revision = self.header(field("revision"), "X-Flags-Revision", "revision", &mut used);
        let request_id = self.header(field("request_id"), "X-Request-Id", "request_id", &mut used);
        let (per_flag, reserved_prefix) = match field("per_flag").filter(|node| node.text().is_none()) {
            Some(node) => self.per_flag(node, &mut used),
            None => (Vec::new(), None),
        };
        let signature = field("signature")
            .and_then(|node| self.header(node.field("name"), "X-Sluice-Signature", "signature", &mut used));
        let baggage = field("baggage").and_then(Node::boolean).unwrap_or_default();
        self.refuse_aliases(&used);
        // What clients are told stands in other messages, where it may have the name of another header of ours.
        let response =
            field("response").and_then(|node| self.header(Some(node), "", "response", &mut Vec::new()));
        for (name, asked) in [("baggage", baggage), ("response", response.is_some())] {
            if let Some(entry) = node.and_then(|node| node.entry(name))
                && asked
                && flags.is_none()
            {
                let title = format!("`{name}` tells what `flags` lists, and that is off");
                self.error(
                    "flags-needed",
                    title,
                    entry.key_span,
                    "name a header for `flags`, or leave it out",
                );
            }
        }
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
        }
    }

    fn header(
        &mut self,
        node: Option<&Node<'s>>,
        left_out: &str,
        what: &str,
        used: &mut Vec<Used>,
    ) -> Option<Box<str>> {
        let name = match node {
            None => left_out,
            Some(node) => node.text().filter(|name| *name != "off")?,
        };
        let span = node.map(|node| node.span);
        let folded = fold(name);
        if let Some(span) = span {
            self.check_token("header", name, span)?;
            if is_header_taken(name) {
                self.refuse_taken(&format!("`{name}` means"), span);
                return None;
            }
        }
        used.push(Used {
            folded,
            what: what.to_owned(),
            span,
        });
        Some(name.to_ascii_lowercase().into())
    }

    fn refuse_taken(&mut self, what: &str, span: Span) {
        let help = "choose a name of your own, such as one that begins with `X-`";
        self.error(
            "reserved-header",
            format!("{what} something else already"),
            span,
            help,
        );
    }

    /// Reports the name of a header that nothing can be decided by, as it doesn't pass as it came.
    pub(super) fn check_passes(&mut self, name: &str, span: Span) -> Option<()> {
        let (why, help) = if self.plan.as_ref().is_some_and(|plan| plan.reserves(name)) {
            let why = "it is one that sluice sets, and removed from what clients send";
            (why, "use another header, or rename that under `headers`")
        } else if !is_header_lost(name) {
            return Some(());
        } else if name.eq_ignore_ascii_case("host") {
            let help = "write a route's host as `host` of its `match`; use another header for anything else";
            ("it is part of the target", help)
        } else {
            let why = "it is removed or written anew on its way to the upstream";
            (why, "use a header that is passed on as it came")
        };
        let title = format!("nothing can be decided by `{name}`: {why}");
        self.error("reserved-header", title, span, help);
        None
    }

    fn flags_header(
        &mut self,
        node: Option<&Node<'s>>,
        flags: Option<&Flags>,
        used: &mut Vec<Used>,
    ) -> Option<FlagsHeader> {
        let name_node = match node {
            Some(node) if node.entries().is_some() => node.field("name"),
            node => node,
        };
        let name = self.header(name_node, "X-Feature-Flags", "flags", used)?;
        let budget = match node.and_then(|node| node.field("budget")).and_then(Node::scalar) {
            Some(Scalar::Integer(bytes)) => usize::try_from(bytes).ok(),
            Some(Scalar::Text(text)) => {
                quantity::size_bytes(text).and_then(|bytes| usize::try_from(bytes).ok())
            }
            _ => None,
        };
        let budget = budget.unwrap_or(DEFAULT_FLAGS_BUDGET);
        let include = match node.and_then(|node| node.field("include")) {
            Some(include) if include.items().is_some() => {
                let listed: Box<[FlagId]> = self.flag_list(include).into_iter().map(|(id, _)| id).collect();
                if let Some(flags) = flags {
                    self.check_budget(flags, &listed, budget, include);
                }
                Include::List(listed)
            }
            Some(include) if include.text().is_some_and(|text| text == "route") => Include::Route,
            _ => Include::All,
        };
        Some(FlagsHeader {
            name,
            include,
            budget,
        })
    }

    /// A list that doesn't fit when all of it is on, with the longest names, would be cut for somebody.
    fn check_budget(&mut self, flags: &Flags, listed: &[FlagId], budget: usize, include: &Node<'s>) {
        let longest = |flag: &Flag| {
            let off = flag.variant(flag.off());
            let on = flag.variants().iter().filter(|variant| Some(*variant) != off);
            on.map(|variant| variant.header_item.len() + 2).max()
        };
        let needed = listed
            .iter()
            .filter_map(|id| flags.flag(*id).and_then(longest))
            .sum::<usize>()
            .saturating_sub(2);
        if needed > budget {
            let title =
                format!("these flags take {needed} bytes when all are on, and the budget is {budget}");
            let span = include
                .items()
                .and_then(<[_]>::first)
                .map_or(include.span, |first| first.span);
            self.error(
                "header-budget",
                title,
                span,
                "raise `budget`, or list fewer flags",
            );
        }
    }

    fn per_flag(&mut self, node: &Node<'s>, used: &mut Vec<Used>) -> PerFlag {
        let prefix_node = node.field("prefix");
        let prefix = prefix_node.and_then(Node::text).map_or(PREFIX, |text| text);
        if let Some(node) = prefix_node
            && self.check_token("header", prefix, node.span).is_none()
        {
            return (Vec::new(), None);
        }
        if let Some(node) = prefix_node.filter(|_| is_header_prefix_taken(prefix)) {
            self.refuse_taken(&format!("a header that begins with `{prefix}` means"), node.span);
            return (Vec::new(), None);
        }
        let list = if node.items().is_some() {
            Some(node)
        } else {
            node.field("flags")
        };
        let mut headers = Vec::new();
        for item in list.and_then(Node::items).unwrap_or_default() {
            let Some(key) = self.lower.name(item) else {
                continue;
            };
            let Some(flag) = self.flag(&key) else { continue };
            let name = format!("{prefix}{}", flag.key.replace(['.', '_'], "-")).to_ascii_lowercase();
            if self.check_token("header", &name, item.span).is_some()
                && !headers.iter().any(|(known, _)| *known == &*flag.key)
            {
                let what = format!("the flag `{}`", flag.key);
                used.push(Used {
                    folded: fold(&name),
                    what,
                    span: Some(item.span),
                });
                headers.push((&*flag.key, (flag.id, name.into_boxed_str())));
            }
        }
        headers.sort_unstable();
        let headers = headers.into_iter().map(|(_, header)| header).collect();
        (headers, Some(prefix.to_ascii_lowercase().into()))
    }

    /// Two names that an upstream may fold into one would let one value pass for the other.
    fn refuse_aliases(&mut self, used: &[Used]) {
        for (index, second) in used.iter().enumerate() {
            let Some(first) = used
                .iter()
                .take(index)
                .find(|first| first.folded == second.folded)
            else {
                continue;
            };
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
            let help = "many servers read letters of either case alike, and every other character as `_`: rename one";
            self.push(problem.help(help));
        }
    }
}

/// The name as CGI, WSGI and PHP see it.
fn fold(name: &str) -> String {
    name.bytes()
        .map(|byte| char::from(fold_header_byte(byte)))
        .collect()
}
