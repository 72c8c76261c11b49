//! Finds the node at a site: its length, and the definition that it is a part of.

use std::borrow::Cow;

use rules::Site;

use crate::lower::Document;
use crate::node::{Node, NodeKind, Span};
use crate::problem::{Label, shown};
use crate::shape::flags::FlagsDocument;
use crate::shape::route::Route;
use crate::shape::sluice::GatewayDocument;

/// The field of a flag with its rules.
const RULES: &str = "rules";
/// The field of a rule with its name.
const RULE_NAME: &str = "name";
/// Fields of a flag that labels name.
const NAMED_FIELDS: [&str; 5] = ["rollout", "schedule", "variants", "tiers", "requires"];

/// A node that was found by its site.
#[derive(Debug)]
pub(crate) struct Located<'d> {
    pub(crate) span: Span,
    /// The keys and indexes that lead to it.
    path: Vec<Step<'d>>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'d> {
    Key(&'d str),
    /// The index of an item, and the item.
    Item(usize, &'d Node<'d>),
}

/// Returns the smallest node of `root` that begins at `offset`.
fn locate<'d>(root: &'d Node<'d>, offset: u32) -> Located<'d> {
    let mut path = Vec::new();
    let mut node = root;
    loop {
        match &node.kind {
            NodeKind::Plain(_) | NodeKind::Quoted(_) | NodeKind::Refused => {
                return Located {
                    span: node.span,
                    path,
                };
            }
            NodeKind::List(items) => {
                let after = items.partition_point(|item| item.span.start <= offset);
                let Some(index) = after.checked_sub(1) else {
                    return Located {
                        span: node.span,
                        path,
                    };
                };
                let Some(item) = items.get(index) else {
                    return Located {
                        span: node.span,
                        path,
                    };
                };
                path.push(Step::Item(index, item));
                node = item;
            }
            NodeKind::Mapping(entries) => {
                let after = entries.partition_point(|entry| entry.key_span.start <= offset);
                let entry = after.checked_sub(1).and_then(|index| entries.get(index));
                let Some(entry) = entry else {
                    return Located {
                        span: node.span,
                        path,
                    };
                };
                path.push(Step::Key(&entry.key));
                if entry.key_span.start == offset || offset < entry.value.span.start {
                    return Located {
                        span: entry.key_span,
                        path,
                    };
                }
                node = &entry.value;
            }
        }
    }
}

impl Located<'_> {
    /// Returns the owner of the part, for a label; empty for a definition itself.
    fn context(&self) -> Cow<'static, str> {
        match self.path.as_slice() {
            [Step::Key(FlagsDocument::FLAGS), Step::Key(flag), rest @ ..] => match rest {
                [] => Cow::Borrowed(""),
                [Step::Key(RULES), Step::Item(index, rule), ..] => {
                    Cow::Owned(format!("in {} of flag `{flag}`", rule_name(*index, rule)))
                }
                [Step::Key(field), _, ..] if NAMED_FIELDS.contains(field) => {
                    Cow::Owned(format!("in `{field}` of flag `{flag}`"))
                }
                _ => Cow::Owned(format!("in flag `{flag}`")),
            },
            [Step::Key(FlagsDocument::SEGMENTS), Step::Key(segment), _, ..] => {
                Cow::Owned(format!("in segment `{segment}`"))
            }
            [Step::Key(FlagsDocument::TENANTS), Step::Key(tenant), _, ..] => {
                Cow::Owned(format!("in tenant `{tenant}`"))
            }
            [Step::Key(GatewayDocument::ROUTES), Step::Item(_, route), _, ..] => {
                match route.field(Route::NAME).and_then(Node::text) {
                    Some(name) => Cow::Owned(format!("named by route `{name}`")),
                    None => Cow::Borrowed("named by this route"),
                }
            }
            _ => Cow::Borrowed(""),
        }
    }
}

fn rule_name(index: usize, rule: &Node<'_>) -> String {
    match rule.field(RULE_NAME).and_then(Node::text) {
        Some(name) => format!("rule `{name}`"),
        None => format!("rule {}", index + 1),
    }
}

/// Returns a label for a site in one of `documents`, with its owner.
pub(crate) fn label(documents: &[Document<'_>], site: Site) -> Label {
    let mut label = plain_label(documents, site);
    if let Some((document, offset)) = find(documents, site) {
        label.text = shown(locate(&document.root, offset).context().into_owned());
    }
    label
}

/// The owner of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A flag as a whole.
    Flag,
    /// A segment as a whole.
    Segment,
    /// A route or a part of one.
    Route,
    /// A part of anything else.
    Part,
}

/// Returns the owner of a site in one of `documents`.
pub(crate) fn owner(documents: &[Document<'_>], site: Site) -> Owner {
    let located = find(documents, site).map(|(document, offset)| locate(&document.root, offset));
    match located.as_ref().map(|located| located.path.as_slice()) {
        Some([Step::Key(FlagsDocument::FLAGS), Step::Key(_)]) => Owner::Flag,
        Some([Step::Key(FlagsDocument::SEGMENTS), Step::Key(_)]) => Owner::Segment,
        Some([Step::Key(GatewayDocument::ROUTES), ..]) => Owner::Route,
        _ => Owner::Part,
    }
}

/// Returns a label without text.
pub(crate) fn plain_label(documents: &[Document<'_>], site: Site) -> Label {
    let len = find(documents, site).map_or(1, |(document, offset)| locate(&document.root, offset).span.len);
    Label {
        site,
        len,
        text: String::new(),
    }
}

/// Returns the JSON pointer (RFC 6901) to the node at a site of one of `documents`.
pub(crate) fn pointer(documents: &[Document<'_>], site: Site) -> Option<String> {
    let (document, offset) = find(documents, site)?;
    let mut pointer = String::new();
    for step in locate(&document.root, offset).path {
        pointer.push('/');
        match step {
            Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Item(index, _) => pointer.push_str(&index.to_string()),
        }
    }
    Some(pointer)
}

fn find<'d, 's>(documents: &'d [Document<'s>], site: Site) -> Option<(&'d Document<'s>, u32)> {
    documents
        .iter()
        .find_map(|document| Some((document, document.source.offset(site)?)))
}

/// Returns the place of an entry or item of a top-level section, as `flags.yaml:12`.
pub(crate) fn definition(documents: &[Document<'_>], section: &str, name: &str) -> Option<String> {
    documents.iter().find_map(|document| {
        let section = document.root.field(section)?;
        let span = match section.items() {
            Some(items) => {
                let is_named = |item: &&Node<'_>| item.raw().is_some_and(|text| text == name);
                items.iter().find(is_named)?.span
            }
            None => section.entry(name)?.key_span,
        };
        // The values of an edit have no text, and so no lines.
        let has_lines = !document.source.text.is_empty();
        has_lines.then(|| {
            format!(
                "{}:{}",
                document.source.name,
                document.source.line_column(span.start).0
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Form as _;
    use crate::shape::flags::{Flag, Rule};

    #[test]
    fn fields_in_labels_are_fields_of_documents() {
        assert!(Rule::SHAPE.has_field(RULE_NAME));
        for field in NAMED_FIELDS.into_iter().chain([RULES]) {
            assert!(Flag::SHAPE.has_field(field), "{field}");
        }
    }
}
