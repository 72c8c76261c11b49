//! Fields of a submitted form, and of a query.

use axum::http::Uri;

/// The fields of a form, in their order. A name may occur more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the fields of a body in the form of `application/x-www-form-urlencoded`.
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Reads the fields of a query.
    pub(crate) fn of_query(uri: &Uri) -> Self {
        Self::read(uri.query().unwrap_or_default().as_bytes())
    }

    /// Returns the first value of a field, without surrounding white space; none if it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Returns the first value of a field as it was sent.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(field, _)| field == name);
        named.map(|(_, value)| &**value)
    }

    /// Returns the fields whose names begin with a prefix, by the rest of their names.
    pub(crate) fn all_with_prefix<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        let named = self.0.iter();
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

    /// Returns the fields whose names are not in the list.
    pub(crate) fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let others = self.0.iter().filter(|(name, _)| !names.contains(&&**name));
        others.cloned().collect()
    }
}
