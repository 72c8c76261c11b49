//! A search in names and texts of a list, without regard to the case of ASCII letters.

/// A text that is searched for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextSearch<'a>(&'a str);

impl<'a> TextSearch<'a> {
    /// Creates a search for a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns true if a text contains the searched one. Allocates nothing, because a list has up to 100,000 names.
    pub(crate) fn is_in(self, text: &str) -> bool {
        let searched = self.0.as_bytes();
        searched.is_empty()
            || text
                .as_bytes()
                .windows(searched.len())
                .any(|part| part.eq_ignore_ascii_case(searched))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_ignores_the_case_of_ascii_letters() {
        for (searched, text, is_found) in [
            ("acme", "ACME-eu", true),
            ("ME-E", "acme-eu", true),
            ("acme-eu-1", "acme-eu", false),
            ("straße", "Hauptstraße", true),
            ("é", "café", true),
            ("x", "", false),
        ] {
            assert_eq!(
                TextSearch::new(searched).is_in(text),
                is_found,
                "{searched} in {text}"
            );
        }
    }
}
