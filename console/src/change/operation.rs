//! Operations that forms name, and the changes that they ask for.

use crate::admin_api::Call;
use crate::form::Form;
use crate::receipt::FormButton;
use crate::texts::{text_named, text_pair};

use super::{flag_operations, org_operations, rollout_operations, tenant_operations};

/// An operation of forms.
pub(crate) struct Operation {
    /// Its name in the field `operation`.
    pub(crate) name: &'static str,
    /// The operation of the API that it sends, by its name in the OpenAPI document.
    pub(crate) sends: &'static str,
    /// Reads the change from the other fields.
    pub(crate) read: fn(&Form) -> Result<Change, InvalidField>,
}

/// A change in words.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// The change that is asked for, as on its button.
    pub(crate) title: String,
    /// The change that was made, as on its receipt.
    pub(crate) done: String,
}

/// A change that a form asks for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) words: Words,
    /// The request of the change, without its reason.
    pub(crate) call: Call,
    /// The page of what is changed.
    pub(crate) back: String,
    /// The form that undoes the change, if one does.
    pub(crate) undo: Option<FormButton>,
}

impl Words {
    /// Returns the words about `name`. `id` is the part of the ids of both texts after `change-` and `done-`.
    pub(crate) fn named(id: &str, name: &str) -> Self {
        Self {
            title: text_named(&format!("change-{id}"), name).into_owned(),
            done: text_named(&format!("done-{id}"), name).into_owned(),
        }
    }

    /// Returns the words about `name` and `to`.
    pub(crate) fn pair(id: &str, name: &str, to: &str) -> Self {
        Self {
            title: text_pair(&format!("change-{id}"), name, to).into_owned(),
            done: text_pair(&format!("done-{id}"), name, to).into_owned(),
        }
    }
}

/// A field that is absent or malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidField(pub(crate) &'static str);

/// Returns the operation with this name.
pub(crate) fn operation(name: &str) -> Option<&'static Operation> {
    operations().find(|operation| operation.name == name)
}

fn operations() -> impl Iterator<Item = &'static Operation> {
    flag_operations::OPERATIONS
        .iter()
        .chain(rollout_operations::OPERATIONS)
        .chain(tenant_operations::OPERATIONS)
        .chain(org_operations::OPERATIONS)
}

/// Returns a field that the operation needs.
pub(crate) fn required<'f>(form: &'f Form, field: &'static str) -> Result<&'f str, InvalidField> {
    form.text(field).ok_or(InvalidField(field))
}

/// Returns the fields of a form by which an operation undoes another one.
pub(crate) fn fields(operation: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let named = [("operation", operation)];
    let all = named.iter().chain(fields);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_sends_one_of_the_api() {
        for operation in operations() {
            let mut routes = control::api::routes();
            assert!(
                routes.any(|route| route.name == operation.sends),
                "{}",
                operation.name
            );
        }
    }
}
