//! The whole document: as it is in force, and brought in.

use changes::Change;
use config::{FlagsDocument, Report};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Api;
use super::change::{Changes, change};
use super::handler::{AnyObject, NoBody, Reply, RequestBody};
use super::problem::Problem;
use super::request::{ApiRequest, MAX_DOCUMENT_BYTES, Written};
use super::route::RequestSchema;

/// A flags document, in JSON or YAML.
pub(crate) struct DocumentBody(FlagsDocument);

impl RequestBody for DocumentBody {
    const SCHEMA: RequestSchema = RequestSchema::Document(MAX_DOCUMENT_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, Problem> {
        let document = match request.written {
            Written::Yaml => read(&request.body),
            Written::Json => json(request)?,
        };
        document.map(Self).map_err(|report| Problem::invalid(&report))
    }
}

pub(crate) fn export(
    api: &Api,
    _: &ApiRequest,
    _: NoBody,
) -> Result<Reply<AnyObject<FlagsDocument>>, Problem> {
    let state = api.control().read(|state, _| state.clone());
    Ok(Reply::at(state.revision, AnyObject(state.document)))
}

pub(crate) fn apply(api: &Api, request: &ApiRequest, DocumentBody(document): DocumentBody) -> Changes {
    let apply = Change::ApplyDocument {
        document,
        prune: request.query.is("prune"),
        adopt: request.query.is("adopt"),
    };
    change(api, request, apply, None)
}

/// What is no JSON is told as such; how the document must look is judged by what reads files. That is a reader of
/// YAML, which refuses some of JSON (pairs of surrogates): where it can make nothing of the text, it is given the
/// same document written otherwise.
fn json(request: &ApiRequest) -> Result<Result<FlagsDocument, Report>, Problem> {
    let _: IgnoredAny = request.json()?;
    let read_as_sent = read(&request.body);
    let is_unread = |report: &Report| {
        report
            .problems()
            .iter()
            .any(|problem| problem.code == "yaml-syntax")
    };
    Ok(match read_as_sent {
        Err(report) if is_unread(&report) => {
            let document: Value = request.json()?;
            read(format!("{document:#}").as_bytes())
        }
        found => found,
    })
}

fn read(text: &[u8]) -> Result<FlagsDocument, Report> {
    FlagsDocument::parse("document", text)
}
