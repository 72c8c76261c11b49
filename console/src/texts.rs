//! The texts that people read, by the id of their message in `texts/en.ftl` (Project Fluent).

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

/// The file of all texts.
const ENGLISH: &str = include_str!("../texts/en.ftl");

static TEXTS: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| {
    let mut texts = FluentBundle::new_concurrent(vec![LanguageIdentifier::default()]);
    // Pages isolate names with `<bdi>`.
    texts.set_use_isolating(false);
    let resource = match FluentResource::try_new(ENGLISH.to_owned()) {
        Ok(resource) => resource,
        // A test rejects a file with errors; what could be read is used.
        Err((resource, _)) => resource,
    };
    // A test rejects an id that is defined twice.
    let _ = texts.add_resource(resource);
    texts
});

/// Returns the text of a message; the id itself if there is no such message, which a test rejects.
pub(crate) fn text(id: &str) -> Cow<'static, str> {
    text_with(id, &FluentArgs::new())
}

/// Returns the text of a message with arguments.
pub(crate) fn text_with(id: &str, arguments: &FluentArgs<'_>) -> Cow<'static, str> {
    let pattern = TEXTS.get_message(id).and_then(|message| message.value());
    let Some(pattern) = pattern else {
        return Cow::Owned(id.to_owned());
    };
    let mut errors = Vec::new();
    let text = TEXTS.format_pattern(pattern, Some(arguments), &mut errors);
    Cow::Owned(text.into_owned())
}

/// Returns the text of a message with the number `n`.
pub(crate) fn text_n(id: &str, n: u64) -> Cow<'static, str> {
    let mut arguments = FluentArgs::new();
    arguments.set("n", n);
    text_with(id, &arguments)
}

/// Returns the text of a message with two numbers, `n` of `m`.
pub(crate) fn text_of(id: &str, n: u64, m: u64) -> Cow<'static, str> {
    let mut arguments = FluentArgs::new();
    arguments.set("n", n);
    arguments.set("m", m);
    text_with(id, &arguments)
}

/// Returns the text of a message with the name `name`.
pub(crate) fn text_named(id: &str, name: &str) -> Cow<'static, str> {
    let mut arguments = FluentArgs::new();
    arguments.set("name", name);
    text_with(id, &arguments)
}

/// Returns the text of a message with two names, `name` and `to`.
pub(crate) fn text_pair(id: &str, name: &str, to: &str) -> Cow<'static, str> {
    let mut arguments = FluentArgs::new();
    arguments.set("name", name);
    arguments.set("to", to);
    text_with(id, &arguments)
}

#[cfg(test)]
mod tests;
