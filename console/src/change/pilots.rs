//! Pilots that join the beta allowlist of a flag and are served the same as before: what they still miss.

use crate::admin_api::Call;
use crate::answers::{Flag, Tenant};
use crate::console::Console;
use crate::form::Form;
use crate::visitor::Visitor;

use super::effects::Effects;
use super::tenant_operations::tenants;

/// The largest number of tenants whose records are read.
const MAX_READ: usize = 50;

/// The tenants of a change of the allowlist.
pub(super) struct Pilots {
    /// The number of tenants that join.
    pub(super) joined: usize,
    /// Those that are not eligible at beta, because of their channel; at most [`MAX_READ`].
    pub(super) on_stable: Vec<String>,
    /// True if the flag is at alpha, where the allowlist has no effect.
    pub(super) is_before_beta: bool,
}

impl Pilots {
    /// Reads them; none unless the change adds tenants to the allowlist, and serves none of them another variant.
    pub(super) async fn read(
        console: &Console,
        visitor: &Visitor,
        form: &Form,
        effects: &Effects,
    ) -> Option<Self> {
        let is_allowed = form.text("operation") == Some("allow");
        if !is_allowed || !effects.changed || effects.preview.tenants_changed > 0 {
            return None;
        }
        let call = Call::get(&["platform", "feature-flags", form.text("flag")?]);
        let flag = console.api.request::<Flag>(visitor, call).await.ok()?.body;
        let is_before_beta = flag.lifecycle.as_deref() == Some("alpha");
        let mut on_stable = Vec::new();
        for id in tenants(form).ok()?.into_iter().take(MAX_READ) {
            let call = Call::get(&["platform", "orgs", id]);
            let tenant = console.api.request::<Tenant>(visitor, call).await.ok()?.body;
            if !is_before_beta && !tenant.internal && tenant.channel() == "stable" {
                on_stable.push(id.to_owned());
            }
        }
        Some(Self {
            joined: effects.joined(),
            on_stable,
            is_before_beta,
        })
    }
}
