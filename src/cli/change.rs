//! The common options of all changes: dry run, force, reason, and revision.

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value};

use super::client::{ClientRequest, ClientResponse, Retry, encoded};
use super::command_hints::command_hint;
use super::exit::Exit;
use super::rejection::Intent;
use super::render::preview::{UnchangedTenants, dry_run_text, read_only_text};
use super::render::{json, printable};
use super::route;
use super::session::Session;

/// Options of every change.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Change")]
pub(super) struct ChangeOptions {
    /// Only prints which tenants would be served another variant.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Makes the change even if it changes more tenants than `max_blast_radius`.
    #[arg(long)]
    pub(super) force: bool,
    /// The reason, for the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Makes the change only if the store is still at this revision.
    #[arg(long, value_name = "REVISION")]
    pub(super) if_revision: Option<u64>,
}

/// The request of a change.
#[derive(Debug)]
pub(super) struct ChangeRequest {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: ChangeBody,
    flag: Option<String>,
    retry: Retry,
}

/// The body of a change.
#[derive(Debug)]
pub(super) enum ChangeBody {
    /// None. A reason goes into the query.
    None,
    /// Fields, with the reason as one of them.
    Fields(Map<String, Value>),
    /// A record or a document, which has no field for a reason. It goes into the query.
    Whole(Value),
}

impl ChangeBody {
    /// Creates a body of one field.
    pub(super) fn field(name: &str, value: impl Into<Value>) -> Self {
        Self::Fields(Map::from_iter([(name.to_owned(), value.into())]))
    }
}

impl ChangeRequest {
    pub(super) fn new(method: Method, path: impl Into<String>, body: ChangeBody) -> Self {
        Self {
            method,
            path: path.into(),
            body,
            flag: None,
            retry: Retry::Never,
        }
    }

    /// Creates the request of a change of a flag, at its path and this `part` of it.
    pub(super) fn of_flag(method: Method, key: &str, part: &str, body: ChangeBody) -> Self {
        Self::new(method, route::flag(key, part), body).about_flag(key)
    }

    /// Sets the flag that the change is about.
    pub(super) fn about_flag(mut self, key: &str) -> Self {
        self.flag = Some(key.to_owned());
        self
    }

    /// Marks the change as idempotent: it is sent again if the connection broke before any part of an answer arrived.
    pub(super) fn idempotent(mut self) -> Self {
        self.retry = Retry::Once;
        self
    }

    /// Converts the change into a request with these options and additional parameters.
    pub(super) fn into_request(self, options: &ChangeOptions, more: &[(&str, &str)]) -> ClientRequest {
        let mut query: Vec<(&str, &str)> = more.to_vec();
        if options.dry_run {
            query.push(("dry_run", "true"));
        }
        if options.force {
            query.push(("force", "true"));
        }
        let reason = options.reason.as_deref();
        let body = match self.body {
            ChangeBody::Fields(mut fields) => {
                if let Some(reason) = reason {
                    fields.insert("reason".to_owned(), reason.into());
                }
                Some(Value::Object(fields))
            }
            ChangeBody::None | ChangeBody::Whole(_) if reason.is_some() => {
                query.extend(reason.map(|reason| ("reason", reason)));
                self.body.whole()
            }
            other => other.whole(),
        };
        let mut request = ClientRequest::new(self.method, with_query(&self.path, &query));
        request.expected = options.if_revision;
        request.flag = self.flag;
        // With a revision a retry would fail if the first request was made, because that changed the revision.
        if options.if_revision.is_none() {
            request.retry = self.retry;
        }
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }
}

impl ChangeBody {
    fn whole(self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Fields(fields) => Some(Value::Object(fields)),
            Self::Whole(value) => Some(value),
        }
    }
}

/// Appends a query to a path.
pub(super) fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let mut text = path.to_owned();
    for (index, (name, value)) in query.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(&format!("{name}={}", encoded(value)));
    }
    text
}

/// Sends a change and prints its result: the text of `done`, or the preview of a dry run.
pub(super) fn apply(
    session: &Session,
    options: &ChangeOptions,
    change: ChangeRequest,
    unchanged: UnchangedTenants<'_>,
    done: impl FnOnce(&Value) -> String,
) -> Result<Exit> {
    let answer = session.send(&change.into_request(options, &[]), intent(options))?;
    print_result(session, options, &answer, unchanged, done)?;
    Ok(Exit::Success)
}

/// Returns the intent of a change with these options.
pub(super) fn intent(options: &ChangeOptions) -> Intent {
    if options.dry_run {
        Intent::DryRun
    } else {
        Intent::Change
    }
}

/// Prints the result of a change: the text of `done`, or the preview of a dry run.
pub(super) fn print_result(
    session: &Session,
    options: &ChangeOptions,
    answer: &ClientResponse,
    unchanged: UnchangedTenants<'_>,
    done: impl FnOnce(&Value) -> String,
) -> Result<()> {
    session.print_response(answer, |body| match options.dry_run {
        true => format!(
            "{}{}{}{}",
            dry_run_text(body, unchanged, options.force),
            overrides_text(body).trim_start(),
            notes_text(body).trim_start(),
            read_only_text(body).unwrap_or_default()
        ),
        false => applied_text(body, &done(body), &notes_text(body)),
    })
}

/// Renders the result of a change, with its revision and these notes.
pub(super) fn applied_text(body: &Value, done: &str, notes: &str) -> String {
    let revision =
        json::number(body, "revision").map_or(String::new(), |revision| format!("revision {revision}"));
    match body.get("changed").and_then(Value::as_bool) {
        Some(false) => format!("nothing to change   {revision}{notes}"),
        _ => format!(
            "{done}   {revision}{}{notes}{}",
            overrides_text(body),
            last_good_text(body)
        ),
    }
}

/// Returns a note for each override that has no effect.
fn overrides_text(body: &Value) -> String {
    let notes = json::list(body, "overrides_without_effect").iter().map(|found| {
        let text = |field| printable(json::text(found, field).unwrap_or_default());
        format!(
            "\nnote: the override of {} for {} has no effect now: {}",
            text("flag"),
            text("org"),
            text("reason")
        )
    });
    notes.collect()
}

/// Returns the notes of the server about the change. The help of a note names a command if there is one.
pub(super) fn notes_text(body: &Value) -> String {
    let notes = json::list(body, "notes").iter().map(|note| {
        let text = |field| json::text(note, field).unwrap_or_default();
        let help = command_hint(text("code")).unwrap_or_else(|| text("help"));
        format!("\nnote: {}\nhelp: {}", printable(text("detail")), printable(help))
    });
    notes.collect()
}

/// Returns the note of a change that the last good document does not contain yet.
fn last_good_text(body: &Value) -> &'static str {
    match json::text(body, "last_good") {
        Some("not_written") => {
            "\nnote: the last good document can't be written in time; if the store is lost now, a start without it does not \
             know this change"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ChangeOptions {
        ChangeOptions {
            dry_run: true,
            force: true,
            reason: Some("ticket 7 & more".into()),
            if_revision: Some(12),
        }
    }

    #[test]
    fn a_reason_goes_into_a_body_of_fields() {
        let change = ChangeRequest::new(Method::POST, "/x", ChangeBody::field("state", "beta"));
        let request = change.into_request(&options(), &[]);
        assert_eq!(
            (request.path.as_str(), request.expected),
            ("/x?dry_run=true&force=true", Some(12))
        );
        let (kind, body) = request.body.unwrap();
        assert_eq!(
            (kind, &*body),
            (
                "application/json",
                &br#"{"state":"beta","reason":"ticket 7 & more"}"#[..]
            )
        );
    }

    #[test]
    fn a_reason_goes_into_the_query_for_other_bodies() {
        for body in [ChangeBody::None, ChangeBody::Whole(serde_json::json!({}))] {
            let has_body = matches!(body, ChangeBody::Whole(_));
            let request =
                ChangeRequest::new(Method::PUT, "/x", body).into_request(&options(), &[("prune", "true")]);
            assert_eq!(
                request.path,
                "/x?prune=true&dry_run=true&force=true&reason=ticket%207%20%26%20more"
            );
            assert_eq!(request.body.is_some(), has_body);
        }
    }

    #[test]
    fn an_unchanged_state_is_not_shown_as_done() {
        let message = |body| applied_text(&body, "done", &notes_text(&body));
        assert_eq!(
            message(serde_json::json!({ "revision": 7, "changed": true })),
            "done   revision 7"
        );
        assert!(
            message(serde_json::json!({ "revision": 7, "changed": false })).starts_with("nothing to change")
        );
        let overrides = serde_json::json!({ "revision": 7, "changed": true, "overrides_without_effect": [
            { "org": "acme", "flag": "board", "reason": "not eligible at beta" },
        ] });
        assert_eq!(
            message(overrides),
            "done   revision 7\nnote: the override of board for acme has no effect now: not eligible at beta"
        );
        let reports = serde_json::json!({ "revision": 7, "changed": true, "notes": [
            { "code": "OPEN_REPORTS", "detail": "the check `reports` fails again", "help": "close them" },
        ] });
        assert_eq!(
            message(reports),
            "done   revision 7\nnote: the check `reports` fails again\nhelp: `sluice rollout reports FLAG` lists them; `sluice \
             rollout close-report FLAG ID`"
        );
        let note =
            "note: acmee has no record as a tenant; the report counts\nhelp: check the spelling of the org";
        for (changed, first) in [(true, "done"), (false, "nothing to change")] {
            let report = serde_json::json!({ "revision": 7, "changed": changed, "notes": [
                { "code": "UNKNOWN_ORG", "detail": "acmee has no record as a tenant; the report counts", "help": "check the spelling of the org" },
            ] });
            assert_eq!(message(report), format!("{first}   revision 7\n{note}"));
        }
        let not_written = serde_json::json!({ "revision": 7, "changed": true, "last_good": "not_written" });
        assert!(message(not_written).starts_with("done   revision 7\nnote: the last good document"));
    }
}
