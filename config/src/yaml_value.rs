//! The value of a YAML text that is no document of Sluice.

use std::path::Path;

use serde_json::Value;

use crate::files::Files;
use crate::json;
use crate::load_context::LoadContext;
use crate::parse;
use crate::report::Report;

/// Returns the value of a YAML or JSON text. `name` is the path of the text in reports.
///
/// # Errors
/// All problems of its syntax, each with its place and help.
pub fn yaml_value(name: &str, text: &[u8]) -> Result<Value, Report> {
    let mut context = LoadContext::of(Files::Memory([(name.into(), text.to_vec())].into()));
    let source = context.source(Path::new(name), None);
    let value = source.and_then(|source| {
        let root = parse::parse(&source, &mut context.problems)?;
        Some(json::value(&root))
    });
    value
        .filter(|_| context.problems.is_empty())
        .ok_or_else(|| context.into_report())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yaml_text_is_a_value_or_a_report() {
        let value = yaml_value("a.yaml", b"at: [1, { b: on }]").unwrap();
        assert_eq!(value.to_string(), r#"{"at":[1,{"b":"on"}]}"#);
        assert_eq!(yaml_value("a.yaml", b"a: [").unwrap_err().errors(), 1);
    }
}
