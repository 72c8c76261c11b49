//! Query parameters: known names only, each at most once, each of its type.

use std::collections::BTreeSet;

use axum::extract::Query as AxumQuery;
use axum::http::Uri;
use changes::Event;
use rules::Timestamp;
use serde_json::{Value, json};

use super::codes;
use super::problem::ApiProblem;

/// A parameter of a query.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) parameter_type: ParameterType,
    pub(crate) description: &'static str,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterType {
    /// `true` or `false`.
    Boolean,
    /// An integer from the first to the second number.
    Integer(u32, u32),
    /// A string of at most this number of characters.
    Text(usize),
    /// An RFC 3339 time.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of an action in the audit log of the platform or of an org.
    Action,
}

/// The default number of items in a page.
pub(crate) const DEFAULT_PAGE: usize = 100;
/// The largest number of items in a page.
pub(crate) const MAX_PAGE: u32 = 1_000;
/// The longest reason, in characters.
pub(crate) const MAX_REASON: usize = 1_000;
/// The longest name in a query, in characters.
pub(crate) const MAX_NAME: usize = 256;

pub(crate) const LIMIT: Parameter = Parameter {
    name: "limit",
    parameter_type: ParameterType::Integer(1, MAX_PAGE),
    description: "The largest number of items in the answer; default: 100.",
};
pub(crate) const AFTER: Parameter = Parameter {
    name: "after",
    parameter_type: ParameterType::Text(MAX_NAME),
    description: "The `next` of the previous page.",
};
/// The keys of the flags that are listed, separated by commas: those of a page of another list.
pub(crate) const ONLY_FLAGS: Parameter = Parameter {
    name: "flags",
    parameter_type: ParameterType::Text(MAX_KEYS),
    description: "Lists only these flags: their keys, separated by commas. Unknown keys are ignored.",
};
/// The longest list of keys, in characters: 100 keys of the greatest length, and more of usual ones.
const MAX_KEYS: usize = 100 * MAX_NAME;
/// The longest text that is searched for, in characters.
const MAX_SEARCH: usize = 200;

/// Returns the parameter of a text that is searched for.
pub(crate) const fn search_parameter(description: &'static str) -> Parameter {
    Parameter {
        name: "search",
        parameter_type: ParameterType::Text(MAX_SEARCH),
        description,
    }
}

/// Returns a parameter that is a string.
pub(crate) const fn text_parameter(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        parameter_type: ParameterType::Text(MAX_NAME),
        description,
    }
}

/// Returns a parameter that is true or false.
pub(crate) const fn boolean_parameter(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        parameter_type: ParameterType::Boolean,
        description,
    }
}

/// Returns a parameter that is one of these words.
pub(crate) const fn word_parameter(
    name: &'static str,
    words: &'static [&'static str],
    description: &'static str,
) -> Parameter {
    Parameter {
        name,
        parameter_type: ParameterType::Word(words),
        description,
    }
}

/// Returns a parameter that is a time.
pub(crate) const fn time_parameter(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        parameter_type: ParameterType::Time,
        description,
    }
}

pub(crate) const ACTION: Parameter = Parameter {
    name: "action",
    parameter_type: ParameterType::Action,
    description: "Lists only entries of this action.",
};

pub(crate) const ABOUT_FLAG: Parameter = text_parameter("flag", "Lists only entries about this flag.");
pub(crate) const OF_ORG: Parameter = text_parameter("org", "Lists only entries of this org.");
pub(crate) const OF_ACTOR: Parameter = text_parameter("actor", "Lists only entries of this actor.");
pub(crate) const FROM: Parameter = time_parameter("from", "Lists only entries at or after this time.");
pub(crate) const UNTIL: Parameter = time_parameter("until", "Lists only entries before this time.");
pub(crate) const AFTER_ENTRY: Parameter = Parameter {
    name: "after",
    parameter_type: ParameterType::Integer(0, u32::MAX),
    description: "The `next` of the previous page: the id of an entry.",
};
const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    parameter_type: ParameterType::Boolean,
    description: "Computes the effects of the change, and applies nothing.",
};
const FORCE: Parameter = Parameter {
    name: "force",
    parameter_type: ParameterType::Boolean,
    description: "Applies the change even if it affects more tenants than `max_blast_radius`. Skips conditions of the stages of a rollout plan.",
};
const REASON: Parameter = Parameter {
    name: "reason",
    parameter_type: ParameterType::Text(MAX_REASON),
    description: "The reason, for the audit log.",
};
pub(crate) const DECISION_MAKER: Parameter = Parameter {
    name: "decision_maker",
    parameter_type: ParameterType::Text(MAX_REASON),
    description: "The person who decided to skip the conditions of a promotion for adopted flags; with `incident` and `reason`.",
};
pub(crate) const INCIDENT: Parameter = Parameter {
    name: "incident",
    parameter_type: ParameterType::Text(MAX_REASON),
    description: "The incident or ticket that requires it.",
};
/// The parameters of every change.
pub(crate) const CHANGE_PARAMETERS: &[Parameter] = &[DRY_RUN, FORCE];
/// The parameters of a change whose body has no member for the reason.
pub(crate) const BARE_CHANGE_PARAMETERS: &[Parameter] = &[DRY_RUN, FORCE, REASON];

/// The query of a request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Parses a query that may have the known parameters.
    ///
    /// # Errors
    /// A parameter is unknown, repeated, or not of its type.
    pub(crate) fn read<'p>(
        uri: &Uri,
        known: impl Iterator<Item = &'p Parameter> + Clone,
    ) -> Result<Self, ApiProblem> {
        let parameters: Vec<(String, String)> = AxumQuery::try_from_uri(uri)
            .map_err(|_| {
                ApiProblem::new(codes::INVALID_PARAMETER, "the query can't be read")
                    .help("write it as `name=value&name=value`, with special characters as `%20`")
            })?
            .0;
        for (index, (name, value)) in parameters.iter().enumerate() {
            let Some(parameter) = known.clone().find(|parameter| parameter.name == name) else {
                let names: Vec<&str> = known.clone().map(|parameter| parameter.name).collect();
                let help = match names.is_empty() {
                    true => "send no query".to_owned(),
                    false => format!("the parameters are: {}", names.join(", ")),
                };
                return Err(ApiProblem::new(
                    codes::UNKNOWN_PARAMETER,
                    format!("this path has no parameter `{name}`"),
                )
                .help(help));
            };
            if parameters.iter().take(index).any(|(before, _)| before == name) {
                let detail = format!("`{name}` is repeated");
                return Err(ApiProblem::new(codes::INVALID_PARAMETER, detail).help("send it once"));
            }
            if !parameter.parameter_type.accepts(value) {
                let detail = format!("`{name}` must be {}", parameter.parameter_type.expected());
                let help = format!("send {}, or omit it", parameter.parameter_type.expected());
                return Err(ApiProblem::new(codes::INVALID_PARAMETER, detail).help(help));
            }
        }
        Ok(Self { parameters })
    }

    /// Returns the text of a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, text) = self.parameters.iter().find(|(known, _)| known == name)?;
        Some(text)
    }

    /// Returns the keys in a parameter that is a list, in their order and each once.
    pub(crate) fn keys(&self, name: &str) -> Option<BTreeSet<&str>> {
        Some(self.text(name)?.split(',').map(str::trim).collect())
    }

    /// Returns true if a parameter is `true`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// Returns the number in a parameter.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok()
    }

    /// Returns the time in a parameter.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(self.text(name)?).ok()
    }
}

impl ParameterType {
    fn accepts(self, value: &str) -> bool {
        match self {
            Self::Boolean => matches!(value, "true" | "false"),
            Self::Integer(min, max) => {
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                digits
                    && value
                        .parse()
                        .is_ok_and(|number: u32| (min..=max).contains(&number))
            }
            Self::Text(max) => {
                let length = value.chars().count();
                (1..=max).contains(&length) && !value.chars().any(char::is_control)
            }
            Self::Time => Timestamp::parse(value).is_ok(),
            Self::Word(words) => words.contains(&value),
            Self::Action => !Event::named(value).is_empty(),
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Text(max) => format!("a text of 1 to {max} characters"),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Action => "an action such as platform.feature_flag_killed".to_owned(),
            Self::Time => "a time such as 2026-12-01T00:00:00Z".to_owned(),
        }
    }

    /// Returns the JSON Schema of the type.
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Text(max) => {
                json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" })
            }
            Self::Word(words) => json!({ "type": "string", "enum": words }),
            Self::Action => {
                let names = Event::ALL.map(|event| [event.platform_name(), event.org_name()]);
                let names: BTreeSet<&str> = names.into_iter().flatten().collect();
                json!({ "type": "string", "enum": names })
            }
            Self::Time => json!({ "type": "string", "format": "date-time" }),
        }
    }
}
