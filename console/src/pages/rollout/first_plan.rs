//! The plan in the form of a flag that has none: a template that fits the state of the flag.

use std::borrow::Cow;

use control::Template;

/// Returns the template for a flag at this state: `careful` promotes the flag to beta and ga on the way, `fast` finishes a
/// flag that everyone is eligible for.
pub(super) fn template(lifecycle: Option<&str>) -> Template {
    match lifecycle {
        Some("alpha" | "beta") => Template::Careful,
        _ => Template::Fast,
    }
}

/// Returns the text of a template. Without operators nobody can approve a plan, so its approvals are a comment.
pub(super) fn text(template: Template, has_operators: bool) -> Cow<'static, str> {
    match has_operators {
        true => Cow::Borrowed(template.text()),
        false => Cow::Owned(template.text().replace("\napprovals:", "\n# approvals:")),
    }
}
