//! `sluice flags rollout`: sets the percentage of tenants or users that have a flag.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::render::json;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::session::Session;

/// Sets or removes the percentage rollout of a flag.
///
/// Parts that are not given stay unchanged.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// The percentage: `25`, `0.5`, `25%`.
    #[arg(value_parser = percentage, required_unless_present = "remove")]
    percentage: Option<Value>,
    /// The identity to draw by: `tenant`, `user` or an attribute.
    #[arg(long, value_name = "WHAT")]
    by: Option<String>,
    /// Limits the rollout to subjects that match this condition, in JSON as in a document; `none` for no limit.
    #[arg(long, value_name = "JSON", value_parser = audience)]
    audience: Option<Value>,
    /// The variant to serve.
    #[arg(long, value_name = "VARIANT")]
    serve: Option<String>,
    /// Removes the rollout.
    #[arg(long, conflicts_with_all = ["percentage", "by", "audience", "serve"])]
    remove: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

fn percentage(text: &str) -> Result<Value, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let wrong = || "a percentage is a number from 0 to 100, such as 25".to_owned();
    let value: Value = serde_json::from_str(number).map_err(|_| wrong())?;
    match value.as_f64() {
        Some(percentage) if (0.0..=100.0).contains(&percentage) => Ok(value),
        _ => Err(wrong()),
    }
}

fn audience(text: &str) -> Result<Value, String> {
    if text == "none" {
        return Ok(Value::Null);
    }
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(
            r#"an audience is a condition in JSON, such as {"attribute":"tier","in":["tier2"]}"#.to_owned(),
        ),
    }
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let rollout = match &arguments.percentage {
        None => Value::Null,
        Some(percentage) => {
            let present = session.read_flag(flag)?.json()?;
            let present = present.get("rollout").and_then(Value::as_object).cloned();
            merged(present.unwrap_or_default(), percentage, arguments).into()
        }
    };
    let done = |_: &Value| match &arguments.percentage {
        Some(percentage) => format!("{flag}: rollout {} %", json::word(percentage)),
        None => format!("{flag}: no rollout"),
    };
    let change = ChangeRequest::of_flag(
        Method::PUT,
        flag,
        "/rollout",
        ChangeBody::field("rollout", rollout),
    );
    change::apply(session, &arguments.options, change, UnchangedTenants::All, done)
}

/// Returns the current rollout, with the given parts replaced.
fn merged(mut rollout: Map<String, Value>, percentage: &Value, arguments: &Arguments) -> Map<String, Value> {
    rollout.insert("percentage".to_owned(), percentage.clone());
    if let Some(by) = &arguments.by {
        rollout.insert("by".to_owned(), by.as_str().into());
    }
    if let Some(serve) = &arguments.serve {
        rollout.insert("serve".to_owned(), serve.as_str().into());
    }
    match &arguments.audience {
        Some(Value::Null) => drop(rollout.shift_remove("audience")),
        Some(audience) => drop(rollout.insert("audience".to_owned(), audience.clone())),
        None => {}
    }
    rollout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_a_number_up_to_a_hundred() {
        for (text, expected) in [
            ("25", "25"),
            ("25%", "25"),
            ("0.5 %", "0.5"),
            ("0", "0"),
            ("100", "100"),
        ] {
            assert_eq!(percentage(text).unwrap().to_string(), expected);
        }
        for text in ["", "%", "101", "-1", "a", "true", "1e3", "[1]"] {
            assert!(percentage(text).is_err(), "{text}");
        }
    }
}
