//! `sluice schema`: prints the JSON Schema of the documents, for editors.

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::output;

/// Prints the JSON Schema of a document, for editors and for CI.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The document.
    #[arg(value_enum, default_value_t = DocumentKind::Sluice)]
    document: DocumentKind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DocumentKind {
    /// sluice.yaml: listeners, issuers, upstreams, routes.
    Sluice,
    /// flags.yaml: flags, segments, tenants.
    Flags,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let schema = match arguments.document {
        DocumentKind::Sluice => config::sluice_schema(),
        DocumentKind::Flags => config::flags_schema(),
    };
    output::print(format_args!("{schema:#}"))?;
    Ok(Exit::Success)
}
