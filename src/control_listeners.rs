//! The listeners that serve the control plane: the admin listener, and that for the admins of orgs.

use console::Origins;
use rules::AdminHosts;

/// The listeners, as far as the control plane knows them.
pub(crate) struct ControlListeners {
    /// The names of the admin listener.
    pub(crate) hosts: AdminHosts,
    /// The origins of the console on the admin listener; none if the console is off.
    pub(crate) console: Option<Origins>,
    /// The origins of the listener for the admins of orgs; none without one.
    pub(crate) tenants: Option<Origins>,
}

impl ControlListeners {
    /// Returns the listeners of these settings.
    pub(crate) fn of(settings: &config::Settings) -> Self {
        let admin = settings.admin.as_ref();
        let origins = |is_encrypted, public_url: &Option<Box<str>>| Origins {
            is_encrypted,
            public_url: public_url.as_deref().map(str::to_owned),
        };
        let console = admin.filter(|admin| admin.has_console);
        let tenants = settings.tenants.as_ref();
        Self {
            hosts: admin.map(|admin| admin.hosts.clone()).unwrap_or_default(),
            console: console.map(|admin| origins(admin.tls.is_some(), &settings.changes.public_url)),
            tenants: tenants.map(|tenants| origins(tenants.tls.is_some(), &tenants.public_url)),
        }
    }
}
