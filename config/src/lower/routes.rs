//! Routes: which requests they take, their gates, and where they lead.

use rules::{
    Auth, Destination, EncodedSlash, Gate, GateMode, HeaderMatch, HostPattern, InvalidHeaderMatch, Methods,
    OnError, PathPattern, Preflight, Route, RouteMatch, Sited, TargetOptions, TrailingSlash, UpstreamId,
};

use super::gateway::Gateway;
use super::settings::BODY_LIMIT;
use crate::node::{Entry, Node, Span};
use crate::problem::Problem;
use crate::translate::pattern_cure;

/// A route, as far as it could be lowered.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) name: Box<str>,
    /// Its name's place.
    pub(crate) span: Span,
    pub(crate) takes: Option<RouteMatch>,
    pub(crate) route: Option<Route>,
}

impl<'s> Gateway<'_, 's> {
    /// Every route, in the order of the document.
    pub(crate) fn routes(&mut self, root: &Node<'s>) -> Vec<Lowered> {
        let nodes = root.field("routes").and_then(Node::items).unwrap_or_default();
        let mut named = Vec::new();
        for node in nodes {
            if let Some(name) = node.field("name")
                && let Some(text) = name.text()
            {
                self.check_name("a route", text, name.span);
                named.push((&**text, name.span));
            }
        }
        self.check_unique("route", &named);
        let body_limit = self.body_limit(root, Some(BODY_LIMIT));
        nodes.iter().map(|node| self.route(node, body_limit)).collect()
    }

    /// `body_limit` is that of routes that say nothing of theirs.
    fn route(&mut self, node: &Node<'s>, body_limit: Option<u64>) -> Lowered {
        let name_node = node.field("name").filter(|name| name.text().is_some());
        let name: Box<str> = name_node.and_then(Node::text).map_or("", |text| text).into();
        let span = name_node.map_or(node.span, |name| name.span);
        let takes = node.field("match").and_then(|takes| self.takes(takes));
        self.refuse_idle_fields(node, &name);
        let gate = match node.field("gate") {
            None => Some(None),
            Some(gate) => self.gate(gate).map(Some),
        };
        let user = if name.is_empty() {
            "this route".to_owned()
        } else {
            format!("route `{name}`")
        };
        let otherwise = self.otherwise(node.field("otherwise"), &user);
        let causes = self.causes(node.field("otherwise"), &user);
        let destination = self.destination(node, gate.as_ref().map(Option::as_ref), &user);
        let auth = auth(node, node.field("gate").is_some());
        let limit = node
            .field("limit")
            .and_then(|limit| self.limit(limit, &name, auth));
        let route = match (gate, otherwise.zip(causes), destination) {
            (Some(gate), Some((otherwise, causes)), Some(destination)) => Some(Route {
                name: name.clone(),
                site: self.lower.source.site(span.start),
                auth,
                preflight: if choice(node, "preflight") == Some("open") {
                    Preflight::Open
                } else {
                    Preflight::Gated
                },
                gate,
                mode: if choice(node, "mode") == Some("shadow") {
                    GateMode::Shadow
                } else {
                    GateMode::Enforce
                },
                on_error: if choice(node, "on_error") == Some("open") {
                    OnError::Open
                } else {
                    OnError::Closed
                },
                body_limit: self.body_limit(node, body_limit),
                limit,
                destination,
                otherwise,
                causes: causes.into(),
            }),
            _ => None,
        };
        Lowered {
            name,
            span,
            takes,
            route,
        }
    }

    /// Reports fields that do nothing without a gate: somebody may believe that there is one.
    fn refuse_idle_fields(&mut self, node: &Node<'s>, name: &str) {
        if node.field("gate").is_some() {
            return;
        }
        for field in ["mode", "on_error", "variants", "otherwise"] {
            if let Some(entry) = node.entry(field) {
                let title = format!("route `{name}` has `{field}` and no gate");
                let help = format!("add `gate`, or remove `{field}`: the route is open to everyone");
                self.error("gate-needed", title, entry.key_span, help);
            }
        }
    }

    fn gate(&mut self, node: &Node<'s>) -> Option<Gate> {
        let definition: Sited<_> = self.lower.gate(node)?;
        match Gate::compile(&definition, self.names) {
            Ok(gate) => Some(gate),
            Err(found) => {
                self.found(found);
                None
            }
        }
    }

    fn takes(&mut self, node: &Node<'s>) -> Option<RouteMatch> {
        let path_node = node.field("path").unwrap_or(node);
        let path = path_node.text().and_then(|text| {
            let help = "write it like `/orders`, `/orders/{id}` or `/orders/**`";
            self.parsed(PathPattern::parse(text), "invalid-path", path_node.span, help)
        });
        let host = match node.field("host") {
            None => Some(HostPattern::Any),
            Some(host) => host.text().and_then(|text| {
                let help = "write it like `api.example.com` or `*.example.com`";
                self.parsed(HostPattern::parse(text), "invalid-host", host.span, help)
            }),
        };
        let methods = match node.field("methods") {
            None => Some(Methods::default()),
            Some(methods) => {
                let names = methods.items().unwrap_or_default().iter().filter_map(Node::text);
                let parsed = Methods::parse(names.map(|name| &**name));
                let span = methods
                    .items()
                    .and_then(|items| items.first())
                    .map_or(methods.span, |first| first.span);
                self.parsed(
                    parsed,
                    "invalid-method",
                    span,
                    "write them like `[GET, HEAD, POST]`, each once",
                )
            }
        };
        let entries = node.field("headers").and_then(Node::entries).unwrap_or_default();
        let headers: Vec<_> = entries
            .iter()
            .filter_map(|entry| self.header_match(entry))
            .collect();
        if headers.len() < entries.len() {
            return None;
        }
        let trailing_slash = match choice(node, "trailing_slash") {
            Some("exact") => TrailingSlash::Exact,
            _ => TrailingSlash::Either,
        };
        Some(RouteMatch {
            host: host?,
            path: path?,
            trailing_slash,
            methods: methods?,
            headers: headers.into(),
        })
    }

    fn header_match(&mut self, entry: &Entry<'s>) -> Option<HeaderMatch> {
        let value = &entry.value;
        let parsed = if let Some(present) = value.field("present") {
            if !present.boolean()? {
                let title = "a route can't ask that a header is missing";
                let help = "write `present: true`, or give the requests without it to a route further down";
                self.error("invalid-header", title, present.span, help);
                return None;
            }
            HeaderMatch::present(&entry.key)
        } else if let Some(expression) = value.field("matches") {
            HeaderMatch::regex(&entry.key, expression.text()?)
        } else {
            HeaderMatch::exact(&entry.key, value.text()?)
        };
        if parsed.is_ok() {
            self.check_passes(&entry.key, entry.key_span)?;
        }
        match &parsed {
            Err(InvalidHeaderMatch::Regex(reason)) => {
                let span = value
                    .field("matches")
                    .map_or(value.span, |expression| expression.span);
                self.error("invalid-pattern", reason.to_string(), span, pattern_cure(reason));
                None
            }
            _ => self.parsed(
                parsed,
                "invalid-header",
                entry.key_span,
                "write the header as it is sent",
            ),
        }
    }

    /// Where an open gate leads. The gate is none where it has problems of its own.
    fn destination(
        &mut self,
        node: &Node<'s>,
        gate: Option<Option<&Gate>>,
        user: &str,
    ) -> Option<Destination> {
        let upstream = match node.field("upstream") {
            Some(upstream) => Some(self.upstream(upstream, user)?),
            None => None,
        };
        let Some(variants) = node.entry("variants") else {
            if upstream.is_none() {
                let span = node.field("name").map_or(node.span, |name| name.span);
                let help = "add `upstream`: where its requests are forwarded";
                self.error("missing-upstream", format!("{user} leads nowhere"), span, help);
            }
            return upstream.map(Destination::Upstream);
        };
        let listed = variants.value.entries()?;
        let targets: Vec<_> = listed
            .iter()
            .map(|entry| self.upstream(&entry.value, user))
            .collect();
        if let Some(Some(gate)) = gate
            && gate.single_flag().is_none()
        {
            let title = format!("{user} has `variants`, and its gate is not one flag");
            let help = "make the gate one flag: its variant chooses the upstream";
            self.error("variants-need-one-flag", title, variants.key_span, help);
        }
        let named = node.field("gate").map(|gate| gate.field("flag").unwrap_or(gate));
        let flag = named.and_then(Node::text).and_then(|key| self.names.flag(key))?;
        let mut upstreams: Vec<Option<UpstreamId>> = vec![None; flag.variants.len()];
        for (entry, target) in listed.iter().zip(&targets) {
            match flag.variant(&entry.key).map(rules::VariantId::index) {
                Some(index) => {
                    if let Some(place) = upstreams.get_mut(index) {
                        *place = *target;
                    }
                }
                None => self.unknown_variant(flag, entry),
            }
        }
        if targets.iter().any(Option::is_none) {
            return None;
        }
        let (_, is) = gate??.single_flag()?;
        self.fill(node, (flag, is), upstreams, upstream, user)
    }

    fn unknown_variant(&mut self, flag: &rules::NamedFlag, entry: &Entry<'s>) {
        let kind = rules::ProblemKind::UnknownVariant {
            flag: flag.key.to_string(),
            variant: entry.key.to_string(),
            variants: flag.variants.iter().map(ToString::to_string).collect(),
        };
        let site = self.lower.source.site(entry.key_span.start);
        self.found(vec![rules::DefinitionProblem { site, kind }]);
    }

    /// Gives every variant an upstream. Those that an open gate never serves get any.
    fn fill(
        &mut self,
        node: &Node<'s>,
        (flag, is): (&rules::NamedFlag, Option<rules::VariantId>),
        upstreams: Vec<Option<UpstreamId>>,
        upstream: Option<UpstreamId>,
        user: &str,
    ) -> Option<Destination> {
        let lets_all_through =
            choice(node, "mode") == Some("shadow") || choice(node, "on_error") == Some("open");
        let off = flag.off.map(rules::VariantId::index);
        let served = |index: usize| match is {
            _ if lets_all_through => true,
            Some(variant) => variant.index() == index,
            None => Some(index) != off,
        };
        let missing: Vec<&str> = upstreams
            .iter()
            .zip(&flag.variants)
            .enumerate()
            .filter(|(index, (target, _))| target.is_none() && served(*index))
            .map(|(_, (_, name))| &**name)
            .collect();
        if upstream.is_none() && !missing.is_empty() {
            let span = node
                .entry("variants")
                .map_or(node.span, |variants| variants.key_span);
            let title = format!(
                "{user} leads nowhere when `{}` serves {}",
                flag.key,
                crate::shape::any_of(&missing)
            );
            let help = "list every variant, or add `upstream` for those that are not listed";
            self.error("missing-upstream", title, span, help);
            return None;
        }
        let any = upstream.or_else(|| upstreams.iter().copied().flatten().next())?;
        let upstreams = upstreams
            .into_iter()
            .map(|target| target.unwrap_or(any))
            .collect();
        Some(Destination::Variants {
            flag: flag.id,
            upstreams,
        })
    }

    /// How targets are read.
    pub(crate) fn target(&self, root: &Node<'s>) -> TargetOptions {
        let encoded_slash = match root
            .field("target")
            .and_then(|target| choice(target, "encoded_slash"))
        {
            Some("decode") => EncodedSlash::Decode,
            Some("keep") => EncodedSlash::Keep,
            _ => EncodedSlash::Reject,
        };
        TargetOptions { encoded_slash }
    }

    /// Reports routes that no request can reach; `routes` are those whose match could be lowered.
    pub(crate) fn conflict(&mut self, conflict: rules::RouteConflict, routes: &[&Lowered]) {
        let (Some(first), Some(second)) = (routes.get(conflict.first), routes.get(conflict.second)) else {
            return;
        };
        let (title, help) = match conflict.kind {
            rules::ConflictKind::Same => (
                format!(
                    "routes `{}` and `{}` take the same requests",
                    first.name, second.name
                ),
                "remove one of them, or tell them apart by host, path, methods or headers",
            ),
            rules::ConflictKind::Shadowed => (
                format!(
                    "route `{}` is never reached: route `{}` takes all of its requests",
                    second.name, first.name
                ),
                "remove it, or ask for more in it than the other route does",
            ),
        };
        let also = self.label(first.span, "this one takes them");
        let at = self.label(second.span, "this one never does");
        self.push(Problem::error("route-conflict", title, at).also(also).help(help));
    }
}

fn auth(node: &Node<'_>, has_gate: bool) -> Auth {
    match choice(node, "auth") {
        Some("required") => Auth::Required,
        Some("optional") => Auth::Optional,
        Some("none") => Auth::None,
        _ if has_gate => Auth::Required,
        _ => Auth::None,
    }
}

fn choice<'n>(node: &'n Node<'_>, field: &str) -> Option<&'n str> {
    node.field(field)?.text().map(|text| &**text)
}
