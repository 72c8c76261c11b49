//! Fields of a submitted form, and of a query.

use std::collections::HashMap;

use axum::http::Uri;

use crate::filters::shown_bytes;
use crate::problem::Problem;
use crate::texts::text_n;

/// The largest number of fields of a form. The largest one of a page has two fields for each of 100 tiers.
const MAX_FIELDS: usize = 1_000;

/// The fields of a form, in their order. A name may occur more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    /// The place of the first field with a name.
    places: HashMap<String, usize>,
}

impl Form {
    /// Reads the fields of a body in the form of `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// There are too many fields.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Problem> {
        // One field more than the limit is read, so that the work has a bound.
        let form = Self::of(body, MAX_FIELDS.saturating_add(1));
        match form.fields.len() > MAX_FIELDS {
            true => {
                let limit = u64::try_from(MAX_FIELDS).unwrap_or(u64::MAX);
                Err(Problem::invalid_form(
                    text_n("form-too-many-fields", limit).into_owned(),
                ))
            }
            false => Ok(form),
        }
    }

    /// Reads the first fields of a query.
    pub(crate) fn of_query(uri: &Uri) -> Self {
        Self::of(uri.query().unwrap_or_default().as_bytes(), MAX_FIELDS)
    }

    fn of(text: &[u8], limit: usize) -> Self {
        let fields: Vec<(String, String)> = form_urlencoded::parse(text).into_owned().take(limit).collect();
        let mut places = HashMap::new();
        for (place, (name, _)) in fields.iter().enumerate() {
            places.entry(name.clone()).or_insert(place);
        }
        Self { fields, places }
    }

    /// Returns the first value of a field, without surrounding white space; none if it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Returns the first value of a field as it was sent.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.get(*self.places.get(name)?)?;
        Some(value)
    }

    /// Returns the fields whose names begin with a prefix, by the rest of their names.
    pub(crate) fn all_with_prefix<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        let named = self.fields.iter();
        named.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())))
    }

    /// Returns true if a box is checked.
    pub(crate) fn is_checked(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Returns the number in a field; none if it is absent or not a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Returns the number of bytes of a page that shows all fields again.
    pub(crate) fn shown_bytes(&self) -> usize {
        let fields = self.fields.iter();
        fields
            .map(|(name, value)| shown_bytes(name).saturating_add(shown_bytes(value)))
            .sum()
    }

    /// Sets the value of a field.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        let place = self.places.get(name);
        match place.and_then(|place| self.fields.get_mut(*place)) {
            Some((_, former)) => *former = value,
            None => {
                self.places.insert(name.to_owned(), self.fields.len());
                self.fields.push((name.to_owned(), value));
            }
        }
    }

    /// Returns the fields whose names are not in the list.
    pub(crate) fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let others = self.fields.iter().filter(|(name, _)| !names.contains(&&**name));
        others.cloned().collect()
    }
}
