//! The form of the admin listener, of operators and of the policy of changes.

use super::issuer::{self, CLAIM};
use super::listener::ADMIN_TLS;
use super::sluice::{ADDRESS, PATH};
use super::{
    List, Map, Object, Shape, Union, list, map, mapping, object, optional, required, scalar, union, with_key,
};

/// The roles of operators.
static ROLES: [&str; 4] = ["viewer", "operator", "platform-admin", "org-admin"];
/// The most static tokens.
const MAX_TOKENS: usize = 1_000;

/// Where the admin API, health and metrics are.
pub(super) static ADMIN: Union = union(
    "`off` or `{ address: IP:PORT }`",
    &[
        scalar(Shape::Choice(&["off"])),
        mapping(Shape::Object(|| &ADMIN_OBJECT)),
    ],
);
static ADMIN_OBJECT: Object = object(
    "an admin listener",
    "The admin API, health and metrics.",
    &[
        required(
            "address",
            ADDRESS,
            "An address and port; without operators, a loopback one.",
        ),
        optional(
            "tls",
            Shape::Object(|| &ADMIN_TLS),
            "TLS on its connections; left out: none.",
        ),
        optional(
            "operators",
            Shape::Object(|| &OPERATORS),
            "Who may operate; left out: whoever connects from this machine.",
        ),
    ],
);
static OPERATORS: Object = Object {
    name: "operators",
    doc: "Who may operate.",
    fields: &[
        optional("tokens", Shape::Union(|| &TOKENS), "Where the static tokens are."),
        optional(
            "issuer",
            Shape::Object(|| &ISSUER),
            "Whose tokens are believed, and what their roles are here.",
        ),
    ],
    exactly_one: &[],
    at_least_one: &["tokens", "issuer"],
};
static TOKENS: Union = union(
    "`{ file: PATH }` or `{ env: ${NAME} }`",
    &[with_key(|| &TOKENS_FILE), with_key(|| &TOKENS_ENV)],
);
static TOKENS_FILE: Object = object(
    "a file of tokens",
    "Static tokens in a file, which is read again when it changes.",
    &[required("file", PATH, "The file.")],
);
static TOKENS_ENV: Object = object(
    "tokens from the environment",
    "The same text in an environment variable.",
    &[required(
        "env",
        Shape::Secret,
        "The environment variable that holds it: `${NAME}`.",
    )],
);
static ISSUER: Object = object(
    "an issuer of operators",
    "Whose tokens are believed, how they are checked, and what their roles are here.",
    &[
        issuer::NAME,
        issuer::AUDIENCES,
        issuer::ALGORITHMS,
        issuer::KEYS,
        required(
            "claims",
            Shape::Object(|| &CLAIMS),
            "Where in the claims roles, org and name are.",
        ),
        required(
            "roles",
            Shape::Map(&ROLE_MAPPING),
            "What a value of the claim of roles is here; others are nothing.",
        ),
        issuer::LEEWAY,
        issuer::MAX_AGE,
        issuer::TYP,
    ],
);
static CLAIMS: Object = object(
    "a mapping of operators' claims",
    "Where in the claims an operator is: names joined by dots, or a JSON pointer.",
    &[
        required("roles", CLAIM, "The roles: a text or a list of texts."),
        optional("org", CLAIM, "The org of an org's admin; left out: org."),
        optional("name", CLAIM, "The name for the audit log; left out: sub."),
    ],
);
static ROLE_MAPPING: Map = map("a value of the claim", Shape::Choice(&ROLES), 1, 100);

/// The document of static tokens.
pub(crate) static TOKENS_DOCUMENT: Object = object(
    "a document of tokens",
    "Static tokens of operators; `sluice operators token` makes an entry.",
    &[
        required("version", Shape::Version, "The version of this format: 1."),
        required("tokens", Shape::List(&ENTRIES), "The tokens."),
    ],
);
static ENTRIES: List = list(Shape::Object(|| &ENTRY), 0, MAX_TOKENS);
static ENTRY: Object = object(
    "a static token",
    "Whose it is, and what is kept of it.",
    &[
        required("name", Shape::Name("a name"), "Whose it is, for the audit log."),
        required("role", Shape::Choice(&ROLES), "What he may do."),
        optional(
            "org",
            Shape::Text(super::TENANT_ID),
            "For `org-admin`: of which org.",
        ),
        required("hash", Shape::Text("a hash"), "The hash, as it was printed."),
        optional(
            "expires",
            Shape::Text("an RFC 3339 time"),
            "From when on it counts no more.",
        ),
    ],
);

/// Returns true for the name of a field of a document of tokens.
pub(crate) fn is_field_of_tokens(name: &str) -> bool {
    TOKENS_DOCUMENT
        .field(name)
        .or_else(|| ENTRY.field(name))
        .is_some()
}

/// What changes must meet.
pub(super) static CONTROL: Object = object(
    "a policy of changes",
    "What changes at run time must meet.",
    &[
        optional(
            "promotion",
            Shape::Object(|| &PROMOTION),
            "What a flag must have to be promoted.",
        ),
        optional(
            "max_blast_radius",
            Shape::Integer(0, 1_000_000_000),
            "More tenants than these change only with force; 0: any number; left out: 1000.",
        ),
        optional(
            "stale",
            Shape::Object(|| &STALE),
            "From when on flags count as stale.",
        ),
    ],
);
static STALE: Object = object(
    "a policy of stale flags",
    "From when on flags have outlived their purpose.",
    &[
        optional(
            "ga",
            Shape::Duration,
            "Ga for longer, with nothing against it; left out: 14d.",
        ),
        optional(
            "unused",
            Shape::Duration,
            "Older than this, and named by no gate; left out: 14d.",
        ),
        optional(
            "undecided",
            Shape::Duration,
            "Not decided for longer; left out: 30d.",
        ),
    ],
);
static PROMOTION: Object = object(
    "a policy of promotions",
    "What a flag must have to be promoted.",
    &[
        optional(
            "soak",
            Shape::Duration,
            "How long it was in its present state; left out: 24h.",
        ),
        optional(
            "ga",
            Shape::Object(|| &GA),
            "What it must have besides to become ga.",
        ),
    ],
);
static GA: Object = object(
    "a policy of promotions to ga",
    "What a flag must have to become ga.",
    &[
        optional(
            "tenants",
            Shape::Integer(0, 1_000_000_000),
            "So many that opted in or are on the allowlist have it on; left out: 10.",
        ),
        optional(
            "stable",
            Shape::Duration,
            "Neither killed, restored nor reverted for so long; left out: 72h.",
        ),
        optional(
            "revertible",
            Shape::Choice(&["required", "optional"]),
            "Whether the document must say that it is revertible; left out: required.",
        ),
        optional(
            "sign_offs",
            Shape::List(&SIGN_OFFS),
            "On whose behalf somebody must sign off; left out: nobody's.",
        ),
        optional(
            "errors",
            Shape::Integer(0, 1_000_000_000),
            "So many requests that it let through may have met errors; left out: 0.",
        ),
        optional(
            "errors_window",
            Shape::Duration,
            "In which time errors are counted; left out: 24h.",
        ),
    ],
);
static SIGN_OFFS: List = list(Shape::Name("a role that signs off"), 0, 32);
