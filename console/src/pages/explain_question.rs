//! The question of the page of explanations: its fields, the body that the API gets, and the link to it.

use control::{attribute_from_text, header};
use form_urlencoded::Serializer;
use serde_json::{Map, Value, json};

use crate::console::MAX_QUERY;
use crate::form::Form;
use crate::page::Section;
use crate::problem::Problem;

/// The fields of a link. The token is none of them: a link is stored by browsers and sent on by people.
const LINKED: &[&str] = &[
    "about",
    "flag",
    "method",
    "path",
    "host",
    "headers",
    "listener",
    "client",
    "tenant",
    "user",
    "groups",
    "attributes",
    "at",
];
/// The value of `about` in a question about a flag.
const FLAG: &str = "flag";

/// A question, as it was typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    form: Form,
}

impl Question {
    /// Reads the fields of a form, or of the query of a link.
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    /// Returns a field as it was typed.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.form.raw(name).unwrap_or_default()
    }

    /// Returns true for a question about a flag, without a request.
    pub(crate) fn is_about_flag(&self) -> bool {
        self.field("about") == FLAG
    }

    /// Returns true if nothing is asked yet.
    pub(crate) fn is_empty(&self) -> bool {
        let field = if self.is_about_flag() { FLAG } else { "path" };
        self.form.text(field).is_none() && !self.has_token()
    }

    /// Returns true if the question has a token.
    pub(crate) fn has_token(&self) -> bool {
        !self.is_about_flag() && self.form.text("token").is_some()
    }

    /// Returns true if one of the rarer fields has a value.
    pub(crate) fn has_more(&self) -> bool {
        let rare = [
            "user",
            "groups",
            "attributes",
            "host",
            "headers",
            "client",
            "listener",
            "at",
        ];
        rare.iter().any(|name| self.form.text(name).is_some())
    }

    /// Returns true if a link can hold the question: it has neither a token nor what looks like a secret, and is not too long.
    pub(crate) fn can_be_linked(&self) -> bool {
        !self.has_token() && self.secret_fields().is_empty() && self.link().len() <= MAX_QUERY
    }

    /// Returns the path and query of the question, without its token and without fields that look like secrets.
    pub(crate) fn link(&self) -> String {
        let secret = self.secret_fields();
        self.link_with(|name| !secret.contains(&name))
    }

    /// Returns the path and query of the page about a flag, or about a request, with the same sender.
    pub(crate) fn other(&self) -> String {
        let secret = self.secret_fields();
        let link = self.link_with(|name| name != "about" && !secret.contains(&name));
        match (self.is_about_flag(), link.contains('?')) {
            (true, _) => link,
            (false, true) => format!("{link}&about={FLAG}"),
            (false, false) => format!("{link}?about={FLAG}"),
        }
    }

    fn link_with(&self, is_linked: impl Fn(&str) -> bool) -> String {
        let fields = LINKED.iter().filter(|name| is_linked(name));
        let fields = fields.filter_map(|name| Some((*name, self.form.text(name)?)));
        let query = Serializer::new(String::new()).extend_pairs(fields).finish();
        match query.is_empty() {
            true => Section::Explain.path().to_owned(),
            false => format!("{}?{query}", Section::Explain.path()),
        }
    }

    /// Returns the fields that look like secrets: a header with credentials, a token in a path.
    fn secret_fields(&self) -> Vec<&'static str> {
        let has_secret_header = self.lines("headers").any(|line| {
            let name = line.split(':').next().unwrap_or_default().trim();
            let is_credential = ["authorization", "proxy-authorization", "cookie"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
            is_credential || redact::is_secret_name(name)
        });
        let mut secret = Vec::new();
        for name in LINKED {
            let typed = self.field(name);
            if redact::masked(typed) != typed || (*name == "headers" && has_secret_header) {
                secret.push(*name);
            }
        }
        secret
    }

    /// Returns the body for the API.
    ///
    /// # Errors
    /// An attribute or a header is malformed.
    pub(crate) fn body(&self) -> Result<Value, Problem> {
        let mut question = Map::new();
        self.put(&mut question, &["tenant", "user"]);
        let groups: Vec<&str> = self.lines("groups").collect();
        if !groups.is_empty() {
            question.insert("groups".to_owned(), json!(groups));
        }
        let mut attributes = Map::new();
        for line in self.lines("attributes") {
            let (name, value) =
                attribute_from_text(line).map_err(|invalid| Problem::invalid_form(invalid.to_string()))?;
            attributes.insert(name, value);
        }
        if !attributes.is_empty() {
            question.insert("attributes".to_owned(), Value::Object(attributes));
        }
        if self.is_about_flag() {
            self.put(&mut question, &[FLAG, "at"]);
            return Ok(Value::Object(question));
        }
        self.put(
            &mut question,
            &["method", "path", "host", "listener", "client", "token"],
        );
        question.entry("method").or_insert_with(|| Value::from("GET"));
        let headers: Vec<&str> = self.lines("headers").collect();
        for line in &headers {
            header(line).map_err(|invalid| Problem::invalid_form(invalid.to_string()))?;
        }
        question.insert("headers".to_owned(), json!(headers));
        let mut body = Map::from_iter([("request".to_owned(), Value::Object(question))]);
        self.put(&mut body, &["at"]);
        Ok(Value::Object(body))
    }

    fn put(&self, body: &mut Map<String, Value>, names: &[&str]) {
        for name in names {
            if let Some(value) = self.form.text(name) {
                body.insert((*name).to_owned(), Value::from(value));
            }
        }
    }

    /// Returns the lines of a field that are not empty.
    fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.field(name).lines().map(str::trim);
        lines.filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(form: &str) -> Question {
        Question::new(Form::read(form.as_bytes()).unwrap())
    }

    #[test]
    fn a_link_has_the_question_and_never_the_token() {
        let asked =
            question("form_token=t&method=GET&path=/a%20b&token=eyJhbGciOiJub25lIn0.e30.&tenant=&at=");
        assert_eq!(asked.link(), "/platform/explain?method=GET&path=%2Fa+b");
        assert!(asked.has_token() && !asked.can_be_linked());
    }

    #[test]
    fn a_field_with_a_secret_is_not_in_the_link() {
        for headers in [
            "Authorization: Bearer abc",
            "x: 1%0ACookie: session=1",
            "X-Api-Key: 7",
        ] {
            let asked = question(&format!("path=/a&headers={headers}"));
            assert_eq!(asked.link(), "/platform/explain?path=%2Fa", "{headers}");
            assert!(!asked.can_be_linked());
        }
        let asked = question("path=/a&headers=X-Variant: b");
        assert_eq!(asked.link(), "/platform/explain?path=%2Fa&headers=X-Variant%3A+b");
        assert!(asked.can_be_linked());
        let asked = question("path=/a?access_token=s3cr3t-value-of-a-token&tenant=acme");
        assert_eq!(asked.link(), "/platform/explain?tenant=acme");
    }

    #[test]
    fn the_other_question_keeps_the_sender() {
        let asked = question("path=/a&tenant=acme");
        assert_eq!(
            asked.other(),
            "/platform/explain?path=%2Fa&tenant=acme&about=flag"
        );
        let asked = question("about=flag&flag=board&tenant=acme");
        assert_eq!(asked.other(), "/platform/explain?flag=board&tenant=acme");
    }

    #[test]
    fn a_body_has_what_was_typed() {
        let asked =
            question("path=/a&groups=x%0A%0A y &attributes=seats=80%0Acountry=DE&at=2026-11-30T00:00:00Z");
        assert_eq!(
            asked.body().unwrap(),
            json!({ "at": "2026-11-30T00:00:00Z", "request": { "method": "GET", "path": "/a", "headers": [],
                "groups": ["x", "y"], "attributes": { "seats": 80, "country": "DE" } } })
        );
        let asked = question("about=flag&flag=board&tenant=acme&path=/a");
        assert_eq!(
            asked.body().unwrap(),
            json!({ "flag": "board", "tenant": "acme" })
        );
        for invalid in ["attributes=seats", "headers=no colon", "attributes=a=NaN"] {
            assert!(
                question(&format!("path=/a&{invalid}")).body().is_err(),
                "{invalid}"
            );
        }
    }
}
