//! Endpoints of the whole document: export and apply.

use changes::{Change, NewFlags, Urgent};
use config::{FlagsDocument, Report};
use serde::de::IgnoredAny;

use super::Api;
use super::change::{ChangeReply, change};
use super::codes;
use super::handler::{AnyObject, NoBody, Reply, RequestBody};
use super::problem::ApiProblem;
use super::query::{DECISION_MAKER, INCIDENT};
use super::request::{ApiRequest, BodyFormat, MAX_DOCUMENT_BYTES};
use super::schema::RequestSchema;

/// A flags document, in JSON or YAML. The operation parses it, so that it can limit the number of documents that are parsed
/// at a time.
pub(crate) struct DocumentBody;

impl RequestBody for DocumentBody {
    const SCHEMA: RequestSchema =
        RequestSchema::Document("A flags document (schemas/flags.schema.json)", MAX_DOCUMENT_BYTES);

    fn read(_: &ApiRequest) -> Result<Self, ApiProblem> {
        Ok(Self)
    }
}

pub(crate) fn export(
    api: &Api,
    _: &ApiRequest,
    _: NoBody,
) -> Result<Reply<AnyObject<FlagsDocument>>, ApiProblem> {
    let state = api.control().read(|state, _| state.clone());
    Ok(Reply::at(
        state.revision,
        AnyObject(state.document.without_stored_fields()),
    ))
}

pub(crate) fn apply(api: &Api, request: &ApiRequest, _: DocumentBody) -> ChangeReply {
    let apply = Change::ApplyDocument {
        document: document(api, request)?,
        prune: request.query.is("prune"),
        new_flags: new_flags(request)?,
    };
    change(api, request, apply, None)
}

/// Returns the lifecycle of new flags that the query asks for.
///
/// # Errors
/// A justification without `adopt`, which would have no effect.
fn new_flags(request: &ApiRequest) -> Result<NewFlags, ApiProblem> {
    let text = |name: &str| request.query.text(name).map(str::to_owned);
    let (decision_maker, incident) = (text(DECISION_MAKER.name), text(INCIDENT.name));
    let has_justification = decision_maker.is_some() || incident.is_some();
    if !request.query.is("adopt") {
        return match has_justification {
            false => Ok(NewFlags::Alpha),
            true => Err(ApiProblem::new(
                codes::INVALID_PARAMETER,
                "`decision_maker` and `incident` justify `adopt=true`, which is not there",
            )
            .help("add `adopt=true`, or omit both")),
        };
    }
    let urgent = has_justification.then(|| Urgent {
        decision_maker: decision_maker.unwrap_or_default(),
        incident: incident.unwrap_or_default(),
        reason: text("reason").unwrap_or_default(),
    });
    Ok(NewFlags::Adopted { urgent })
}

/// Parses the body. The tree of a document of the maximum size takes up to a gigabyte, so one document is parsed at a
/// time.
///
/// # Errors
/// The body is not a document.
fn document(api: &Api, request: &ApiRequest) -> Result<FlagsDocument, ApiProblem> {
    let _alone = api.parsing.lock();
    let document = match request.format {
        BodyFormat::Yaml => read(&request.body),
        BodyFormat::Json => json(request)?,
    };
    document.map_err(|report| ApiProblem::invalid(&report))
}

/// Parses a JSON body with the parser of files, so that its problems have the same places and texts.
///
/// # Errors
/// The body is not JSON.
fn json(request: &ApiRequest) -> Result<Result<FlagsDocument, Report>, ApiProblem> {
    // The parser of files reads YAML, and would accept a body that is not JSON.
    let _: IgnoredAny = request.json()?;
    Ok(read(&request.body))
}

fn read(text: &[u8]) -> Result<FlagsDocument, Report> {
    FlagsDocument::parse("document", text)
}
