//! The contract of the API as an OpenAPI 3.1 document, generated from the table of routes and the types of bodies.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::common_headers::REQUEST_ID;
use super::problem::ProblemBody;
use super::query::Parameter;
use super::request::PathNames;
use super::route::{Access, ApiRoute, PREFIX};
use super::schema::{RequestSchema, ResponseSchema, SchemaDefinitions, schema_of};
use super::table::routes;

/// The groups of operations, with their descriptions, in alphabetical order.
const TAGS: [(&str, &str); 7] = [
    ("audit", "Reads and verifies the audit log."),
    (
        "documents",
        "Explains decisions, exports and applies the whole document, and copies the store.",
    ),
    ("flags", "Reads and changes feature flags."),
    ("own org", "Self-service by the admins of an org."),
    ("rollouts", "Reads, prepares and operates rollout plans."),
    ("service", "Identifies the service, the caller and the contract."),
    (
        "tenants",
        "Reads and changes tenants (orgs), their overrides and their beta allowlists.",
    ),
];

/// Returns the group of an operation.
fn tag(route: &ApiRoute) -> &'static str {
    let path = route.path;
    let [audit, documents, flags, own_org, rollouts, service, tenants] = TAGS.map(|(name, _)| name);
    if path.contains("/audit") {
        audit
    } else if path.starts_with("/orgs/") {
        own_org
    } else if path.contains("/rollout/") || ["showRollout", "listRollouts"].contains(&route.name) {
        rollouts
    } else if path.starts_with("/platform/feature-flags") {
        flags
    } else if path.starts_with("/platform/orgs") {
        tenants
    } else if path.starts_with("/platform/") || path == "/explain" {
        documents
    } else {
        service
    }
}

/// Returns the OpenAPI document.
#[must_use]
pub fn document() -> Value {
    let mut definitions = SchemaDefinitions::new();
    let problem = schema_of::<ProblemBody<'_>>(&mut definitions);
    let mut paths = Map::new();
    paths.insert(PREFIX.to_owned(), super::identity::path(&mut definitions));
    for route in routes() {
        let operation = operation(route, &mut definitions);
        let path = paths
            .entry(format!("{PREFIX}{}", route.path))
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    let schemas: BTreeMap<String, Value> = definitions
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sluice admin API",
            "version": "1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Operates feature flags. The guide is docs/api.md.",
        },
        "servers": [{
            "url": "{scheme}://{address}",
            "description": "The admin listener.",
            "variables": {
                "scheme": { "enum": ["http", "https"], "default": "http", "description": "`https` with `admin.tls`." },
                "address": { "default": "127.0.0.1:9090", "description": "`admin.address` of sluice.yaml." },
            },
        }],
        "tags": TAGS.map(|(name, description)| json!({ "name": name, "description": description })),
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A static token, or a token of the configured issuer.",
            }},
            "responses": { "Problem": {
                "description": "The reason of the rejection or failure: a stable code, a sentence and, if there is one, help.",
                "headers": { REQUEST_ID.as_str(): { "schema": { "type": "string" } } },
                "content": { "application/problem+json": { "schema": problem } },
            }},
            "schemas": schemas,
        },
    })
}

fn operation(route: &ApiRoute, definitions: &mut SchemaDefinitions) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".into(), route.name.into());
    operation.insert("tags".into(), json!([tag(route)]));
    operation.insert("summary".into(), route.summary.into());
    let roles: Vec<&str> = route
        .permission
        .roles()
        .iter()
        .map(|role| role.as_str())
        .collect();
    operation.insert(
        "description".into(),
        format!("Roles: {}.", roles.join(", ")).into(),
    );
    let mut parameters: Vec<Value> = route.names().map(path_parameter).collect();
    parameters.extend(route.parameters().map(query_parameter));
    if matches!(route.access, Access::Change(_)) {
        parameters.push(if_match_parameter());
    }
    operation.insert("parameters".into(), parameters.into());
    match route.handler.request {
        RequestSchema::None => {}
        RequestSchema::Json(add_schema, limit)
        | RequestSchema::OptionalJson(add_schema, limit)
        | RequestSchema::Record(add_schema, limit) => {
            let schema = add_schema(definitions);
            let body = json!({
                "required": !matches!(route.handler.request, RequestSchema::OptionalJson(..)),
                "description": format!("At most {limit} bytes."),
                "content": { "application/json": { "schema": schema } },
            });
            operation.insert("requestBody".into(), body);
        }
        RequestSchema::Document(name, limit) => {
            let any = json!({ "schema": { "type": "object" } });
            let body = json!({
                "required": true,
                "description": format!("{name} of at most {limit} bytes."),
                "content": { "application/json": any, "application/yaml": any },
            });
            operation.insert("requestBody".into(), body);
        }
    }
    operation.insert("responses".into(), responses(route, definitions));
    Value::Object(operation)
}

fn responses(route: &ApiRoute, definitions: &mut SchemaDefinitions) -> Value {
    let schema = match route.handler.response {
        ResponseSchema::Json(add_schema)
        | ResponseSchema::JsonLines(add_schema)
        | ResponseSchema::Events(add_schema) => add_schema(definitions),
        ResponseSchema::Markdown => json!({ "type": "string" }),
        ResponseSchema::Bytes => json!({ "type": "string", "format": "binary" }),
    };
    let mut responses = Map::new();
    let good = json!({
        "description": "Success.",
        "headers": {
            REQUEST_ID.as_str(): { "schema": { "type": "string" } },
            "etag": { "description": "The revision that the body shows, if it depends on one.", "schema": { "type": "string" } },
        },
        "content": { route.handler.response.media_type(): { "schema": schema } },
    });
    responses.insert("200".into(), good);
    for status in problem_statuses(route) {
        let problem = json!({ "$ref": "#/components/responses/Problem" });
        responses.insert(status.to_string(), problem);
    }
    Value::Object(responses)
}

/// Returns the statuses of the problems that a route can return.
fn problem_statuses(route: &ApiRoute) -> Vec<u16> {
    let mut statuses = vec![400, 401, 403, 408, 413, 429, 500, 503];
    if route.names().next().is_some()
        // Its query may name a flag that does not exist.
        || route.name == "reportFlagTraffic"
        || matches!(
            (route.access, route.handler.request),
            (Access::Read, RequestSchema::Json(..))
        )
    {
        statuses.push(404);
    }
    if !matches!(route.handler.request, RequestSchema::None) {
        statuses.push(415);
    }
    if matches!(route.name, "explain" | "listFlags" | "setLogLevel") {
        statuses.push(422);
    }
    match route.access {
        // Without a store there is no log.
        Access::Read if route.path.contains("/audit") || route.path.ends_with("/tick") => statuses.push(409),
        Access::Read => {}
        Access::Change(_) => statuses.extend([404, 409, 412, 422]),
        Access::Audited(_) => statuses.push(409),
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

fn path_parameter(name: &str) -> Value {
    let (pattern, description) = PathNames::described(name).unwrap_or_default();
    let schema = json!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": pattern });
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
}

fn query_parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": parameter.parameter_type.schema(),
    })
}

fn if_match_parameter() -> Value {
    json!({
        "name": "If-Match",
        "in": "header",
        "description": "Applies the change only if the store is still at this revision: the `ETag` of an answer.",
        "schema": { "type": "string", "pattern": "^(\"[0-9]{1,19}\"|[0-9]{1,19})$" },
    })
}
