//! Lists: all pages for people, one unchanged page for scripts.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::change::with_query;
use super::output::{self, OutputFormat, print_body};
use super::render::{TextTable, json};
use super::required_members::RequiredMembers;
use super::session::Session;

/// Largest number of pages.
const MAX_PAGES: usize = 1_000;
/// Number of items per page.
const PAGE_SIZE: &str = "1000";

/// Options of a list.
#[derive(Debug, Args)]
pub(super) struct PageOptions {
    /// Prints at most this many items [default: all; with --json: one page].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Continues after the `next` of a page.
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
}

/// Prints the list in `field`, one row per item, or `nothing` if it is empty.
pub(super) fn print_list<const N: usize>(
    session: &Session,
    (path, query): (&str, &[(&str, &str)]),
    page: &PageOptions,
    field: &'static str,
    (headings, row): ([&'static str; N], impl Fn(&Value) -> [String; N]),
    nothing: &str,
) -> Result<()> {
    let mut table = TextTable::new(headings);
    let mut left = page
        .limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut after = page.after.clone();
    // Bounded, so that a server that always returns a `next` can't keep the command running.
    for _ in 0..MAX_PAGES {
        let limit = left.min(1_000).to_string();
        let limit = if left == usize::MAX { PAGE_SIZE } else { &limit };
        let mut parameters = query.to_vec();
        parameters.push(("limit", limit));
        parameters.extend(after.as_deref().map(|after| ("after", after)));
        let answer = session.read(with_query(path, &parameters), RequiredMembers::List(field))?;
        if session.format() == OutputFormat::Json {
            return Ok(print_body(&answer.body)?);
        }
        let body = answer.json()?;
        let items = json::list(&body, field);
        for item in items.iter().take(left) {
            table.row(row(item));
        }
        left = left.saturating_sub(items.len());
        after = body.get("next").filter(|next| !next.is_null()).map(json::word);
        if after.is_none() || left == 0 {
            break;
        }
    }
    output::print(table.render(nothing).trim_end())?;
    if let Some(after) = after {
        output::print_stderr(format_args!(
            "there is more: --after {}",
            super::render::printable(&after)
        ));
    }
    Ok(())
}
