//! What the policy reads of a flag's definition, which is a JSON value as documents have it.

use rules::Kind;
use serde_json::Value;

/// A flag's definition.
#[derive(Clone, Copy)]
pub(crate) struct Definition<'d>(pub(crate) &'d Value);

impl<'d> Definition<'d> {
    /// What it is for.
    pub(crate) fn kind(self) -> Kind {
        let written = self.text("kind").unwrap_or_default();
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == written)
            .unwrap_or_default()
    }

    /// The flags that it requires.
    pub(crate) fn requires(self) -> impl Iterator<Item = &'d str> {
        let list = self.0.get("requires").and_then(Value::as_array);
        let keys = |item: &'d Value| item.as_str().or_else(|| item.get("flag")?.as_str());
        list.into_iter().flatten().filter_map(keys)
    }

    /// Whether it can be turned back without harm.
    pub(crate) fn is_revertible(self) -> bool {
        self.0.get("revertible").and_then(Value::as_bool) == Some(true)
    }

    /// The date after which it should be gone.
    pub(crate) fn expires(self) -> Option<&'d str> {
        self.text("expires")
    }

    /// The variant that means "not given the feature".
    pub(crate) fn off(self) -> &'d str {
        self.text("off").unwrap_or("off")
    }

    /// The variant that everyone is served once it is ga: `on`, or what a tenant that opts in is served.
    pub(crate) fn on(self) -> Option<&'d str> {
        match self.0.get("variants").and_then(Value::as_object) {
            Some(variants) if !variants.contains_key("on") => self.text("opt_in_serves"),
            _ => Some("on"),
        }
    }

    /// What is served when nothing else decides.
    pub(crate) fn default(self) -> Option<&'d Value> {
        self.0.get("default")
    }

    /// A variant by its name: a boolean stands for `on` or `off`, where there are no others.
    pub(crate) fn variant(self, written: &Value) -> Value {
        match (written, self.0.get("variants")) {
            (Value::Bool(true), None) => "on".into(),
            (Value::Bool(false), None) => "off".into(),
            _ => written.clone(),
        }
    }

    /// Whether the variant is the one that means "not given the feature".
    pub(crate) fn is_off(self, written: &Value) -> bool {
        self.variant(written).as_str() == Some(self.off())
    }

    fn text(self, field: &str) -> Option<&'d str> {
        self.0.get(field).and_then(Value::as_str)
    }
}
