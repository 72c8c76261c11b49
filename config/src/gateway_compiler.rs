//! Compilation of a gateway document with its flags: lowers its parts, and builds the routes.

use std::collections::BTreeSet;
use std::sync::Arc;

use rules::{Eligibility, Flags, FlagsDefinition, Names, Patterns, Routes, Tenants, UpstreamId};

use crate::catalog::Compiled;
use crate::flags_source::{FlagsSource, flags_source};
use crate::load_context::LoadContext;
use crate::loaded_config::in_environment;
use crate::lower::Document;
use crate::lower::gateway::Gateway;
use crate::lower::routes::Lowered;
use crate::lower::settings::body_limit;
use crate::shape::headers::HeadersFields;
use crate::shape::sluice::GatewayFields;
use crate::source::Source;
use crate::translate::BrokenParts;

/// A gateway document and the flags that it is compiled with.
pub(crate) struct GatewayCompiler<'a, 's> {
    pub(crate) source: &'s Source,
    pub(crate) gateway: &'a GatewayFields<'s>,
    /// The documents of the flags, and the gateway document last.
    pub(crate) documents: &'a [Document<'s>],
    pub(crate) names: &'a Names,
    pub(crate) broken: &'a BrokenParts,
    pub(crate) flags: FlagsOf<'a, 's>,
    /// True if gates and headers may name flags that do not exist yet.
    pub(crate) awaits_flags: bool,
}

/// The flags of a gateway document: definitions to compile, or compiled ones.
#[derive(Clone, Copy)]
pub(crate) enum FlagsOf<'a, 's> {
    Documents(&'a FlagsDefinition<'s>),
    Compiled(&'a Compiled),
}

/// The results of a compilation. The revision of the snapshot is missing: it is a digest of all files that were read.
pub(crate) struct GatewayParts {
    pub(crate) flags: Arc<Flags>,
    pub(crate) tenants: Arc<Tenants>,
    pub(crate) flags_source: FlagsSource,
    pub(crate) routes: Routes,
    pub(crate) upstreams: Vec<rules::Upstream>,
    pub(crate) headers: rules::HeaderPlan,
    pub(crate) environment: String,
    pub(crate) identity: crate::IdentitySettings,
    pub(crate) settings: crate::Settings,
    pub(crate) operators: Option<crate::OperatorSettings>,
    pub(crate) awaited_flags: Box<[Box<str>]>,
}

impl<'s> GatewayCompiler<'_, 's> {
    /// Lowers every part of the document before any is used, so that all problems are reported at once. The order
    /// matters: routes and identity check names against the header plan.
    pub(crate) fn compile(
        &self,
        context: &mut LoadContext,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<GatewayParts> {
        let root = self.gateway;
        let production = || ("production".to_owned(), Eligibility::Enforced);
        let environment = root.environment.lower(production(), |environment| {
            let environment = &environment.value;
            Some((environment.name.value.to_string(), environment.eligibility))
        });
        // If the environment was refused, the rest is checked by the stricter rules.
        let eligibility = environment.clone().unwrap_or_else(production).1;
        // No `?` before everything is lowered: a part with a problem must not hide the problems of the others.
        let compiled = self.flags(context, eligibility);
        let flags = compiled.as_ref().map(|(flags, _)| &**flags);
        let upstreams = root.upstreams.value();
        let ids = upstreams.into_iter().flatten().enumerate();
        let mut gateway = Gateway {
            source: self.source,
            context,
            documents: self.documents,
            names: self.names,
            broken: self.broken,
            upstreams: ids
                .filter_map(|(index, (name, _))| Some((&*name.value, UpstreamId::from_index(index)?)))
                .collect(),
            upstreams_known: upstreams.is_some(),
            plan: None,
            identifies_callers: identifies_callers(root),
            awaited_flags: self.awaits_flags.then(BTreeSet::new),
            environment: variable,
            patterns: Patterns::default(),
        };
        let settings = gateway.settings(root);
        let operators = root
            .admin
            .value()
            .and_then(Option::as_ref)
            .map_or(Some(None), |admin| {
                let operators = &admin.operators;
                operators.lower_optional(|operators| gateway.operators(&operators.value))
            });
        // If `headers` was refused, names are checked against the default plan. The load fails in any case.
        let left_out = HeadersFields::default();
        let headers = root.headers.value().unwrap_or(&left_out);
        let headers = gateway.headers(headers, flags);
        gateway.plan = Some(headers.clone());
        let identity = gateway.identity(root, flags);
        if let FlagsOf::Documents(definition) = self.flags {
            gateway.check_attribute_types(root, definition);
        }
        let upstreams = upstreams.and_then(|upstreams| gateway.all_upstreams(upstreams));
        let unmatched = gateway.unmatched(&root.unmatched);
        let routes = root.routes.value().map_or(&[][..], |routes| routes);
        let lowered = gateway.routes(routes, body_limit(root));
        refuse_conflicts(&mut gateway, &lowered);
        if !gateway.identifies_callers && gateway.context.problems.is_empty() {
            gateway.warn_of_missing_issuers(routes);
        }
        let awaited_flags = gateway.awaited_flags.take().unwrap_or_default();
        let (flags, tenants) = compiled?;
        let routes = lowered
            .into_iter()
            .map(|route| Some((route.takes?, route.route?)))
            .collect::<Option<_>>()?;
        let upstreams = upstreams?;
        let reads = upstreams.iter().map(|upstream| upstream.reads);
        let routes = Routes::build(routes, unmatched?, root.target.or_default()?, reads).ok()?;
        Some(GatewayParts {
            flags,
            tenants,
            flags_source: flags_source(self.source, root)?,
            routes,
            upstreams,
            headers,
            environment: environment?.0,
            identity: identity?,
            settings: settings?,
            operators: operators?,
            awaited_flags: awaited_flags.into_iter().collect(),
        })
    }

    fn flags(
        &self,
        context: &mut LoadContext,
        eligibility: Eligibility,
    ) -> Option<(Arc<Flags>, Arc<Tenants>)> {
        match self.flags {
            FlagsOf::Documents(definition) => {
                let (documents, broken) = (self.documents, self.broken);
                let compiled = context.compile(definition, self.names, documents, broken, eligibility)?;
                Some((Arc::new(compiled.0), Arc::new(compiled.1)))
            }
            FlagsOf::Compiled(compiled) => {
                let flags = in_environment(eligibility, &compiled.flags);
                Some((flags, Arc::clone(&compiled.tenants)))
            }
        }
    }
}

/// Returns true if the document has issuers of tokens, or reads the tenant from certificates.
fn identifies_callers(root: &GatewayFields<'_>) -> bool {
    let has_no_issuer = root.issuers.value().is_some_and(Vec::is_empty);
    let identity = root.identity.value();
    root.issuers.key().is_some() && !has_no_issuer
        || identity.is_some_and(|identity| identity.tenant.key().is_some())
}

/// Reports routes that take the same requests, among those whose match could be lowered.
fn refuse_conflicts(gateway: &mut Gateway<'_, '_>, lowered: &[Lowered]) {
    let readable: Vec<&Lowered> = lowered.iter().filter(|route| route.takes.is_some()).collect();
    let matches = readable.iter().filter_map(|route| route.takes.clone()).collect();
    for conflict in rules::RouteTable::build(matches).err().unwrap_or_default() {
        gateway.conflict(conflict, &readable);
    }
}
