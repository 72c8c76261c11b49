//! Endpoints of the whole document: export and apply.

use changes::Change;
use config::{FlagsDocument, Report};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Api;
use super::change::{ChangeReply, change};
use super::handler::{AnyObject, NoBody, Reply, RequestBody};
use super::problem::ApiProblem;
use super::request::{ApiRequest, BodyFormat, MAX_DOCUMENT_BYTES};
use super::schema::RequestSchema;

/// A flags document, in JSON or YAML.
pub(crate) struct DocumentBody(FlagsDocument);

impl RequestBody for DocumentBody {
    const SCHEMA: RequestSchema = RequestSchema::Document(MAX_DOCUMENT_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, ApiProblem> {
        let document = match request.format {
            BodyFormat::Yaml => read(&request.body),
            BodyFormat::Json => json(request)?,
        };
        document.map(Self).map_err(|report| ApiProblem::invalid(&report))
    }
}

pub(crate) fn export(
    api: &Api,
    _: &ApiRequest,
    _: NoBody,
) -> Result<Reply<AnyObject<FlagsDocument>>, ApiProblem> {
    let state = api.control().read(|state, _| state.clone());
    Ok(Reply::at(state.revision, AnyObject(state.document)))
}

pub(crate) fn apply(api: &Api, request: &ApiRequest, DocumentBody(document): DocumentBody) -> ChangeReply {
    let apply = Change::ApplyDocument {
        document,
        prune: request.query.is("prune"),
        adopt: request.query.is("adopt"),
    };
    change(api, request, apply, None)
}

/// Parses a JSON body with the parser of files, so that its problems have the same places and texts.
///
/// # Errors
/// The body is not JSON.
fn json(request: &ApiRequest) -> Result<Result<FlagsDocument, Report>, ApiProblem> {
    // The parser of files reads YAML, and would accept a body that is not JSON.
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
            // YAML rejects escaped surrogate pairs, which JSON allows: write them as characters and parse again.
            let document: Value = request.json()?;
            read(format!("{document:#}").as_bytes())
        }
        found => found,
    })
}

fn read(text: &[u8]) -> Result<FlagsDocument, Report> {
    FlagsDocument::parse("document", text)
}
