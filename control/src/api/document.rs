//! The whole document: as it is in force, and brought in.

use changes::Change;
use config::{FlagsDocument, Report};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Api;
use super::ask::{Ask, MAX_DOCUMENT_BYTES, Written};
use super::change::{Changes, change};
use super::handler::{AnyObject, NoBody, Reply, RequestBody};
use super::problem::Problem;
use super::route::Body;

/// A flags document, in JSON or YAML.
pub(crate) struct SentDocument(FlagsDocument);

impl RequestBody for SentDocument {
    const BODY: Body = Body::Document(MAX_DOCUMENT_BYTES);

    fn read(ask: &Ask) -> Result<Self, Problem> {
        let document = match ask.written {
            Written::Yaml => read(&ask.body),
            Written::Json => json(ask)?,
        };
        document.map(Self).map_err(|report| Problem::invalid(&report))
    }
}

pub(crate) fn export(api: &Api, _: &Ask, _: NoBody) -> Result<Reply<AnyObject<FlagsDocument>>, Problem> {
    let state = api.control().read(|state, _| state.clone());
    Ok(Reply::at(state.revision, AnyObject(state.document)))
}

pub(crate) fn apply(api: &Api, ask: &Ask, SentDocument(document): SentDocument) -> Changes {
    let apply = Change::ApplyDocument {
        document,
        prune: ask.query.is("prune"),
        adopt: ask.query.is("adopt"),
    };
    change(api, ask, apply, None)
}

/// What is no JSON is told as such; how the document must look is judged by what reads files. That is a reader of
/// YAML, which refuses some of JSON (pairs of surrogates): where it can make nothing of the text, it is given the
/// same document written otherwise.
fn json(ask: &Ask) -> Result<Result<FlagsDocument, Report>, Problem> {
    let _: IgnoredAny = ask.json()?;
    let read_as_sent = read(&ask.body);
    let is_unread = |report: &Report| {
        report
            .problems()
            .iter()
            .any(|problem| problem.code == "yaml-syntax")
    };
    Ok(match read_as_sent {
        Err(report) if is_unread(&report) => {
            let document: Value = ask.json()?;
            read(format!("{document:#}").as_bytes())
        }
        found => found,
    })
}

fn read(text: &[u8]) -> Result<FlagsDocument, Report> {
    FlagsDocument::parse("document", text)
}
