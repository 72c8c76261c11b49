//! The whole document: as it is in force, and brought in.

use std::path::PathBuf;

use config::Files;

use crate::change::Change;

use super::Api;
use super::answer::Answer;
use super::ask::{Ask, Written};
use super::change::change;
use super::problem::Problem;

pub(crate) fn export(api: &Api, _: &Ask) -> Result<Answer, Problem> {
    let (revision, document) = api.control().read(|state, _| (state.revision, state.document()));
    Ok(Answer::json(&document)?.at(revision))
}

pub(crate) fn apply(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    if ask.written == Written::Json {
        // What is no JSON is told as such; how the document must look is judged by what reads files.
        let _: serde::de::IgnoredAny = ask.json()?;
    }
    let name = PathBuf::from("document");
    let files = Files::Memory([(name.clone(), ask.body.to_vec())].into());
    let document = config::flags_document(files, &name).map_err(|report| Problem::invalid(&report))?;
    let apply = Change::ApplyDocument {
        document,
        prune: ask.query.is("prune"),
        adopt: ask.query.is("adopt"),
    };
    change(api, ask, apply, None)
}
