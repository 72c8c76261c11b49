//! The form of routes in `sluice.yaml`: matches, gates, and answers for closed ones.

use super::sluice::{FLAG_KEY, PATH};
use super::{
    Field, List, Map, Object, Shape, UNBOUNDED, Union, list, map, mapping, object, optional, required,
    scalar, union, with_key,
};

const UPSTREAM: Shape = Shape::Text("the name of an upstream");
const REJECT_STATUS: Shape = Shape::Integer(400, 599);

/// The routes.
pub(super) static ROUTES: List = list(Shape::Object(|| &ROUTE), 0, rules::MAX_ROUTES);
/// A route.
static ROUTE: Object = object(
    "a route",
    "Which requests it takes, who may ask, the gate they meet, and where they go.",
    &[
        required("name", Shape::Text("a name"), "Its name, in logs and metrics."),
        required("match", Shape::Union(|| &MATCH), "Which requests it takes."),
        optional(
            "auth",
            Shape::Choice(&["required", "optional", "none"]),
            "Whether a token is asked for; left out: required with a gate, none without.",
        ),
        optional(
            "preflight",
            Shape::Choice(&["gated", "open"]),
            "Whether CORS preflights meet auth and gate; left out: gated.",
        ),
        optional("gate", Shape::Union(|| &GATE), "The condition over flags."),
        optional(
            "mode",
            Shape::Choice(&["enforce", "shadow"]),
            "Whether a closed gate refuses; left out: enforce.",
        ),
        optional(
            "on_error",
            Shape::Choice(&["closed", "open"]),
            "When a flag can't be decided; left out: closed.",
        ),
        optional(
            "body_limit",
            Shape::Size,
            "The largest request body; 0: any; left out: that of all routes.",
        ),
        optional("limit", Shape::Object(|| &LIMIT), "How often it may be asked."),
        optional("upstream", UPSTREAM, "Where an open gate leads."),
        optional(
            "variants",
            Shape::Map(&VARIANTS),
            "Where an open gate leads, by the served variant.",
        ),
        optional(
            "otherwise",
            Shape::Union(|| &OTHERWISE),
            "What a closed gate answers; left out: 404.",
        ),
    ],
);
static LIMIT: Object = object(
    "a limit",
    "How often a tenant or a client may ask; more is a 429.",
    &[
        required(
            "rate",
            Shape::Text("a rate such as `100/s`, `600/m` or `5000/h`"),
            "So many requests in a second, minute or hour.",
        ),
        optional(
            "burst",
            Shape::Integer(1, rules::MAX_LIMIT as i64),
            "How many at once; left out: the number of the rate.",
        ),
        required(
            "by",
            Shape::Choice(&["tenant", "client"]),
            "Whose requests are counted together.",
        ),
    ],
);
static VARIANTS: Map = map("the name of a variant", UPSTREAM, 1, UNBOUNDED);
static MATCH: Union = union(
    "a path or `{ path: PATH }`",
    &[
        scalar(Shape::Text("a path such as `/api/**`")),
        mapping(Shape::Object(|| &MATCH_OBJECT)),
    ],
);
static MATCH_OBJECT: Object = object(
    "a match",
    "Which requests a route takes.",
    &[
        optional(
            "host",
            Shape::Text("a host, or `*.example.com`"),
            "The host; left out: any.",
        ),
        required(
            "path",
            Shape::Text("a path such as `/api/**`"),
            "Exact, with `{name}` segments, or `/below/**`.",
        ),
        optional("methods", Shape::List(&METHODS), "The methods; left out: any."),
        optional("headers", Shape::Map(&HEADER_MATCHES), "What headers must be."),
        optional(
            "trailing_slash",
            Shape::Choice(&["either", "exact"]),
            "Whether an exact path minds one.",
        ),
    ],
);
static METHODS: List = list(Shape::Text("a method such as `GET`"), 1, 32);
static HEADER_MATCHES: Map = map(
    "the name of a header",
    Shape::Union(|| &HEADER_MATCH),
    0,
    rules::MAX_HEADER_MATCHES,
);
static HEADER_MATCH: Union = union(
    "a text, `{ present: true }` or `{ matches: PATTERN }`",
    &[
        scalar(Shape::Text("the header's value")),
        with_key(|| &HEADER_PRESENT),
        with_key(|| &HEADER_MATCHING),
    ],
);
static HEADER_PRESENT: Object = object(
    "a header that is present",
    "Whatever its value.",
    &[required("present", Shape::Boolean, "True.")],
);
static HEADER_MATCHING: Object = object(
    "a header that matches",
    "A regular expression finds a match in its value.",
    &[required(
        "matches",
        Shape::Text("a regular expression"),
        "The expression.",
    )],
);

static GATE: Union = union(
    "a gate",
    &[
        scalar(FLAG_KEY),
        with_key(|| &GATE_FLAG),
        with_key(|| &GATE_ALL),
        with_key(|| &GATE_ANY),
        with_key(|| &GATE_NOT),
    ],
);
static GATES: List = list(Shape::Union(|| &GATE), 1, rules::MAX_GATE_PARTS);
static GATE_FLAG: Object = object(
    "a gate on a flag",
    "The flag is on, or serves a variant.",
    &[
        required("flag", FLAG_KEY, "The flag."),
        optional(
            "is",
            Shape::Variant,
            "The variant; left out: any but its off variant.",
        ),
    ],
);
static GATE_ALL: Object = object(
    "an `all` of gates",
    "Every one is open.",
    &[required("all", Shape::List(&GATES), "The gates.")],
);
static GATE_ANY: Object = object(
    "an `any` of gates",
    "At least one is open.",
    &[required("any", Shape::List(&GATES), "The gates.")],
);
static GATE_NOT: Object = object(
    "a `not` of a gate",
    "It is closed.",
    &[required("not", Shape::Union(|| &GATE), "The gate.")],
);

static OTHERWISE: Union = union(
    "an answer for a closed gate",
    &[
        with_key(|| &OTHERWISE_REJECT),
        with_key(|| &OTHERWISE_UPSTREAM),
        with_key(|| &OTHERWISE_REDIRECT),
    ],
);
const REJECT: Field = required("reject", REJECT_STATUS, "Its status.");
const REVEAL: Field = optional(
    "reveal",
    Shape::Boolean,
    "Whether a 403 names the flag and what the tenant could do.",
);
const REJECT_BODY: Field = optional("body", Shape::Object(|| &BODY), "Its body.");
const OTHER_UPSTREAM: Field = required("upstream", UPSTREAM, "The upstream.");
const REDIRECT: Field = required("redirect", Shape::Text("a URL or an absolute path"), "Where to.");
const REDIRECT_STATUS: Field = optional(
    "status",
    Shape::Integer(301, 308),
    "301, 302, 303, 307 or 308; left out: 302.",
);
const CAUSES: Field = optional(
    "causes",
    Shape::Object(|| &BY_CAUSE),
    "What is answered instead, by the cause that closed the gate.",
);
static OTHERWISE_REJECT: Object = object(
    "a refusal",
    "An answer of Sluice's own. 404 looks exactly like an unknown path.",
    &[REJECT, REVEAL, REJECT_BODY, CAUSES],
);
static OTHERWISE_UPSTREAM: Object = object(
    "another upstream",
    "The existing behaviour.",
    &[OTHER_UPSTREAM, CAUSES],
);
static OTHERWISE_REDIRECT: Object = object(
    "a redirect",
    "To another place.",
    &[REDIRECT, REDIRECT_STATUS, CAUSES],
);

static ANSWER: Union = union(
    "an answer for one cause",
    &[
        with_key(|| &ANSWER_REJECT),
        with_key(|| &ANSWER_UPSTREAM),
        with_key(|| &ANSWER_REDIRECT),
    ],
);
static ANSWER_REJECT: Object = object(
    "a refusal for one cause",
    "An answer of Sluice's own.",
    &[REJECT, REVEAL, REJECT_BODY],
);
static ANSWER_UPSTREAM: Object = object("an upstream of its own", "Where requests go.", &[OTHER_UPSTREAM]);
static ANSWER_REDIRECT: Object = object(
    "a redirect for one cause",
    "To another place.",
    &[REDIRECT, REDIRECT_STATUS],
);
/// The fields are the names of every [`rules::Cause`] that can close a gate.
pub(crate) static BY_CAUSE: Object = object(
    "a table of causes",
    "What is answered, by the cause of the decision that closed the gate.",
    &[
        optional("retired", Shape::Union(|| &ANSWER), "The flag is retired."),
        optional("killed", Shape::Union(|| &ANSWER), "The flag is killed."),
        optional(
            "schedule",
            Shape::Union(|| &ANSWER),
            "It is outside the flag's schedule.",
        ),
        optional(
            "prerequisite",
            Shape::Union(|| &ANSWER),
            "A flag that it requires is not on.",
        ),
        optional("override", Shape::Union(|| &ANSWER), "The tenant's override."),
        optional("opt_out", Shape::Union(|| &ANSWER), "The tenant opted out."),
        optional(
            "lifecycle",
            Shape::Union(|| &ANSWER),
            "The tenant is not eligible at this lifecycle.",
        ),
        optional("rule", Shape::Union(|| &ANSWER), "A rule matched."),
        optional("opt_in", Shape::Union(|| &ANSWER), "The tenant opted in."),
        optional(
            "rollout",
            Shape::Union(|| &ANSWER),
            "The subject is in the rollout.",
        ),
        optional("tier", Shape::Union(|| &ANSWER), "The tier's default."),
        optional("default", Shape::Union(|| &ANSWER), "The flag's default."),
    ],
);
/// A body from a file.
pub(super) static BODY: Object = object(
    "a body",
    "The content of a file.",
    &[
        required("file", PATH, "The file."),
        optional(
            "content_type",
            Shape::Text("a media type"),
            "Its media type; left out: text/html.",
        ),
    ],
);
/// What happens to requests that no route takes.
pub(super) static UNMATCHED: Union = union(
    "`{ reject: STATUS }` or `{ upstream: NAME }`",
    &[with_key(|| &UNMATCHED_REJECT), with_key(|| &ANSWER_UPSTREAM)],
);
static UNMATCHED_REJECT: Object = object(
    "a refusal of unmatched requests",
    "An answer of Sluice's own.",
    &[required("reject", REJECT_STATUS, "Its status.")],
);
