//! Endpoint that drafts the texts that people publish about a flag.

use changes::{Announced, Code, Refusal, announcement};
use rules::Lifecycle;
use serde::Serialize;
use utoipa::ToSchema;

use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use super::{Api, codes};

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
    let written = request.query.text("for");
    let named = written.and_then(Announced::parse);
    if written.is_some() && named.is_none() {
        let problem = ApiProblem::new(
            codes::INVALID_PARAMETER,
            "`for` is the subject of the text: beta, ga or revert",
        );
        return Err(problem.help("send one of them, such as `?for=beta`"));
    }
    let (revision, subject, markdown) = api.control().read(|state, _| {
        let lifecycle = state.flag(key).and_then(|flag| flag.lifecycle());
        let subject = named.unwrap_or(match lifecycle {
            Some(Lifecycle::Ga | Lifecycle::Retired) => Announced::Ga,
            _ => Announced::Beta,
        });
        (state.revision, subject, announcement(state, key, subject))
    });
    let markdown = markdown.ok_or_else(|| {
        let refusal = Refusal::new(Code::FlagNotFound, format!("no flag has the key `{key}`"));
        ApiProblem::rejected(vec![
            refusal.help("GET /api/v1/platform/feature-flags lists them"),
        ])
    })?;
    let body = AnnouncementBody {
        revision: revision.0,
        flag: key.to_owned(),
        r#for: subject.as_str(),
        markdown,
    };
    Ok(Reply::at(revision, body))
}
