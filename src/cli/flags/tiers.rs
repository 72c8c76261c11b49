//! `sluice flags tiers`: the variant that each tier is served by default.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::render::{TextTable, json};
use crate::cli::session::Session;

/// Sets or shows the tier defaults of a flag.
///
/// Sets the given defaults: `tier2=on`, or `tier1=none` for no default. Other tiers stay unchanged. Without a tier,
/// shows the defaults.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// A tier and the variant to serve it, or `none`.
    #[arg(value_name = "TIER=VARIANT", value_parser = assignment)]
    tiers: Vec<Assignment>,
    #[command(flatten)]
    options: ChangeOptions,
}

/// A tier and its variant.
#[derive(Debug, Clone, PartialEq)]
struct Assignment {
    tier: String,
    variant: Value,
}

fn assignment(text: &str) -> Result<Assignment, String> {
    match text.split_once('=') {
        Some((tier, variant)) if !tier.is_empty() && !variant.is_empty() => Ok(Assignment {
            tier: tier.to_owned(),
            variant: if variant == "none" {
                Value::Null
            } else {
                variant.into()
            },
        }),
        _ => Err("a tier default is written TIER=VARIANT, such as tier2=on".to_owned()),
    }
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let flag = &arguments.flag;
    if arguments.tiers.is_empty() {
        let answer = session.read_flag(flag)?;
        session.print_response(&answer, |body| {
            let mut table = TextTable::new(["tier", "serves"]);
            for (tier, variant) in json::entries(body, "tiers") {
                table.row([tier.to_owned(), json::word(variant)]);
            }
            table.render("no tier has a default")
        })?;
        return Ok(Exit::Success);
    }
    let tiers: Map<String, Value> = arguments
        .tiers
        .iter()
        .map(|assignment| (assignment.tier.clone(), assignment.variant.clone()))
        .collect();
    let named: Vec<&str> = arguments
        .tiers
        .iter()
        .map(|assignment| assignment.tier.as_str())
        .collect();
    let change = ChangeRequest::of_flag(Method::PUT, flag, "/tiers", ChangeBody::field("tiers", tiers));
    let words: Vec<String> = arguments
        .tiers
        .iter()
        .map(|Assignment { tier, variant }| match variant {
            Value::Null => format!("{tier} has no default"),
            variant => format!("{tier} is served {}", json::word(variant)),
        })
        .collect();
    let done = |_: &Value| format!("{flag}: {}", words.join(", "));
    change::apply(
        session,
        &arguments.options,
        change,
        UnchangedTenants::Tiers(&named),
        done,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_default_is_a_tier_and_a_variant() {
        let read = |text| assignment(text).ok().map(|read| (read.tier, read.variant));
        assert_eq!(read("tier2=on"), Some(("tier2".into(), "on".into())));
        assert_eq!(read("tier2=none"), Some(("tier2".into(), Value::Null)));
        for text in ["tier2", "=on", "tier2=", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
