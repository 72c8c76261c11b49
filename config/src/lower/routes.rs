//! Routes: their match, gate, limit and upstream.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use rules::{
    Auth, Destination, Gate, GateDefinition, GateMode, HeaderMatch, HostPattern, LimitBy, MAX_ALL_OBSERVED,
    Methods, OnError, Pattern, Route, RouteMatch, Sited, UpstreamId,
};

use super::gateway::Gateway;
use crate::form::{Placed, PlacedText};
use crate::node::Span;
use crate::problem::Problem;
use crate::shape::route::{HeaderMatches, MatchFields, Route as RouteForm, RouteFields};
use crate::translate::pattern_help;
use crate::validate::did_you_mean;

/// A route, as far as it could be lowered.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) name: Box<str>,
    /// The place of its name.
    pub(crate) span: Span,
    pub(crate) takes: Option<RouteMatch>,
    pub(crate) route: Option<Route>,
}

impl<'s> Gateway<'_, 's> {
    /// Lowers every route, in the order of the document. `body_limit` is the default of a route's own.
    pub(crate) fn routes(
        &mut self,
        routes: &[Placed<RouteFields<'s>>],
        body_limit: Option<Option<u64>>,
    ) -> Vec<Lowered> {
        let names = || routes.iter().filter_map(|route| route.value.name.written());
        names().for_each(|name| self.check_name("a route", name));
        self.check_unique("route", names());
        self.check_observed(routes);
        let ends = routes.iter().skip(1).map(|next| next.span.start);
        let ends = ends.chain([u32::MAX]);
        let lowered = routes.iter().zip(ends);
        lowered
            .map(|(route, end)| self.route(route, end, body_limit))
            .collect()
    }

    /// Reports that routes observe more flags than the process can count for.
    fn check_observed(&mut self, routes: &[Placed<RouteFields<'s>>]) {
        let lists = routes.iter().filter_map(|route| route.value.observe.value());
        let mut keys = HashSet::new();
        let beyond = lists.flatten().find(|key| {
            keys.insert(&*key.value);
            keys.len() > MAX_ALL_OBSERVED
        });
        if let Some(beyond) = beyond {
            let title = format!("the routes observe more than {MAX_ALL_OBSERVED} flags");
            let help = "observe only the flags whose errors and latencies you compare now";
            self.error("limit", title, beyond.span, help);
        }
    }

    /// Warns of the routes that require a caller, for a document in which no request can have one.
    pub(crate) fn warn_of_missing_issuers(&mut self, routes: &[Placed<RouteFields<'s>>]) {
        for Placed { value: fields, span } in routes {
            let gate = fields.gate.key();
            let is_required = match fields.auth.value() {
                Some(auth) => *auth == Auth::Required,
                None => gate.is_some(),
            };
            // A route in shadow mode rejects no request.
            if !is_required || fields.mode.value() == Some(&GateMode::Shadow) {
                continue;
            }
            let name = fields.name.value().map_or("", |name| name);
            let why = match fields.auth.key() {
                Some(_) => "`auth: required`",
                None => "a gate, and so `auth: required`",
            };
            let title =
                format!("route `{name}` has {why}, but the document has no issuer: every request gets a 401");
            let at = fields.auth.key().or(gate).map_or(*span, |key| key.span);
            let help = "add the service that signs your tokens to `issuers`, or read the tenant from client certificates \
                        (`identity.tenant`); for a gate without callers, such as a rollout by visitor, write `auth: optional`";
            let warning = Problem::warning("no-issuer", title, self.label(at, "")).help(help);
            self.context.warnings.push(warning);
        }
    }

    /// Lowers a route, whose fields are before the offset `end`.
    fn route(
        &mut self,
        written: &Placed<RouteFields<'s>>,
        end: u32,
        body_limit: Option<Option<u64>>,
    ) -> Lowered {
        let fields = &written.value;
        let name: Box<str> = fields.name.value().map_or("", |name| name).into();
        let span = fields.name.written().map_or(written.span, |name| name.span);
        let takes = fields.takes.value().and_then(|takes| self.takes(takes));
        self.refuse_idle_fields(fields, &name);
        let user = if name.is_empty() {
            "this route".to_owned()
        } else {
            format!("route `{name}`")
        };
        let offsets = written.span.start..end;
        let route = self.lower_route(fields, &name, &user, (span, offsets), body_limit);
        Lowered {
            name,
            span,
            takes,
            route,
        }
    }

    /// Returns true if an unknown field between these offsets was reported as a misspelling of `upstream`.
    fn has_misspelt_upstream(&self, offsets: Range<u32>) -> bool {
        let sites = self.source.site(offsets.start)..self.source.site(offsets.end);
        let help = did_you_mean(RouteForm::UPSTREAM);
        self.context.problems.iter().any(|problem| {
            problem.code == "unknown-field"
                && problem.help.as_deref() == Some(&*help)
                && problem.site().is_some_and(|site| sites.contains(&site))
        })
    }

    fn lower_route(
        &mut self,
        fields: &RouteFields<'s>,
        name: &str,
        user: &str,
        (span, offsets): (Span, Range<u32>),
        body_limit: Option<Option<u64>>,
    ) -> Option<Route> {
        let gate = fields.gate.lower_optional(|gate| self.gate(&gate.value));
        let otherwise = self.otherwise(&fields.otherwise, user);
        let destination = self.destination(fields, gate.as_ref().map(Option::as_ref), (span, offsets, user));
        // A gate needs to know the tenant.
        let auth = fields.auth.or(match fields.gate.key() {
            Some(_) => Auth::Required,
            None => self.default_auth(),
        });
        let limit = fields.limit.lower_optional(|limit| {
            let (limit, by) = limit.value;
            if limit.by == LimitBy::Tenant && auth.is_some_and(|auth| !auth.can_refuse()) {
                let title = format!("route `{name}` counts requests by tenant, but requires no valid token");
                let help = "write `auth: required` or `auth: optional`, or count by `client`";
                return self.refuse("tenant-needed", title, by, help);
            }
            Some(limit)
        });
        let observed = fields
            .observe
            .lower(Box::default(), |keys| Some(self.flag_list(&keys.value)));
        let (otherwise, causes) = otherwise?;
        Some(Route {
            name: name.into(),
            site: self.site(span),
            auth: auth?,
            preflight: fields.preflight.or_default()?,
            gate: gate?,
            mode: fields.mode.or_default()?,
            on_error: fields.on_error.or_default()?,
            body_limit: fields.body_limit.or(body_limit?)?,
            limit: limit?,
            observed: observed?,
            destination: destination?,
            otherwise,
            causes,
        })
    }

    /// Reports fields that have no effect without a gate, because their author may believe that there is one.
    fn refuse_idle_fields(&mut self, fields: &RouteFields<'s>, name: &str) {
        if fields.gate.key().is_some() {
            return;
        }
        let idle = [
            fields.mode.key(),
            fields.on_error.key(),
            fields.variants.key(),
            fields.otherwise.key(),
        ];
        for key in idle.into_iter().flatten() {
            let field = key.name;
            let title = format!("route `{name}` has `{field}`, but no gate");
            let help = format!("add `gate`, or remove `{field}`: the route is open to everyone");
            self.error("gate-needed", title, key.span, help);
        }
    }

    fn gate(&mut self, gate: &Sited<GateDefinition<'s>>) -> Option<Gate> {
        let mut unknown = Vec::new();
        let compiled = match self.awaited_flags {
            Some(_) => Gate::compile_awaiting(gate, self.names, &mut unknown),
            None => Gate::compile(gate, self.names),
        };
        self.await_flags(unknown);
        match compiled {
            Ok(gate) => Some(gate),
            Err(found) => {
                self.found(found);
                None
            }
        }
    }

    fn takes(&mut self, fields: &MatchFields<'s>) -> Option<RouteMatch> {
        let methods = fields.methods.lower(Methods::default(), |methods| {
            let parsed = Methods::parse(methods.value.iter().map(|name| &*name.value));
            let span = methods.value.first().map_or(methods.span, |first| first.span);
            let help = "write them like `[GET, HEAD, POST]`, each once";
            self.parsed(parsed, "invalid-method", span, help)
        });
        let headers = fields.headers.lower(Box::default(), |headers| {
            let mut lowered = Vec::with_capacity(headers.value.len());
            for (name, matches) in &headers.value {
                let matches = matches.as_ref();
                lowered.push(matches.and_then(|matches| self.header_match(name, matches)));
            }
            lowered.into_iter().collect()
        });
        Some(RouteMatch {
            host: fields.host.or(HostPattern::Any)?,
            path: fields.path.value()?.clone(),
            trailing_slash: fields.trailing_slash.or_default()?,
            methods: methods?,
            headers: headers?,
        })
    }

    fn header_match(&mut self, name: &PlacedText<'s>, matches: &HeaderMatches<'s>) -> Option<HeaderMatch> {
        let parsed = match matches {
            HeaderMatches::Exactly(text) => HeaderMatch::exact(&name.value, &text.value),
            HeaderMatches::Regex(expression) => HeaderMatch::regex(&name.value, self.pattern(expression)?),
            HeaderMatches::Present(present) if present.value => HeaderMatch::present(&name.value),
            HeaderMatches::Present(present) => {
                let title = "a route can't require that a header is missing";
                let help =
                    "write `present: true`, and add a route without this condition for the other requests";
                return self.refuse("invalid-header", title, present.span, help);
            }
        };
        if parsed.is_ok() {
            self.check_passes(&name.value, name.span)?;
        }
        self.parsed(
            parsed,
            "invalid-header",
            name.span,
            "write the header as clients send it",
        )
    }

    fn pattern(&mut self, expression: &PlacedText<'s>) -> Option<Arc<Pattern>> {
        match self.patterns.compile(&expression.value) {
            Ok(pattern) => Some(pattern),
            Err(invalid) => {
                let invalid = invalid?;
                let help = pattern_help(&invalid);
                self.refuse("invalid-pattern", invalid.to_string(), expression.span, help)
            }
        }
    }

    /// Returns the destination behind an open gate. The outer `gate` is none if the gate has a problem, the inner one
    /// if the route has no gate. `span` is the place of the route's name, and `offsets` has all of its fields.
    fn destination(
        &mut self,
        fields: &RouteFields<'s>,
        gate: Option<Option<&Gate>>,
        (span, offsets, user): (Span, Range<u32>, &str),
    ) -> Option<Destination> {
        let upstream = fields
            .upstream
            .lower_optional(|upstream| self.upstream(upstream, user))?;
        let Some(key) = fields.variants.key() else {
            // A misspelt field was reported, and reporting it as missing too would hide the cause.
            if upstream.is_none() && !self.has_misspelt_upstream(offsets) {
                let help = "add `upstream`: the name of the upstream that its requests are forwarded to";
                self.error("missing-upstream", format!("{user} has no upstream"), span, help);
            }
            return upstream.map(Destination::Upstream);
        };
        let listed = fields.variants.value()?;
        let mut targets = Vec::with_capacity(listed.len());
        // Look up all upstreams first: an unknown one is reported even if the gate has a problem.
        for (_, target) in listed {
            let target = target.as_ref();
            targets.push(target.and_then(|target| self.upstream(target, user)));
        }
        let written = fields.gate.value();
        let is_single = written.is_some_and(|written| {
            matches!(written.value, GateDefinition::Flag(_) | GateDefinition::Is { .. })
        });
        if let Some(Some(_)) = gate
            && !is_single
        {
            let title = format!("{user} has `variants`, but its gate is not a single flag");
            let help = "write a single flag as its gate: the variant of that flag selects the upstream";
            self.error("variants-need-one-flag", title, key.span, help);
        }
        // From the written gate, not the compiled one: names of variants are checked even if the gate is refused.
        let flag = match &fields.gate.value()?.value {
            GateDefinition::Flag(flag) | GateDefinition::Is { flag, .. } => self.names.flag(&flag.value),
            GateDefinition::All(_) | GateDefinition::Any(_) | GateDefinition::Not(_) => return None,
        };
        let Some(flag) = flag else {
            // Only in shadow mode a request passes a gate whose flag does not exist yet.
            let any = upstream.or_else(|| targets.iter().copied().flatten().next());
            return any
                .filter(|_| self.awaited_flags.is_some())
                .map(Destination::Upstream);
        };
        let mut upstreams: Vec<Option<UpstreamId>> = vec![None; flag.variants.len()];
        for ((name, _), target) in listed.iter().zip(&targets) {
            match flag.variant(&name.value).map(rules::VariantId::index) {
                Some(index) => {
                    if let Some(place) = upstreams.get_mut(index) {
                        *place = *target;
                    }
                }
                None => self.unknown_variant(flag, name),
            }
        }
        if targets.iter().any(Option::is_none) {
            return None;
        }
        let (_, is) = gate??.single_flag()?;
        let variants = (flag, is, key.span);
        self.fill(fields, variants, upstreams, upstream, user)
    }

    fn unknown_variant(&mut self, flag: &rules::NamedFlag, name: &PlacedText<'s>) {
        let kind = rules::ProblemKind::UnknownVariant {
            flag: flag.key.to_string(),
            variant: name.value.to_string(),
            variants: flag.variants.iter().map(ToString::to_string).collect(),
        };
        let site = self.site(name.span);
        self.found(vec![rules::DefinitionProblem { site, kind }]);
    }

    /// Gives every variant an upstream. A variant that an open gate never serves gets any of them.
    fn fill(
        &mut self,
        fields: &RouteFields<'s>,
        (flag, is, span): (&rules::NamedFlag, Option<rules::VariantId>, Span),
        upstreams: Vec<Option<UpstreamId>>,
        upstream: Option<UpstreamId>,
        user: &str,
    ) -> Option<Destination> {
        let is_shadow = fields.mode.value() == Some(&GateMode::Shadow);
        // With `mode: shadow` or `on_error: open` requests pass although the gate is closed, so that every variant
        // can be served.
        let lets_all_through = is_shadow || fields.on_error.value() == Some(&OnError::Open);
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
            let title = format!(
                "{user} has no upstream when `{}` serves {}",
                flag.key,
                crate::shape::any_of(&missing)
            );
            let help = "list every variant, or add `upstream` for the variants that are not listed";
            return self.refuse("missing-upstream", title, span, help);
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

    /// Reports routes that no request can reach. `routes` are those whose match could be lowered.
    pub(crate) fn conflict(&mut self, conflict: rules::RouteConflict, routes: &[&Lowered]) {
        let (Some(first), Some(second)) = (routes.get(conflict.first), routes.get(conflict.second)) else {
            return;
        };
        let (title, help) = match conflict.kind {
            rules::ConflictKind::Same => (
                format!(
                    "routes `{}` and `{}` match the same requests",
                    first.name, second.name
                ),
                "remove one of them, or make them differ in host, path, methods or headers",
            ),
            rules::ConflictKind::Shadowed => (
                format!(
                    "route `{}` is never reached: route `{}` matches all of its requests",
                    second.name, first.name
                ),
                "remove it, or add a condition to its `match` that the other route does not have",
            ),
        };
        let also = self.label(first.span, "this one takes them");
        let at = self.label(second.span, "this one is never reached");
        self.push(Problem::error("route-conflict", title, at).also(also).help(help));
    }
}
