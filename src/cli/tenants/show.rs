//! `sluice tenants show`: everything about one tenant.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::render::{TextTable, json, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// Shows one tenant's record.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The tenant's id.
    tenant: String,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let answer = session.read(
        route::tenant(&arguments.tenant, ""),
        RequiredMembers::Texts(&["id"]),
    )?;
    session.print_response(&answer, |body| render(&arguments.tenant, body))?;
    Ok(Exit::Success)
}

fn render(id: &str, tenant: &Value) -> String {
    let mut table = TextTable::new(["", ""]);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    };
    for name in ["tier", "channel"] {
        line(name, json::text(tenant, name).unwrap_or_default().to_owned());
    }
    if json::is(tenant, "internal") {
        line("internal", "yes".to_owned());
    }
    for (name, field) in [
        ("beta allowlist", "beta"),
        ("opted in", "opt_in"),
        ("opted out", "opt_out"),
    ] {
        line(name, tenant.get(field).map(json::word).unwrap_or_default());
    }
    for (flag, variant) in json::entries(tenant, "overrides") {
        line("override", format!("{flag} {}", json::word(variant)));
    }
    for (name, value) in json::entries(tenant, "attributes") {
        line("attribute", format!("{name} = {value}"));
    }
    format!("{}\n{}", printable(id), table.render(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_shown_with_all_of_its_settings() {
        let tenant = serde_json::json!({
            "id": "acme", "tier": "tier3", "channel": "latest", "internal": false, "beta": ["a", "b"],
            "overrides": { "c": false }, "opt_in": [], "opt_out": ["d"], "attributes": { "country": "DE", "seats": 80 },
        });
        assert_eq!(
            render("acme", &tenant),
            "acme\n\
             tier             tier3\n\
             channel          latest\n\
             beta allowlist   a, b\n\
             opted out        d\n\
             override         c off\n\
             attribute        country = \"DE\"\n\
             attribute        seats = 80\n"
        );
    }
}
