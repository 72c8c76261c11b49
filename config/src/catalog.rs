//! A flags document with its compiled form. A change reads and compiles only the parts that it affects; the others are
//! shared.

mod draft;
mod edit;
mod edit_report;
mod field;
mod flags;
mod part;
mod tenants;

use std::sync::Arc;

use rules::{Eligibility, FlagId, Flags, Names, Tenants};

pub use self::edit::{Edit, JsonEdit};
pub use self::field::{read_default, read_exposure, read_rollout, read_tiers};
pub(crate) use self::part::read_field;
use crate::flags_document::FlagsDocument;
use crate::report::Report;

/// A flags document with its compiled form. A clone shares its parts.
#[derive(Debug, Clone)]
pub struct Catalog {
    document: FlagsDocument,
    eligibility: Eligibility,
    compiled: Compiled,
}

/// The compiled form of a document.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The flags.
    pub flags: Arc<Flags>,
    /// The tenants.
    pub tenants: Arc<Tenants>,
    /// The effect of the last change on ids.
    pub id_changes: IdChanges,
    /// True if there is a flag, or ever was one. Before, gates may name flags that do not exist yet.
    pub has_held_flags: bool,
    pub(crate) names: Arc<Names>,
}

/// The ids whose meaning a change has altered, for routes, identity and header plans that were compiled before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdChanges {
    /// None. New ids may have been added.
    None,
    /// These ids of flags, which were removed or have other variants, for example.
    Flags(Arc<[FlagId]>),
    /// All: ids of tiers changed, or conditions read further attributes, which requests may supply.
    All,
}

/// A change that is valid and not applied yet.
#[derive(Debug, Clone)]
pub struct Draft {
    edits: Vec<Edit>,
    compiled: Compiled,
}

impl Catalog {
    /// Compiles a document.
    ///
    /// # Errors
    /// All problems of the document.
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
    /// All problems of the document.
    pub fn of_json(eligibility: Eligibility, parts: &[JsonEdit]) -> Result<Self, Report> {
        let mut catalog = Self::empty(eligibility);
        let draft = catalog.draft_json(parts)?;
        catalog.apply(draft);
        Ok(catalog)
    }

    /// Returns the catalog of an empty document.
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

    /// Returns the compiled form of the document.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Compiles the document with `edits` applied. Of several edits of one part the last one counts. The catalog stays
    /// unchanged.
    ///
    /// # Errors
    /// All problems of the edited document. The place of a problem is a JSON pointer into that document.
    pub fn draft(&self, edits: Vec<Edit>) -> Result<Draft, Report> {
        match draft::compile(self, &edits) {
            Ok(compiled) => Ok(Draft { edits, compiled }),
            Err(_) => {
                let edits: Vec<JsonEdit> = edits.iter().map(Edit::to_json).collect();
                Err(self.explain(&edits))
            }
        }
    }

    /// Reads edits as JSON, and drafts them.
    ///
    /// # Errors
    /// All problems of the edited document, including the form of the edits.
    pub fn draft_json(&self, edits: &[JsonEdit]) -> Result<Draft, Report> {
        match JsonEdit::read(edits) {
            Some(read) => self.draft(read),
            None => Err(self.explain(edits)),
        }
    }

    /// Returns all problems of the document with these edits, which can't be read or drafted.
    #[must_use]
    pub fn explain(&self, edits: &[JsonEdit]) -> Report {
        edit_report::edit_report(self, edits)
    }

    /// Returns true if the document is valid with this edit alone. Faster than a report of the problems.
    #[must_use]
    pub fn accepts(&self, edit: Edit) -> bool {
        draft::compile(self, &[edit]).is_ok()
    }

    /// Applies a draft, which must have been made of the present document.
    pub fn apply(&mut self, draft: Draft) {
        for edit in draft.edits {
            self.document.edit(edit);
        }
        self.compiled = draft.compiled;
    }

    /// Records that there were flags, which have all been removed.
    pub fn set_has_held_flags(&mut self) {
        self.compiled.has_held_flags = true;
    }

    /// Sets the eligibility of flags to that of another environment.
    pub fn set_eligibility(&mut self, eligibility: Eligibility) {
        self.eligibility = eligibility;
        self.compiled.flags = Arc::new(self.compiled.flags.in_environment(eligibility));
    }
}

impl Draft {
    /// Returns the compiled form of the edited document.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }
}

impl Compiled {
    /// Returns true if flags, segments and tiers have the same names and ids as in `other`.
    #[must_use]
    pub fn same_names(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.names, &other.names)
    }

    fn empty(eligibility: Eligibility) -> Self {
        Self {
            flags: Arc::new(Flags::none(eligibility)),
            tenants: Arc::default(),
            id_changes: IdChanges::None,
            has_held_flags: false,
            names: Arc::default(),
        }
    }
}
