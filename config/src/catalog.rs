//! A flags document and what it compiles to. A change reads and compiles the parts that it touches; the others are
//! shared.

mod draft;
mod edit;
mod flags;
mod part;
mod refused;
mod tenants;

use std::sync::Arc;

use rules::{Eligibility, FlagId, Flags, Names, Tenants};

pub use self::edit::{Edit, JsonEdit};
use crate::flags_document::FlagsDocument;
use crate::report::Report;

/// A flags document and what it compiles to. A clone shares its parts.
#[derive(Debug, Clone)]
pub struct Catalog {
    document: FlagsDocument,
    eligibility: Eligibility,
    compiled: Compiled,
}

/// What a document compiles to.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The flags.
    pub flags: Arc<Flags>,
    /// The tenants.
    pub tenants: Arc<Tenants>,
    /// What the ids mean that were given before the change.
    pub ids: Ids,
    pub(crate) names: Arc<Names>,
}

/// What ids mean after a change, to routes, identity and header plans that were compiled before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ids {
    /// What they meant. There may be more of them.
    Kept,
    /// The same, but for these of flags: they are gone, or have other variants, say.
    Moved(Arc<[FlagId]>),
    /// Tiers have others, or there are more attributes, which a request may have.
    Other,
}

/// A change that was found good and has not been made.
#[derive(Debug)]
pub struct Draft {
    edits: Vec<Edit>,
    compiled: Compiled,
}

impl Catalog {
    /// Compiles a document.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn new(eligibility: Eligibility, document: FlagsDocument) -> Result<Self, Report> {
        let parts = document.clone();
        let mut catalog = Self::empty(eligibility);
        let draft = catalog.draft(parts.into_edits())?;
        catalog.compiled = draft.compiled;
        catalog.document = document;
        Ok(catalog)
    }

    /// Reads and compiles the parts of a document.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn of_json(eligibility: Eligibility, parts: &[JsonEdit]) -> Result<Self, Report> {
        let mut catalog = Self::empty(eligibility);
        let draft = catalog.draft_json(parts)?;
        catalog.adopt(draft);
        Ok(catalog)
    }

    /// A document without any part.
    #[must_use]
    pub fn empty(eligibility: Eligibility) -> Self {
        Self {
            document: FlagsDocument::default(),
            eligibility,
            compiled: Compiled::empty(eligibility),
        }
    }

    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> &FlagsDocument {
        &self.document
    }

    /// Returns what it compiles to.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Compiles the document as it would be with `edits`, of which for each part the last counts. Nothing is
    /// changed.
    ///
    /// # Errors
    /// Everything that would be wrong with it. The place of a problem is a JSON pointer into the document as it would
    /// be.
    pub fn draft(&self, edits: Vec<Edit>) -> Result<Draft, Report> {
        match draft::compile(self, &edits) {
            Ok(compiled) => Ok(Draft { edits, compiled }),
            Err(_) => {
                let edits: Vec<JsonEdit> = edits.iter().map(Edit::to_json).collect();
                Err(self.explain(&edits))
            }
        }
    }

    /// Reads and drafts edits.
    ///
    /// # Errors
    /// Everything that would be wrong with the document, the form of the edits included.
    pub fn draft_json(&self, edits: &[JsonEdit]) -> Result<Draft, Report> {
        match JsonEdit::read(edits) {
            Some(read) => self.draft(read),
            None => Err(self.explain(edits)),
        }
    }

    /// Returns everything that would be wrong with the document with edits that can't be read or drafted.
    #[must_use]
    pub fn explain(&self, edits: &[JsonEdit]) -> Report {
        refused::report(self, edits)
    }

    /// Returns true if the document would be valid with this edit alone. Why it would not be is not looked for.
    #[must_use]
    pub fn takes(&self, edit: Edit) -> bool {
        draft::compile(self, &[edit]).is_ok()
    }

    /// Makes a change that was drafted of this document as it is.
    pub fn adopt(&mut self, draft: Draft) {
        for edit in draft.edits {
            self.document.edit(edit);
        }
        self.compiled = draft.compiled;
    }

    /// Judges flags by another environment's rules from now on.
    pub fn move_to(&mut self, eligibility: Eligibility) {
        self.eligibility = eligibility;
        self.compiled.flags = Arc::new(self.compiled.flags.in_environment(eligibility));
    }
}

impl Draft {
    /// Returns what the document would compile to.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }
}

impl Compiled {
    /// Whether there are the flags, segments and tiers that there are in `other`, and they stand for the same.
    #[must_use]
    pub fn same_names(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.names, &other.names)
    }

    fn empty(eligibility: Eligibility) -> Self {
        Self {
            flags: Arc::new(Flags::none(eligibility)),
            tenants: Arc::default(),
            ids: Ids::Kept,
            names: Arc::default(),
        }
    }
}
