//! The forms of the documents, one file per noun; and shapes, the description of the values that forms accept. The
//! messages of the validator, the JSON Schema and the search for secrets are derived from shapes.

pub(crate) mod admin;
pub(crate) mod allow;
pub(crate) mod answer;
pub(crate) mod condition;
pub(crate) mod flags;
pub(crate) mod flags_store;
pub(crate) mod gate;
pub(crate) mod headers;
pub(crate) mod issuer;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod notify;
pub(crate) mod plan;
pub(crate) mod prometheus;
pub(crate) mod proxies;
pub(crate) mod public_url;
pub(crate) mod route;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod share;
pub(crate) mod sluice;
pub(crate) mod tenant;
pub(crate) mod text;
pub(crate) mod traces;
pub(crate) mod upstream;

/// The shape of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A mapping with known fields. Objects and unions are functions, because conditions contain conditions.
    Object(fn() -> &'static ObjectShape),
    /// A mapping from names that the operator chooses.
    Map(&'static MapShape),
    /// A list.
    List(&'static ListShape),
    /// One of several shapes, selected by the kind of node or by the key that is present.
    Union(fn() -> &'static UnionShape),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A text with a meaning to the program: a name, address, path or pattern. The string is the noun for messages.
    Text(&'static str),
    /// A [`Shape::Text`] of at least one character.
    Name(&'static str),
    /// A free text for people.
    Prose,
    /// `true` or `false`.
    Boolean,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// Any number.
    Number,
    /// A number from 0 to 100. `rules` checks the range.
    Percentage,
    /// A number from 0 to 1.
    Share,
    /// A text, number or boolean.
    Scalar,
    /// A variant's name, or a boolean: the `on` or `off` of a boolean flag.
    Variant,
    /// Anything that JSON can hold.
    Any,
    /// The document's version.
    Version,
    /// `10s`, `250ms`, `5m`, `1h`, `14d`.
    Duration,
    /// `4KiB`, `10MiB`, or a number of bytes.
    Size,
    /// A reference to an environment variable, `${NAME}`; with the field that takes a file instead, if there is one.
    Secret(Option<&'static str>),
}

/// A mapping with known fields.
#[derive(Debug)]
pub(crate) struct ObjectShape {
    /// The noun with its article, such as `a route`. Unique, because it names the definition in the JSON Schema, too.
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) members: &'static [Member],
    pub(crate) needs: Needs,
}

/// A rule about the fields of an object, in addition to the required ones.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Needs {
    Nothing,
    /// At least one of its fields.
    AtLeastOne,
    /// Exactly one of these fields. The text is the help if there are several.
    ExactlyOne(&'static [FieldShape], &'static str),
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldShape {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

/// A field of an object, or the fields of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Member {
    Field(FieldShape),
    Group(&'static [FieldShape]),
    /// A field that only stores have: no message or schema lists it.
    Stored,
}

/// A mapping from names that the operator chooses.
#[derive(Debug)]
pub(crate) struct MapShape {
    /// The noun of a key, with its article: `a flag key`.
    pub(crate) key: &'static str,
    pub(crate) value: Shape,
    pub(crate) min: usize,
    pub(crate) max: usize,
}

/// A list.
#[derive(Debug)]
pub(crate) struct ListShape {
    pub(crate) item: Shape,
    pub(crate) min: usize,
    pub(crate) max: usize,
}

/// One of several shapes.
#[derive(Debug)]
pub(crate) struct UnionShape {
    /// The noun with its article, such as `a gate`.
    pub(crate) name: &'static str,
    pub(crate) cases: &'static [CaseShape],
}

/// One of the shapes of a union.
#[derive(Debug)]
pub(crate) struct CaseShape {
    pub(crate) when: When,
    pub(crate) shape: Shape,
}

/// The condition that selects a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The node is a scalar.
    Scalar,
    /// The node is a list.
    List,
    /// The node is a mapping that has the first field of the case's object.
    Key,
    /// The node is a mapping.
    Mapping,
}

/// The field of an object that lists the warnings that are expected about it.
pub(crate) const ALLOW: &str = "allow";

/// The maximum of a collection without a limit of its own.
pub(crate) const UNBOUNDED: usize = usize::MAX;

impl Shape {
    /// Returns the noun of the accepted values, for messages.
    pub(crate) fn expects(self) -> String {
        match self {
            Self::Object(object) => format!("{} (a mapping)", object().name),
            Self::Map(map) => format!("a mapping from {} to its value", map.key),
            Self::List(_) => "a list".to_owned(),
            Self::Union(union) => union().name.to_owned(),
            Self::Choice(values) => any_of(values),
            Self::Text(what) | Self::Name(what) => what.to_owned(),
            Self::Prose => "a text".to_owned(),
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Number | Self::Percentage | Self::Share => "a number".to_owned(),
            Self::Scalar => "a text, a number or a boolean".to_owned(),
            Self::Variant => "the name of a variant".to_owned(),
            Self::Any => "a value".to_owned(),
            Self::Version => "the number of the format's version".to_owned(),
            Self::Duration => "a duration such as `10s`, `250ms`, `5m`, `1h` or `14d`".to_owned(),
            Self::Size => "a size such as `4KiB`, `10MiB` or a number of bytes".to_owned(),
            Self::Secret(_) => "a reference such as `${NAME}`".to_owned(),
        }
    }
}

impl Shape {
    /// Returns true for an object that has this field.
    pub(crate) fn has_field(self, name: &str) -> bool {
        matches!(self, Self::Object(object) if object().field(name).is_some())
    }
}

impl ObjectShape {
    /// Returns the fields that people write, including those of groups.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static FieldShape> + use<> {
        let fields = |member: &'static Member| match member {
            Member::Field(field) => std::slice::from_ref(field),
            Member::Group(fields) => fields,
            Member::Stored => &[],
        };
        self.members.iter().flat_map(fields)
    }

    /// Returns the names of the fields.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.fields().map(|field| field.name).collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'static FieldShape> {
        self.fields().find(|field| field.name == name)
    }
}

impl UnionShape {
    /// Returns the keys that distinguish the cases.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.cases.iter().filter_map(CaseShape::key)
    }

    /// Returns true if the union has the cases `all` and `any`, which combine several values.
    pub(crate) fn combines(&self) -> bool {
        ["all", "any"]
            .iter()
            .all(|key| self.keys().any(|known| known == *key))
    }

    /// Returns the index of the first case with this condition.
    pub(crate) fn position(&self, when: When) -> Option<usize> {
        self.cases.iter().position(|case| case.when == when)
    }

    /// Returns the index of the case with this key.
    pub(crate) fn position_of(&self, key: &str) -> Option<usize> {
        self.cases.iter().position(|case| case.key() == Some(key))
    }

    pub(crate) fn case(&self, when: When) -> Option<Shape> {
        self.cases
            .iter()
            .find(|case| case.when == when)
            .map(|case| case.shape)
    }
}

impl CaseShape {
    /// Returns the key that selects the case, if a key does.
    pub(crate) fn key(&self) -> Option<&'static str> {
        match (self.when, self.shape) {
            (When::Key, Shape::Object(object)) => object().fields().next().map(|field| field.name),
            _ => None,
        }
    }
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn any_of<S: AsRef<str>>(values: &[S]) -> String {
    joined(values, "or")
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn all_of<S: AsRef<str>>(values: &[S]) -> String {
    joined(values, "and")
}

fn joined<S: AsRef<str>>(values: &[S], last: &str) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == values.len() => &format!(" {last} "),
            _ => ", ",
        };
        text.push_str(separator);
        text.push('`');
        text.push_str(value.as_ref());
        text.push('`');
    }
    text
}
