//! Forms of a document for these tests: values with places, refusals, and all problems reported at once.

use super::{
    Boolean, Duration, Field, List, Map, Placed, Whole, fields, object, single, texts, union, words,
};
use crate::form::read_document;
use crate::parse;
use crate::source::Sources;

texts! {
    Colour: any "a colour";
    Shelf: filled "the name of a shelf";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Small,
    Large,
}
words! { Size { "small" => Small, "large" => Large } }

fields! {
    /// A box to put things in.
    Crate("a crate") => CrateFields {
        /// Size. Default: small.
        size: field Size,
        /// The number of things that fit in.
        holds: must Whole<u8, 1, 9>,
        /// Its lifetime.
        lasts("for"): field Duration,
        /// Its colours.
        colours: field List<Placed<Colour>, 1, 2>,
        /// Its place.
        place: field Place,
        /// Full shelves, by name.
        shelves: field Map<Placed<Shelf>, Option<Boolean>, 0, 2>,
    }
}

/// The place of a crate.
#[derive(Debug, PartialEq)]
pub(crate) enum Standing {
    Nowhere,
    At(i64),
    Between(i64, i64),
}

union! {
    Place("`nowhere`, `{ at: N }` or `{ from: N, to: N }`"): Standing {
        scalar Nowhere => |Nowhere::Nowhere| Standing::Nowhere,
        key At => Standing::At,
        key Between => |between| between,
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Nowhere {
    Nowhere,
}
words! { Nowhere { "nowhere" => Nowhere } }

single! {
    /// At one place.
    At("a place") at: Whole<i64, 0, 99>, "The place.";
}

object! {
    /// Between two places.
    Between("two places"): Standing {
        /// The first.
        from: required Whole<i64, 0, 99>,
        /// The last.
        to: strict Whole<i64, 0, 99> = 99,
    } => Standing::Between(from, to)
}

/// Reads a document, and passes its fields to `look`. Returns the codes and titles of the problems.
fn read(text: &str, look: impl FnOnce(Option<CrateFields<'_>>)) -> Vec<String> {
    let source = Sources::default().add(std::path::Path::new("crate.yaml"), text.to_owned());
    let source = source.unwrap();
    let mut problems = Vec::new();
    let root = parse::parse(&source, &mut problems).unwrap();
    look(read_document::<Crate>(&source, &root, &mut problems));
    problems
        .iter()
        .map(|problem| format!("{}: {}", problem.code, problem.title))
        .collect()
}

#[test]
fn values_are_read_with_their_places() {
    let text =
        "holds: 3\nsize: large\nfor: 2s\ncolours: [red, blue]\nplace: { from: 2 }\nshelves: { low: true }\n";
    let problems = read(text, |fields| {
        let fields = fields.unwrap();
        assert_eq!(fields.size.or(Size::Small), Some(Size::Large));
        assert_eq!(fields.holds.value(), Some(&3));
        assert_eq!(fields.lasts.value(), Some(&2_000));
        let colours = fields.colours.value().unwrap();
        let colours: Vec<_> = colours
            .iter()
            .map(|colour| (&*colour.value, colour.span.start))
            .collect();
        assert_eq!(colours, [("red", 39), ("blue", 44)]);
        assert_eq!(fields.place.value(), Some(&Standing::Between(2, 99)));
        let shelves = fields.shelves.value().unwrap();
        assert_eq!((&*shelves[0].0.value, shelves[0].1), ("low", Some(true)));
        let key = fields.lasts.key().unwrap();
        assert_eq!((key.name, key.span.start), ("for", 21));
    });
    assert_eq!(problems, [""; 0]);
}

#[test]
fn a_refused_field_has_neither_its_value_nor_its_default() {
    let problems = read("holds: 3\nsize: lage\nplace: { from: 100 }\n", |fields| {
        let fields = fields.unwrap();
        assert!(matches!(fields.size, Field::Refused(_)));
        assert_eq!(fields.size.or(Size::Small), None);
        assert_eq!(fields.size.optional(), None);
        assert_eq!(fields.lasts.optional(), Some(None));
        assert_eq!(fields.place.key().map(|key| key.name), Some("place"));
        assert!(fields.place.value().is_none());
    });
    assert_eq!(
        problems,
        [
            "unknown-value: `size` must be `small` or `large`, not `lage`",
            "out-of-range: `from` must be from 0 to 99, not 100",
        ]
    );
}

#[test]
fn all_problems_of_an_object_are_reported_at_once() {
    let text = "holds: 10\nsize: [small]\nfor: 2\ncolours: [a, 1, c]\nplace: { at: 1, from: 2 }\nshelves: { a: 1 }\n";
    let problems = read(text, |fields| assert!(fields.is_some()));
    assert_eq!(
        problems,
        [
            "out-of-range: `holds` must be from 1 to 9, not 10",
            "wrong-type: `size` takes `small` or `large`, not a list",
            "invalid-duration: `for` takes a duration, not `2`",
            "limit: `colours` has 3 entries; the maximum is 2",
            "wrong-type: an item of `colours` takes a colour, not the number `1`",
            "conflicting-fields: `nowhere`, `{ at: N }` or `{ from: N, to: N }` can have only one of `at` and `from`",
            "wrong-type: `a` takes `true` or `false`, not the number `1`",
        ]
    );
}

#[test]
fn a_missing_field_is_not_reported_beside_an_unknown_one() {
    let missing = read("size: small\n", |fields| {
        assert!(fields.unwrap().holds.key().is_none())
    });
    assert_eq!(missing, ["missing-field: a crate needs the field `holds`"]);
    let misspelt = read("hold: 3\n", |_| {});
    assert_eq!(misspelt, ["unknown-field: a crate has no field `hold`"]);
}
