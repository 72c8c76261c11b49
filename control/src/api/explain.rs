//! Endpoint of explanations: of the decision of a flag, or of the handling of a request, with every step.

use std::collections::BTreeMap;

use changes::{Code, Refusal};
use config::Compiled;
use rules::{AttributeId, AttributeValue, Subject, TenantId, Timestamp, UserId, Value as Attribute};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::request_explanation::{
    ExplainedFlag, ExplainedLocalKill, ExplainedStep, RequestExplanation, Unexplained,
};
use crate::request_question::{
    AttributeForm, InvalidQuestion, MAX_GROUPS, RequestForm, attributes as attributes_of,
};

use super::Api;
use super::codes;
use super::handler::{AnyOf, Reply, RequestBody};
use super::local_kills::LocalKills;
use super::problem::ApiProblem;
use super::request::ApiRequest;
use super::request::MAX_BODY_BYTES;
use super::schema::{RequestSchema, SchemaDefinitions, schema_of};

/// A question about a flag: the flag and the subject.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlagQuestion)]
pub(crate) struct FlagQuestionBody {
    /// The flag's key.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z][A-Za-z0-9._-]*$")]
    flag: String,
    /// The tenant's id; absent: no tenant.
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    tenant: Option<String>,
    /// The user's id.
    user: Option<String>,
    /// The user's groups.
    #[serde(default)]
    #[schema(required = false, max_items = 512)]
    groups: Vec<Box<str>>,
    /// Attributes by name: strings, numbers, booleans, lists of strings. Those of the tenant's record take precedence.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, AttributeForm>)]
    attributes: BTreeMap<String, Value>,
    /// The time of the decision; default: now.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// A question about a request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestQuestion)]
pub(crate) struct RequestQuestionBody {
    /// The request.
    request: RequestForm,
    /// The time of the decisions; default: now. A token is always verified for the current time.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// The member that distinguishes the two questions.
#[derive(Deserialize)]
struct QuestionMembers {
    request: Option<serde::de::IgnoredAny>,
}

/// A decision and its steps.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagExplanation)]
pub(crate) struct ExplanationBody {
    revision: u64,
    flag: String,
    /// True if the tenant has a record.
    known_tenant: bool,
    variant: String,
    reason: &'static str,
    cause: &'static str,
    steps: Vec<ExplainedStep>,
    /// The kill by break-glass on this machine, if there is one: its end and its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    local_kill: Option<ExplainedLocalKill>,
}

/// A question about a flag, or about a request.
pub(crate) enum AnyQuestion {
    Flag(FlagQuestionBody),
    Request(RequestQuestionBody),
}

fn question_schema(definitions: &mut SchemaDefinitions) -> Value {
    json!({ "oneOf": [schema_of::<FlagQuestionBody>(definitions), schema_of::<RequestQuestionBody>(definitions)] })
}

impl RequestBody for AnyQuestion {
    const SCHEMA: RequestSchema = RequestSchema::Json(question_schema, MAX_BODY_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, ApiProblem> {
        match request.json::<QuestionMembers>()?.request {
            Some(_) => request.json().map(Self::Request),
            None => request.json().map(Self::Flag),
        }
    }
}

/// The explanation of a decision, or of a request.
type AnyExplanation = AnyOf<ExplanationBody, RequestExplanation>;

pub(crate) fn explain(
    api: &Api,
    request: &ApiRequest,
    body: AnyQuestion,
) -> Result<Reply<AnyExplanation>, ApiProblem> {
    match body {
        AnyQuestion::Request(question) => explain_request(api, request, question),
        AnyQuestion::Flag(question) => explain_flag(api, request, question),
    }
}

fn explain_request(
    api: &Api,
    request: &ApiRequest,
    question: RequestQuestionBody,
) -> Result<Reply<AnyExplanation>, ApiProblem> {
    let RequestQuestionBody { request: form, at } = question;
    let at = time(at.as_deref(), request)?;
    let question = form.read().map_err(invalid)?;
    let explanation = api.explainer().explain(&question, at);
    let mut explanation = explanation.map_err(|unexplained| match unexplained {
        Unexplained::NotRunning => {
            ApiProblem::new(codes::DEFECT, "the request could not be explained").cause(unexplained)
        }
        Unexplained::Question(question) => invalid(question),
    })?;
    let kills = LocalKills::at(api.control(), request.at);
    for flag in explanation.gate.iter_mut().flat_map(|gate| &mut gate.flags) {
        flag.local_kill = kills.of(&flag.flag);
        if let Some(kill) = &flag.local_kill {
            kill.annotate(&mut flag.steps);
        }
    }
    Ok(Reply::new(AnyOf::Second(explanation)))
}

fn explain_flag(
    api: &Api,
    request: &ApiRequest,
    question: FlagQuestionBody,
) -> Result<Reply<AnyExplanation>, ApiProblem> {
    let at = time(question.at.as_deref(), request)?;
    if let Some(tenant) = &question.tenant {
        TenantId::check(tenant).map_err(|error| invalid(error.into()))?;
    }
    if let Some(user) = &question.user {
        UserId::check(user).map_err(|error| invalid(error.into()))?;
    }
    if question.groups.len() > MAX_GROUPS {
        return Err(invalid(InvalidQuestion::TooMuchOfSubject));
    }
    let (revision, mut compiled) = api
        .control()
        .read(|state, compiled| (state.revision, compiled.clone()));
    let kills = LocalKills::at(api.control(), at);
    compiled.flags = kills.apply_to(&compiled.flags);
    let values = attributes_of(&question.attributes).map_err(invalid)?;
    let mut body = flag_explanation(&compiled, &question, &values, at).ok_or_else(|| {
        let detail = format!("no flag has the key `{}`", question.flag);
        ApiProblem::rejected(vec![Refusal::new(Code::FlagNotFound, detail)])
    })?;
    body.revision = revision.0;
    body.local_kill = kills.of(&question.flag);
    if let Some(kill) = &body.local_kill {
        kill.annotate(&mut body.steps);
    }
    Ok(Reply::at(revision, AnyOf::First(body)))
}

/// Parses the time in the question; default: the time of the request.
fn time(at: Option<&str>, request: &ApiRequest) -> Result<Timestamp, ApiProblem> {
    let at = at.map(|text| Timestamp::parse(text).map_err(|error| malformed(format!("`at` is {error}"))));
    at.unwrap_or(Ok(request.at))
}

fn invalid(question: InvalidQuestion) -> ApiProblem {
    match &question {
        InvalidQuestion::SenderTwice | InvalidQuestion::NoTenant => {
            ApiProblem::new(codes::INVALID_QUESTION, question.to_string())
                .help("send `token`, or `tenant` with or without `user` and `groups`, or neither")
        }
        InvalidQuestion::UnknownListener { .. } => {
            ApiProblem::new(codes::INVALID_QUESTION, question.to_string())
                .help("send the name of a listener, or none for the first one")
        }
        InvalidQuestion::Client => ApiProblem::new(codes::INVALID_QUESTION, question.to_string())
            .help("send an IPv4 or IPv6 address, or none if the address is not known"),
        InvalidQuestion::User(_) => ApiProblem::new(codes::INVALID_QUESTION, question.to_string())
            .help("a token with such a user counts as one without a user: omit `user`"),
        // The contract has patterns and limits for the other members: a client can know that they are malformed.
        InvalidQuestion::Method
        | InvalidQuestion::LineBreak
        | InvalidQuestion::Tenant(_)
        | InvalidQuestion::Header
        | InvalidQuestion::Reserved { .. }
        | InvalidQuestion::Attribute { .. }
        | InvalidQuestion::TooMuchOfSubject
        | InvalidQuestion::TooManyHeaders => malformed(question.to_string()),
    }
}

fn malformed(detail: impl Into<String>) -> ApiProblem {
    ApiProblem::new(codes::MALFORMED_BODY, detail).help("GET /api/v1/openapi.json describes the body")
}

fn flag_explanation(
    compiled: &Compiled,
    question: &FlagQuestionBody,
    values: &[(String, AttributeValue)],
    at: Timestamp,
) -> Option<ExplanationBody> {
    let flags = &compiled.flags;
    let record = question
        .tenant
        .as_deref()
        .and_then(|tenant| compiled.tenants.find(tenant));
    let attributes: Vec<(AttributeId, Attribute<'_>)> = values
        .iter()
        .filter_map(|(name, value)| Some((flags.attribute_id(name)?, value.as_value())))
        .collect();
    let subject = Subject {
        tenant: question.tenant.as_deref(),
        record,
        user: question.user.as_deref(),
        groups: &question.groups,
        attributes: &attributes,
        ..Subject::default()
    };
    let ExplainedFlag {
        flag,
        variant,
        reason,
        cause,
        steps,
        local_kill,
    } = ExplainedFlag::of(flags, flags.id(&question.flag)?, &subject, at)?;
    Some(ExplanationBody {
        revision: 0,
        flag,
        known_tenant: record.is_some(),
        variant,
        reason,
        cause,
        steps,
        local_kill,
    })
}
