//! Pages of a list, by number.

use form_urlencoded::Serializer;

use crate::form::Form;

/// The position in a list that is shown in pages.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    /// The number of the page, from 1.
    pub(crate) number: usize,
    /// The number of pages, at least 1.
    pub(crate) last: usize,
    path: String,
    /// The fields of the query, without the number.
    fields: Vec<(String, String)>,
}

impl Pager {
    /// The name of the number in a query.
    const FIELD: &str = "page";

    /// Returns the number of items before the requested page.
    pub(crate) fn offset(query: &Form, per_page: usize) -> usize {
        Self::requested(query).saturating_sub(1).saturating_mul(per_page)
    }

    /// Creates the pager of the page at `path` whose list has `total` items.
    pub(crate) fn new(path: &str, query: &Form, total: usize, per_page: usize) -> Self {
        let last = total.div_ceil(per_page.max(1)).max(1);
        Self {
            number: Self::requested(query).min(last),
            last,
            path: path.to_owned(),
            fields: query.without(&[Self::FIELD, "receipt"]),
        }
    }

    /// Returns the path and query of the page before.
    pub(crate) fn previous(&self) -> Option<String> {
        let number = self.number.checked_sub(1).filter(|number| *number > 0)?;
        Some(self.page(number))
    }

    /// Returns the path and query of the page after.
    pub(crate) fn next(&self) -> Option<String> {
        let number = self.number.saturating_add(1);
        (number <= self.last).then(|| self.page(number))
    }

    fn requested(query: &Form) -> usize {
        let number = query.number(Self::FIELD).unwrap_or(1).max(1);
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    fn page(&self, number: usize) -> String {
        let query = Serializer::new(String::new())
            .extend_pairs(self.fields.iter().filter(|(_, value)| !value.is_empty()))
            .append_pair(Self::FIELD, &number.to_string())
            .finish();
        format!("{}?{query}", self.path)
    }
}

/// The position in a list whose pages follow each other, each from the last item of the page before.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    /// The path and query of the next page.
    pub(crate) next: Option<String>,
    /// The path and query of the first page, if another one is shown.
    pub(crate) first: Option<String>,
}

impl Cursor {
    /// The name of the last item of the page before in a query.
    pub(crate) const FIELD: &str = "after";

    /// Creates the cursor of the page at `path`; `next` is the value for the next page.
    pub(crate) fn new(path: &str, query: &Form, next: Option<&str>) -> Self {
        let fields = query.without(&[Self::FIELD, "receipt"]);
        let page = |after: Option<&str>| {
            let mut target = Serializer::new(String::new());
            target.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
            if let Some(after) = after {
                target.append_pair(Self::FIELD, after);
            }
            format!("{path}?{}", target.finish())
        };
        Self {
            next: next.map(|after| page(Some(after))),
            first: query.text(Self::FIELD).map(|_| page(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_links_to_the_pages_around_and_keeps_the_filters() {
        let query = Form::read(b"search=a%26b&page=2&receipt=7").unwrap();
        let pager = Pager::new("/list", &query, 101, 50);
        assert_eq!((pager.number, pager.last), (2, 3));
        assert_eq!(pager.previous().as_deref(), Some("/list?search=a%26b&page=1"));
        assert_eq!(pager.next().as_deref(), Some("/list?search=a%26b&page=3"));
        assert_eq!(Pager::offset(&query, 50), 50);
    }

    #[test]
    fn a_list_without_items_has_one_page() {
        let pager = Pager::new("/list", &Form::read(b"page=9").unwrap(), 0, 50);
        assert_eq!((pager.number, pager.last), (1, 1));
        assert_eq!((pager.previous(), pager.next()), (None, None));
    }
}
