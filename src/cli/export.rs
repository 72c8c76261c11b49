//! `sluice export`: writes the active flags document.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::atomic_file::{AtomicFile, IfExists};
use super::client::ClientRequest;
use super::exit::Exit;
use super::rejection::Intent;
use super::required_members::RequiredMembers;
use super::session::{ConnectionOptions, Session};
use super::{output, route};

/// Writes the active flags document as JSON.
///
/// The document contains the flags with the settings of operators, the segments, and the tenants. YAML readers accept
/// JSON, too.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Writes to this file instead of standard output; it must not exist yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replaces an existing file, once the document is complete.
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let request = ClientRequest::get(route::DOCUMENT).with_media_type("application/json");
    let answer = session.send(&request, Intent::Read(RequiredMembers::Anything))?;
    let document = answer.json()?;
    let no_revision = answer.revision.is_none().then_some("it has no revision");
    if let Some(reason) = invalid(&document).or(no_revision) {
        return Err(session.invalid_download("a flags document", reason).into());
    }
    let mut text = serde_json::to_vec_pretty(&document)?;
    text.push(b'\n');
    let text = redact::escaped_json(&text);
    let Some(path) = &arguments.output else {
        std::io::stdout().lock().write_all(&text)?;
        return Ok(Exit::Success);
    };
    let mut file = AtomicFile::create(path, IfExists::from_force(arguments.force))?;
    file.write(&text)?;
    file.commit()?;
    let revision = answer
        .revision
        .map_or(String::new(), |revision| format!("   revision {revision}"));
    output::print_stderr(format_args!("exported to {}{revision}", path.display()));
    Ok(Exit::Success)
}

/// Returns the reason why the JSON is not a flags document. Only the parts that every version has are checked, because
/// a newer server may have sections that are unknown here.
fn invalid(document: &Value) -> Option<&'static str> {
    if document.get("version").and_then(Value::as_u64).is_none() {
        return Some("it has no `version`");
    }
    let sections = ["segments", "flags", "tenants"].map(|name| document.get(name));
    let all_objects = sections.iter().flatten().all(|section| section.is_object());
    (!all_objects).then_some("one of its sections is not an object")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_flags_document_has_a_version_and_object_sections() {
        for good in [
            json!({ "version": 1 }),
            json!({ "version": 1, "flags": {}, "tiers": [], "new": 1 }),
        ] {
            assert_eq!(invalid(&good), None, "{good}");
        }
        for bad in [
            json!({}),
            json!([]),
            json!({ "version": "1.0.3", "status": "ok" }),
            json!({ "version": 1, "flags": [] }),
        ] {
            assert!(invalid(&bad).is_some(), "{bad}");
        }
    }
}
