//! Fields of a rejected change, to be corrected on the page that shows the reasons: input is never lost.

use crate::form::Form;
use crate::problem::{Problem, Reason};
use crate::texts::{text, text_named};

use super::operation::InvalidField;

/// A field that people fill: its name, the id of its label, and its rows; one row is an input of one line.
const FIELDS: &[(&str, &str, usize)] = &[
    ("document", "document-label", 16),
    ("attributes", "tenant-attributes", 4),
    ("tenants", "tenants-ids", 3),
    ("variant", "tenants-override", 1),
    ("tier", "column-tier", 1),
    ("incident", "incident-label", 1),
    ("urgent_decision_maker", "promote-decision-maker", 1),
    ("urgent_incident", "promote-urgent-incident", 1),
    ("urgent_reason", "promote-urgent-reason", 1),
];

/// A field with what was typed.
pub(super) struct CorrectedField {
    pub(super) name: &'static str,
    /// The id of its label.
    pub(super) label: &'static str,
    pub(super) rows: usize,
    pub(super) value: String,
}

/// Returns the fields of a form to be corrected: those with a text, and the invalid one.
pub(super) fn corrected(form: &Form, invalid: Option<&InvalidField>) -> Vec<CorrectedField> {
    let field = |&(name, label, rows): &(&'static str, &'static str, usize)| {
        let value = form.raw(name)?;
        let is_invalid = invalid.is_some_and(|invalid| invalid.0 == name);
        (is_invalid || !value.trim().is_empty()).then(|| CorrectedField {
            name,
            label,
            rows,
            value: value.to_owned(),
        })
    };
    FIELDS.iter().filter_map(field).collect()
}

/// Returns the reason of the rejection of a field. Fields that people do not fill are named as in the form.
pub(super) fn reason(invalid: &InvalidField) -> Reason {
    let known = FIELDS.iter().find(|(name, ..)| *name == invalid.0);
    let label = known.map_or(invalid.0.into(), |(_, label, _)| text(label));
    let mut problem = Problem::invalid_form(text_named("field-invalid", &label).into_owned());
    if invalid.0 == "attributes" {
        problem.help = Some(text("tenant-attributes-hint").into_owned());
    }
    problem.reason()
}
