//! The form of the flags document. What its names and numbers must be beyond that is judged by `rules`.

use super::{
    Field, List, Map, Object, Shape, UNBOUNDED, Union, items, list, map, mapping, object, optional, required,
    scalar, union, with_key,
};

const FLAG_KEY: Shape = Shape::Text(super::FLAG_KEY);
const SEGMENT_NAME: Shape = Shape::Text("the name of a segment");
const TIER_NAME: Shape = Shape::Text("the name of a tier");
const BY: Shape = Shape::Name("`tenant`, `user` or the name of an attribute");
const TIME: Shape = Shape::Text("an RFC 3339 time such as `2026-12-01T00:00:00Z`");

/// The flags document.
pub(crate) static DOCUMENT: Object = object(
    "a flags document",
    "Flags, segments and tenants of Sluice.",
    &[
        required("version", Shape::Version, "The version of this format: 1."),
        optional(
            "tiers",
            Shape::List(&TIER_NAMES),
            "The tiers there are, lowest first.",
        ),
        optional(
            "unknown_tenant",
            Shape::Union(&UNKNOWN_TENANT),
            "How a tenant without a record is judged; left out: with no tier.",
        ),
        optional("policy", Shape::Object(&POLICY), "What alpha and beta allow."),
        optional(
            "segments",
            Shape::Map(&SEGMENTS),
            "Named conditions, for use in rules and audiences.",
        ),
        optional("flags", Shape::Map(&FLAGS), "The flags, by key."),
        optional(
            "tenants",
            Shape::Map(&TENANTS),
            "What is known of tenants, by id.",
        ),
    ],
);

static TIER_NAMES: List = list(TIER_NAME, 0, UNBOUNDED);
static SEGMENTS: Map = map("the name of a segment", Shape::Union(&CONDITION), 0, UNBOUNDED);
static FLAGS: Map = map(super::FLAG_KEY, Shape::Object(&FLAG), 0, UNBOUNDED);
static TENANTS: Map = map(super::TENANT_ID, Shape::Object(&TENANT), 0, UNBOUNDED);

static UNKNOWN_TENANT: Union = union(
    "`reject` or `{ tier: NAME }`",
    &[
        scalar(Shape::Choice(&["reject"])),
        mapping(Shape::Object(&UNKNOWN_TENANT_TIER)),
    ],
);
static UNKNOWN_TENANT_TIER: Object = object(
    "a tier for unknown tenants",
    "Judged as a tenant of this tier, on channel stable, not internal, on no list.",
    &[required("tier", TIER_NAME, "The tier.")],
);
static POLICY: Object = object(
    "a policy",
    "Switches of the lifecycle's eligibility.",
    &[
        optional(
            "alpha_overrides",
            Shape::Boolean,
            "Whether an override that is not off makes an alpha flag visible to a customer; left out: true.",
        ),
        optional(
            "beta_opt_in",
            Shape::Boolean,
            "Whether opting in makes a beta flag visible to a tenant; left out: true.",
        ),
    ],
);

/// A flag.
pub(crate) static FLAG: Object = object(
    "a flag",
    "A feature flag. What is left out has the default that the documentation says.",
    &[
        optional("description", Shape::Prose, "What it is, for people."),
        optional("owner", Shape::Prose, "Who answers for it."),
        optional(
            "kind",
            Shape::Choice(&["release", "experiment", "permission", "ops"]),
            "What it is for; left out: release.",
        ),
        optional(
            "lifecycle",
            Shape::Choice(&["alpha", "beta", "ga", "retired", "dev"]),
            "How far it is; left out: alpha. `dev` reads as alpha. Permission and ops flags have none.",
        ),
        optional(
            "enabled",
            Shape::Boolean,
            "The kill switch: false = off for everyone, at once.",
        ),
        optional(
            "default",
            Shape::Union(&SERVE),
            "What is served when nothing else decides; left out: off.",
        ),
        optional(
            "variants",
            Shape::Map(&VARIANTS),
            "Names and values; left out: a boolean flag, on or off.",
        ),
        optional(
            "off",
            Shape::Variant,
            "The variant that means `not given the feature`; left out: off.",
        ),
        optional("tiers", Shape::Map(&TIER_DEFAULTS), "What each tier is served."),
        optional(
            "requires",
            Shape::List(&REQUIRES),
            "Flags that must be on for the same subject.",
        ),
        optional(
            "rules",
            Shape::List(&RULES),
            "Conditions and what they serve; the first that holds decides.",
        ),
        optional(
            "rollout",
            Shape::Object(&ROLLOUT),
            "A percentage of the subjects.",
        ),
        optional(
            "schedule",
            Shape::Object(&SCHEDULE),
            "From when, until when it may be on.",
        ),
        optional(
            "revertible",
            Shape::Boolean,
            "Whether it can be turned back without harm.",
        ),
        optional(
            "expires",
            Shape::Text("a date such as `2027-03-01`"),
            "When it should be gone.",
        ),
        optional(
            "opt_in_serves",
            Shape::Variant,
            "What a tenant that opted in is served; left out: on.",
        ),
        optional(
            "final",
            Shape::Variant,
            "What it serves once retired; left out: on.",
        ),
        optional(
            "salt",
            Shape::Name("a text"),
            "What buckets are salted with; left out: the key.",
        ),
        optional(
            "hash",
            Shape::Choice(&["xxh3"]),
            "The algorithm of buckets: xxh3, the only one so far.",
        ),
    ],
);

static VARIANTS: Map = map("the name of a variant", Shape::Any, 2, UNBOUNDED);
static TIER_DEFAULTS: Map = map("the name of a tier", Shape::Variant, 0, UNBOUNDED);
static REQUIRES: List = list(Shape::Union(&REQUIREMENT), 0, UNBOUNDED);
static RULES: List = list(Shape::Object(&RULE), 0, UNBOUNDED);

static REQUIREMENT: Union = union(
    "a flag key or `{ flag: KEY, is: VARIANT }`",
    &[scalar(FLAG_KEY), mapping(Shape::Object(&REQUIREMENT_OBJECT))],
);
static REQUIREMENT_OBJECT: Object = object(
    "a requirement",
    "A flag and the variant that it must serve.",
    &[
        required("flag", FLAG_KEY, "The flag."),
        optional(
            "is",
            Shape::Variant,
            "The variant; left out: any but its off variant.",
        ),
    ],
);
static RULE: Object = object(
    "a rule",
    "A condition and what it serves.",
    &[
        optional("name", Shape::Prose, "For explanations."),
        required("when", Shape::Union(&CONDITION), "When it applies."),
        required("serve", Shape::Union(&SERVE), "What it serves."),
    ],
);
static SERVE: Union = union(
    "a variant or `{ split: { VARIANT: PERCENT } }`",
    &[scalar(Shape::Variant), mapping(Shape::Object(&SPLIT))],
);
static SPLIT: Object = object(
    "a split",
    "Several variants, each for its share of the subjects.",
    &[
        required(
            "split",
            Shape::Map(&WEIGHTS),
            "Variants and their percentages, which add up to 100.",
        ),
        optional(
            "by",
            BY,
            "What identifies a subject: tenant (left out), user, or an attribute.",
        ),
    ],
);
static WEIGHTS: Map = map("the name of a variant", Shape::Percentage, 1, UNBOUNDED);
static ROLLOUT: Object = object(
    "a rollout",
    "A percentage of the subjects, chosen by a stable hash.",
    &[
        required("percentage", Shape::Percentage, "0 to 100, in steps of 0.001."),
        optional(
            "by",
            BY,
            "What identifies a subject: tenant (left out), user, or an attribute.",
        ),
        optional(
            "audience",
            Shape::Union(&CONDITION),
            "Who takes part; left out: everyone.",
        ),
        optional(
            "serve",
            Shape::Union(&SERVE),
            "What the subjects in it are served; left out: on.",
        ),
    ],
);
static SCHEDULE: Object = Object {
    name: "a schedule",
    doc: "The time outside of which a flag is off.",
    fields: &[
        optional("from", TIME, "The first moment of it."),
        optional("until", TIME, "The first moment after it."),
    ],
    exactly_one: &[],
    at_least_one: &["from", "until"],
};

/// A condition.
pub(crate) static CONDITION: Union = union(
    "a condition",
    &[
        with_key("all", &ALL),
        with_key("any", &ANY),
        with_key("not", &NOT),
        with_key("segment", &SEGMENT),
        with_key("attribute", &CLAUSE),
    ],
);
static CONDITIONS: List = list(Shape::Union(&CONDITION), 1, UNBOUNDED);
static ALL: Object = object(
    "an `all` of conditions",
    "Every one of the conditions holds.",
    &[required("all", Shape::List(&CONDITIONS), "The conditions.")],
);
static ANY: Object = object(
    "an `any` of conditions",
    "At least one of the conditions holds.",
    &[required("any", Shape::List(&CONDITIONS), "The conditions.")],
);
static NOT: Object = object(
    "a `not` of a condition",
    "The condition does not hold.",
    &[required("not", Shape::Union(&CONDITION), "The condition.")],
);
static SEGMENT: Object = object(
    "a segment reference",
    "The condition of the segment holds.",
    &[required("segment", SEGMENT_NAME, "The segment.")],
);
static SCALARS: List = list(Shape::Scalar, 1, UNBOUNDED);
static TEXTS: List = list(Shape::Text("a text"), 1, UNBOUNDED);
static NETWORKS: List = list(
    Shape::Text("an IP address or network such as `10.0.0.0/8`"),
    1,
    UNBOUNDED,
);
static ALTERNATIVES: Union = union(
    "a text or a list of texts",
    &[scalar(Shape::Text("a text")), items(&TEXTS)],
);

/// One operator on one attribute.
pub(crate) static CLAUSE: Object = Object {
    name: "a clause",
    doc: "One operator on one attribute. An attribute that is missing or of another type makes it false.",
    fields: &[
        required(
            "attribute",
            Shape::Name("the name of an attribute"),
            "The attribute.",
        ),
        operator("eq", Shape::Scalar, "Equal."),
        operator("ne", Shape::Scalar, "Of the same type and not equal."),
        operator("in", Shape::List(&SCALARS), "Equal to one of them."),
        operator(
            "not_in",
            Shape::List(&SCALARS),
            "Of the same type and equal to none of them.",
        ),
        operator("gt", Shape::Number, "Greater."),
        operator("gte", Shape::Number, "Greater or equal."),
        operator("lt", Shape::Number, "Less."),
        operator("lte", Shape::Number, "Less or equal."),
        operator(
            "prefix",
            Shape::Union(&ALTERNATIVES),
            "Starts with it, or with one of them.",
        ),
        operator(
            "suffix",
            Shape::Union(&ALTERNATIVES),
            "Ends with it, or with one of them.",
        ),
        operator(
            "contains",
            Shape::Union(&ALTERNATIVES),
            "Has it in it, or one of them.",
        ),
        operator(
            "matches",
            Shape::Text("a regular expression"),
            "The regular expression finds a match.",
        ),
        operator(
            "any_of",
            Shape::List(&TEXTS),
            "The list has at least one of them.",
        ),
        operator("all_of", Shape::List(&TEXTS), "The list has all of them."),
        operator("none_of", Shape::List(&TEXTS), "The list has none of them."),
        operator(
            "semver",
            Shape::Text("a requirement such as `>=1.4, <2`"),
            "The version meets it.",
        ),
        operator("before", TIME, "The time is before it."),
        operator("after", TIME, "The time is after it."),
        operator(
            "ip_in",
            Shape::List(&NETWORKS),
            "The address is in one of the networks.",
        ),
        operator(
            "exists",
            Shape::Boolean,
            "There is such an attribute (true), or none (false).",
        ),
    ],
    exactly_one: &[
        "eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "prefix", "suffix", "contains", "matches",
        "any_of", "all_of", "none_of", "semver", "before", "after", "ip_in", "exists",
    ],
    at_least_one: &[],
};

const fn operator(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    optional(name, shape, doc)
}

static FLAG_KEYS: List = list(FLAG_KEY, 0, UNBOUNDED);

/// A tenant's record.
pub(crate) static TENANT: Object = object(
    "a tenant",
    "What is known of a tenant.",
    &[
        optional("tier", TIER_NAME, "Its tier; left out: none."),
        optional(
            "channel",
            Shape::Choice(&["stable", "latest"]),
            "Its release channel; left out: stable.",
        ),
        optional(
            "internal",
            Shape::Boolean,
            "Whether it is one of our own; left out: false.",
        ),
        optional("beta", Shape::List(&FLAG_KEYS), "The beta allowlist."),
        optional(
            "overrides",
            Shape::Map(&OVERRIDES),
            "Flags and the variant it is made to be served.",
        ),
        optional("opt_in", Shape::List(&FLAG_KEYS), "Flags it opted in to."),
        optional("opt_out", Shape::List(&FLAG_KEYS), "Flags it opted out of."),
        optional("attributes", Shape::Map(&ATTRIBUTES), "What else is known of it."),
    ],
);
static OVERRIDES: Map = map(super::FLAG_KEY, Shape::Variant, 0, UNBOUNDED);
static ATTRIBUTES: Map = map(super::ATTRIBUTE_NAME, Shape::Union(&ATTRIBUTE), 0, UNBOUNDED);
static ATTRIBUTE_TEXTS: List = list(Shape::Text("a text"), 0, UNBOUNDED);
static ATTRIBUTE: Union = union(
    "a text, a number, a boolean or a list of texts",
    &[scalar(Shape::Scalar), items(&ATTRIBUTE_TEXTS)],
);
