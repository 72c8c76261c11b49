//! Settings of the process: addresses, bodies, log, shutdown.

use std::net::SocketAddr;

use rules::{AdminHosts, TenantId, TrustedProxies};

use super::gateway::Gateway;
use crate::form::{Field, Placed, PlacedText};
use crate::problem::Problem;
use crate::settings::{AdminListener, ReceiptSettings, Settings, TenantMetrics, TenantsListener};
use crate::shape::admin::{AdminFields, Switch, TenantsListenerFields};
use crate::shape::answer::BodyFields;
use crate::shape::settings::TenantsOfMetrics;
use crate::shape::sluice::GatewayFields;

/// The default address of the admin listener.
pub(crate) const DEFAULT_ADMIN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9090);
/// The default maximum size of a request body, in bytes.
const BODY_LIMIT: u64 = 10 * 1024 * 1024;

impl<'s> Gateway<'_, 's> {
    /// Returns the settings; none if one has a problem.
    pub(crate) fn settings(&mut self, root: &GatewayFields<'s>) -> Option<Settings> {
        let environment = root.environment.value();
        if let Some(environment) = environment {
            self.check_name("an environment", &environment.name);
        }
        let mut taken = Vec::new();
        let listeners = root.listeners.value();
        let listeners = listeners.and_then(|listeners| self.listeners(listeners, &mut taken));
        let admin = self.admin(&root.admin, &mut taken);
        let health = root.health.lower_optional(|health| {
            let written = health.value.address.written();
            written.and_then(|address| self.address(address, &mut taken))
        });
        let orgs = root.console.lower_optional(|console| {
            let tenants = console.value.tenants.written()?;
            self.tenants_listener(root, tenants, &mut taken)
        });
        let errors = root.errors.lower(Vec::new(), |errors| self.errors(&errors.value));
        let proxies = root.trusted_proxies.lower(TrustedProxies::default(), |proxies| {
            self.trusted_proxies(&proxies.value)
        });
        self.warn_of_idle_sinks(root);
        let notify = root.notify.lower(Vec::new(), |sinks| self.sinks(&sinks.value));
        let traces = root.traces.lower_optional(|traces| self.traces(traces));
        let tenants = root.metrics.lower(None, |metrics| match &metrics.value {
            Some(tenants) => Some(Some(self.tenant_metrics(tenants)?)),
            None => Some(None),
        });
        let headers = root.headers.value();
        let signing_key = headers.map_or(Some(None), |headers| {
            headers
                .signature
                .lower_optional(|signature| self.signing_key(&signature.value))
        });
        Some(Settings {
            listeners: listeners?,
            admin: admin?,
            health: health?,
            tenants: orgs?,
            threads: root.threads.optional()?,
            limits: root.limits.or_default()?,
            log: root.log.or_default()?,
            access_log: root.access_log.or_default()?,
            receipts: root
                .receipts
                .lower(Some(ReceiptSettings::default()), |receipts| Some(receipts.value))?,
            tenant_metrics: tenants?,
            errors: errors?,
            body_limit: body_limit(root)?,
            changes: root.control.or_default()?,
            notify: notify?,
            traces: traces?,
            drain: root.drain.or_default()?,
            signing_key: signing_key?,
            trusted_proxies: proxies?,
            break_glass: root.break_glass.optional()?,
            upgrade: root.upgrade.optional()?,
        })
    }

    fn tenant_metrics(&mut self, tenants: &TenantsOfMetrics<'s>) -> Option<TenantMetrics> {
        let mut names = Vec::with_capacity(tenants.names.len());
        for name in &tenants.names {
            match TenantId::parse(&name.value) {
                Ok(_) => names.push((*name.value).into()),
                Err(reason) => {
                    let help = "write the id of a tenant";
                    self.error("invalid-tenant-id", reason.to_string(), name.span, help);
                }
            }
        }
        let max = tenants.max;
        (names.len() == tenants.names.len()).then_some(TenantMetrics { max, names })
    }

    fn admin(
        &mut self,
        admin: &Field<Option<AdminFields<'s>>>,
        taken: &mut Vec<Placed<SocketAddr>>,
    ) -> Option<Option<AdminListener>> {
        let left_out = AdminListener {
            address: DEFAULT_ADMIN,
            tls: None,
            hosts: AdminHosts::default(),
            has_console: true,
        };
        admin.lower(Some(left_out), |admin| match &admin.value {
            Some(fields) => Some(Some(self.admin_listener(fields, taken)?)),
            None => Some(None),
        })
    }

    fn admin_listener(
        &mut self,
        fields: &AdminFields<'s>,
        taken: &mut Vec<Placed<SocketAddr>>,
    ) -> Option<AdminListener> {
        let written = fields.address.written();
        let address = written.and_then(|address| self.address(address, taken));
        // The server of the admin API supports HTTP/1 only.
        let tls = fields.tls.lower_optional(|tls| self.tls(&tls.value, Some(false)));
        let (written, address) = (written?, address?);
        let has_operators = fields.operators.key().is_some();
        let is_open = !address.ip().is_loopback();
        if is_open && has_operators && fields.tls.key().is_none() {
            let title = format!("operators' tokens are sent unencrypted to `{address}`");
            let help = "add `admin.tls`, or use a loopback address behind a proxy with TLS";
            let at = self.label(written.span, "");
            let warning = Problem::warning("admin-without-tls", title, at).help(help);
            self.context.warnings.push(warning);
        }
        if is_open && !has_operators {
            let title = format!(
                "other machines can reach the admin listener at `{address}`, and it has no operators"
            );
            let help = "write a loopback address such as `127.0.0.1:9090`, or add `operators`";
            self.error("admin-not-loopback", title, written.span, help);
        }
        Some(AdminListener {
            address,
            tls: tls?,
            hosts: AdminHosts::new(fields.hosts.or_default()?),
            has_console: fields.console.or(Switch::On)? == Switch::On,
        })
    }

    fn tenants_listener(
        &mut self,
        root: &GatewayFields<'s>,
        tenants: &Placed<TenantsListenerFields<'s>>,
        taken: &mut Vec<Placed<SocketAddr>>,
    ) -> Option<TenantsListener> {
        let fields = &tenants.value;
        let written = fields.address.written();
        let address = written.and_then(|address| self.address(address, taken));
        let tls = fields.tls.lower_optional(|tls| self.tls(&tls.value, Some(false)));
        let admin = root.admin.value().and_then(Option::as_ref);
        if admin.is_none_or(|admin| admin.operators.key().is_none()) {
            let title = "`console.tenants` needs `admin.operators`: the admins of orgs sign in";
            let help = "add `admin.operators` with the tokens or the issuer of org-admins";
            self.error("missing-field", title, tenants.span, help);
        }
        let mut listeners = root.listeners.value().into_iter().flatten();
        if listeners.any(|listener| {
            listener
                .name
                .value()
                .is_some_and(|name| **name == *TenantsListener::NAME)
        }) {
            let title = "a listener is named `tenants`, which is the name of that of `console.tenants`";
            self.error("duplicate", title, tenants.span, "give the listener another name");
        }
        let (written, address) = (written?, address?);
        if !address.ip().is_loopback() && fields.tls.key().is_none() {
            let title = format!("operators' tokens are sent unencrypted to `{address}`");
            let help = "add `tls`, or use a loopback address behind a proxy with TLS";
            let at = self.label(written.span, "");
            let warning = Problem::warning("admin-without-tls", title, at).help(help);
            self.context.warnings.push(warning);
        }
        Some(TenantsListener {
            address,
            tls: tls?,
            public_url: fields.public_url.optional()?,
        })
    }

    fn errors(
        &mut self,
        errors: &[(PlacedText<'s>, Option<BodyFields<'s>>)],
    ) -> Option<Vec<(u16, rules::RejectBody)>> {
        let mut bodies = Vec::with_capacity(errors.len());
        for (status, body) in errors {
            let body = body.as_ref().and_then(|body| self.body(body));
            let parsed = status
                .value
                .parse()
                .ok()
                .filter(|status| (400..=599).contains(status));
            if parsed.is_none() {
                let title = format!("`{}` is not the status of an error", status.value);
                let help = "write a number from 400 to 599";
                self.error("invalid-status", title, status.span, help);
            }
            bodies.push(parsed.zip(body));
        }
        bodies.into_iter().collect()
    }
}

/// Returns the maximum size of request bodies, in bytes. The inner option is none for no limit, the outer for a
/// problem.
pub(crate) fn body_limit(root: &GatewayFields<'_>) -> Option<Option<u64>> {
    root.body_limit.or(Some(BODY_LIMIT))
}
