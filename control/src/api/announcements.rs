//! Endpoint that drafts the texts that people publish about a flag.

use changes::{Announced, announcement};
use rules::Lifecycle;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::query::{Parameter, ParameterType};
use super::request::ApiRequest;

/// The subject of a draft.
pub(super) const SUBJECT: Parameter = Parameter {
    name: "for",
    parameter_type: ParameterType::Word(&["beta", "ga", "revert"]),
    description: "The subject of the text. Default: `ga` for a flag at ga or retired, `beta` for others.",
};

/// A draft of a text about a flag, from the facts in the store.
#[derive(Serialize, ToSchema)]
#[schema(as = Announcement)]
pub(crate) struct AnnouncementBody {
    revision: u64,
    flag: String,
    /// `beta`, `ga` or `revert`.
    r#for: &'static str,
    /// The draft, with its changelog entry. A fact that is not known is marked with `[missing: ..]`.
    markdown: String,
}

pub(crate) fn draft(
    api: &Api,
    request: &ApiRequest,
    _: NoBody,
) -> Result<Reply<AnnouncementBody>, ApiProblem> {
    let key = request.flag();
    let named = request.query.text("for").and_then(Announced::parse);
    let (revision, subject, markdown) = api.control().read(|state, _| {
        let lifecycle = state.flag(key).and_then(|flag| flag.lifecycle());
        let subject = named.unwrap_or(match lifecycle {
            Some(Lifecycle::Ga | Lifecycle::Retired) => Announced::Ga,
            _ => Announced::Beta,
        });
        (state.revision, subject, announcement(state, key, subject))
    });
    let markdown = markdown.ok_or_else(|| ApiProblem::flag_not_found(key))?;
    let body = AnnouncementBody {
        revision: revision.0,
        flag: key.to_owned(),
        r#for: subject.as_str(),
        markdown,
    };
    Ok(Reply::at(revision, body))
}
