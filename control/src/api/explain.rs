//! Why a flag serves what it serves: the decision for a subject, with every step that was and was not taken.

use std::collections::BTreeMap;

use config::Compiled;
use rules::{
    AttributeId, AttributeValue, ClauseTrace, Found, MAX_SUBJECT_ATTRIBUTES, Outcome, RESERVED_ATTRIBUTES,
    Subject, TenantId, Timestamp, Value as Attribute, explain as explain_flag,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::refusal::{Code, Refusal};

use super::Api;
use super::answer::Answer;
use super::ask::Ask;
use super::codes;
use super::problem::Problem;

/// The most groups of a subject.
const MAX_GROUPS: usize = 512;

/// Who is asking for which flag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Question)]
pub(crate) struct Question {
    /// The flag's key.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z][A-Za-z0-9._-]*$")]
    flag: String,
    /// The tenant's id; left out: nobody in particular.
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    tenant: Option<String>,
    /// The user's id.
    user: Option<String>,
    /// The user's groups.
    #[serde(default)]
    #[schema(required = false, max_items = 512)]
    groups: Vec<Box<str>>,
    /// Attributes by name: texts, numbers, booleans, lists of texts. Those of the tenant's record come first.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, AttributeForm>)]
    attributes: BTreeMap<String, Value>,
    /// As of this time; left out: now.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// The form of a text, a number, a boolean or a list of texts.
pub(crate) struct AttributeForm;

impl ToSchema for AttributeForm {}

impl PartialSchema for AttributeForm {
    fn schema() -> RefOr<Schema> {
        let scalars = [Type::String, Type::Number, Type::Boolean];
        let text = ObjectBuilder::new().schema_type(Type::String);
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(SchemaType::from_iter(scalars)))
            .item(ArrayBuilder::new().items(text))
            .into()
    }
}

/// A decision and how it came about.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(crate) struct ExplanationBody {
    revision: u64,
    flag: String,
    /// Whether the tenant has a record.
    known_tenant: bool,
    variant: String,
    reason: &'static str,
    cause: &'static str,
    steps: Vec<StepBody>,
}

/// A line of the decision table.
#[derive(Serialize, ToSchema)]
#[schema(as = Step)]
struct StepBody {
    cause: &'static str,
    question: String,
    answer: String,
    note: String,
    /// `decided`, `passed`, `would pass` or `would serve VARIANT`.
    outcome: String,
    #[schema(value_type = Vec<super::flags::AnyObject>)]
    clauses: Vec<Value>,
}

pub(crate) fn explain(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let question: Question = ask.json()?;
    let at = match &question.at {
        None => ask.at,
        Some(text) => Timestamp::parse(text).map_err(|error| malformed(format!("`at` is {error}")))?,
    };
    if let Some(tenant) = &question.tenant {
        TenantId::parse(tenant).map_err(|error| malformed(error.to_string()))?;
    }
    if question.groups.len() > MAX_GROUPS || question.attributes.len() > MAX_SUBJECT_ATTRIBUTES {
        return Err(malformed(format!(
            "a subject has at most {MAX_GROUPS} groups and {MAX_SUBJECT_ATTRIBUTES} attributes"
        )));
    }
    let (revision, compiled) = api
        .control()
        .read(|state, compiled| (state.revision, compiled.clone()));
    let values = values(&question.attributes)?;
    let mut body = explained(&compiled, &question, &values, at).ok_or_else(|| {
        let detail = format!("no flag has the key `{}`", question.flag);
        Problem::refused(vec![Refusal::new(Code::FlagNotFound, detail)])
    })?;
    body.revision = revision.0;
    Ok(Answer::json(&body)?.at(revision))
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(codes::MALFORMED_BODY, detail)
        .cure("GET /api/v1/openapi.json says what a question looks like")
}

fn values(given: &BTreeMap<String, Value>) -> Result<Vec<(&str, AttributeValue)>, Problem> {
    let mut values = Vec::new();
    for (name, value) in given {
        if RESERVED_ATTRIBUTES.contains(&name.as_str()) {
            return Err(malformed(format!(
                "`{name}` is a reserved name and can't be an attribute"
            )));
        }
        let value = attribute(value)
            .ok_or_else(|| malformed(format!("`{name}` is no text, number, boolean or list of texts")))?;
        values.push((name.as_str(), value));
    }
    Ok(values)
}

fn attribute(value: &Value) -> Option<AttributeValue> {
    Some(match value {
        Value::String(text) => AttributeValue::String(text.as_str().into()),
        Value::Number(number) => AttributeValue::Number(number.as_f64()?),
        Value::Bool(boolean) => AttributeValue::Boolean(*boolean),
        Value::Array(items) => {
            let texts: Option<Box<[Box<str>]>> =
                items.iter().map(|item| item.as_str().map(Into::into)).collect();
            AttributeValue::List(texts?)
        }
        Value::Null | Value::Object(_) => return None,
    })
}

fn explained(
    compiled: &Compiled,
    question: &Question,
    values: &[(&str, AttributeValue)],
    at: Timestamp,
) -> Option<ExplanationBody> {
    let flags = &compiled.flags;
    let id = flags.id(&question.flag)?;
    let flag = flags.flag(id)?;
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
    };
    let explanation = explain_flag(flags, id, &subject, at)?;
    let variant = |id| {
        flag.variant(id)
            .map_or_else(String::new, |variant| variant.name.to_string())
    };
    let steps = explanation.steps.into_iter().map(|step| StepBody {
        cause: step.cause.as_str(),
        outcome: match step.outcome {
            Outcome::Passed => "passed".to_owned(),
            Outcome::Decided => "decided".to_owned(),
            Outcome::WouldPass => "would pass".to_owned(),
            Outcome::WouldServe(id) => format!("would serve {}", variant(id)),
        },
        clauses: step.clauses.iter().map(clause).collect(),
        question: step.question,
        answer: step.answer,
        note: step.note,
    });
    Some(ExplanationBody {
        revision: 0,
        flag: question.flag.clone(),
        known_tenant: record.is_some(),
        variant: variant(explanation.decision.variant),
        reason: explanation.decision.reason.as_str(),
        cause: explanation.decision.cause.as_str(),
        steps: steps.collect(),
    })
}

/// Without `found` for a segment, with null for what is missing.
fn clause(clause: &ClauseTrace) -> Value {
    match &clause.found {
        Found::Value(value) => json!({ "clause": clause.clause, "found": value, "holds": clause.holds }),
        Found::Missing => json!({ "clause": clause.clause, "found": null, "holds": clause.holds }),
        Found::Segment => json!({ "clause": clause.clause, "holds": clause.holds }),
    }
}
