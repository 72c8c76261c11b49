//! The parameters of a query or of a form.

use std::collections::HashMap;

use form_urlencoded::Serializer;

/// Parameters by name. One that is there twice is an error of the client (RFC 6749 section 3.1).
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Parses parameters; the error is the name of a repeated one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if parameters
                .insert(name.clone().into_owned(), value.into_owned())
                .is_some()
            {
                return Err(name.into_owned());
            }
        }
        Ok(Self(parameters))
    }

    /// Returns the value of a parameter; an empty one is absent.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns true if a parameter has this value.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.value(name) == Some(value)
    }
}

/// Returns a URL with these parameters added to its query.
pub(super) fn with_parameters(url: &str, parameters: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}{query}")
}
