//! The form of `sluice.yaml`. What its names, addresses and patterns must be beyond that is judged in `lower`.

use super::admin::{ADMIN, CONTROL};
use super::headers::HEADERS;
use super::issuer::{IDENTITY, ISSUERS};
use super::limits::LIMITS;
use super::listener::LISTENERS;
use super::proxies::TRUSTED_PROXIES;
use super::route::{BODY, ROUTES, UNMATCHED};
use super::upstream::UPSTREAMS;
use super::{Map, Object, Shape, Union, map, mapping, object, optional, required, scalar, union, with_key};

pub(super) const FLAG_KEY: Shape = Shape::Text(super::FLAG_KEY);
pub(super) const ADDRESS: Shape = Shape::Text("an address such as `127.0.0.1:8080`");
pub(crate) const PATH: Shape = Shape::Text("a file, relative to this document");

/// The document.
pub(crate) static DOCUMENT: Object = object(
    "a gateway document",
    "What Sluice listens on, whom it believes, where it forwards, and which gates it keeps.",
    &[
        required("version", Shape::Version, "The version of this format: 1."),
        optional(
            "environment",
            Shape::Union(|| &ENVIRONMENT),
            "The environment; left out: production. Development and staging are relaxed, others enforced.",
        ),
        required(
            "listeners",
            Shape::List(&LISTENERS),
            "Where requests arrive. A change needs a restart.",
        ),
        optional(
            "admin",
            Shape::Union(|| &ADMIN),
            "Where the admin API, health and metrics are; left out: 127.0.0.1:9090. A change needs a restart.",
        ),
        optional(
            "control",
            Shape::Object(|| &CONTROL),
            "What changes at run time must meet. A change needs a restart.",
        ),
        required("flags", Shape::Union(|| &FLAGS), "Where the flags are."),
        optional(
            "break_glass",
            Shape::Object(|| &BREAK_GLASS),
            "Where a flag can be killed on this machine for a while; left out: nowhere. A change needs a restart.",
        ),
        optional(
            "trusted_proxies",
            Shape::Union(|| &TRUSTED_PROXIES),
            "Whose word on where a request comes from counts; left out: nobody's.",
        ),
        optional("issuers", Shape::List(&ISSUERS), "Whose tokens are believed."),
        optional(
            "identity",
            Shape::Object(|| &IDENTITY),
            "Where in a request the token and attributes are.",
        ),
        required(
            "upstreams",
            Shape::Map(&UPSTREAMS),
            "Where requests are forwarded, by name.",
        ),
        optional(
            "routes",
            Shape::List(&ROUTES),
            "Which requests go where, and the gates they meet.",
        ),
        optional(
            "unmatched",
            Shape::Union(|| &UNMATCHED),
            "What happens to other requests; left out: 404.",
        ),
        optional(
            "target",
            Shape::Object(|| &TARGET),
            "How request targets are read.",
        ),
        optional(
            "headers",
            Shape::Object(|| &HEADERS),
            "What upstreams are told of the decision.",
        ),
        optional(
            "errors",
            Shape::Map(&ERRORS),
            "Bodies for answers of Sluice's own, by status.",
        ),
        optional(
            "body_limit",
            Shape::Size,
            "The largest request body; 0: none; left out: 10MiB.",
        ),
        optional(
            "access_log",
            Shape::Object(|| &ACCESS_LOG),
            "One line for each request. A change needs a restart.",
        ),
        optional("drain", Shape::Object(|| &DRAIN), "How the process ends."),
        optional(
            "limits",
            Shape::Object(|| &LIMITS),
            "How much the process takes, and one client of it. A change needs a restart.",
        ),
        optional(
            "threads",
            Shape::Integer(1, 1024),
            "Threads that serve requests; left out: one a core.",
        ),
    ],
);

static ENVIRONMENT: Union = union(
    "a name or `{ name: NAME, lifecycle: relaxed }`",
    &[
        scalar(Shape::Text("a name")),
        mapping(Shape::Object(|| &ENVIRONMENT_OBJECT)),
    ],
);
static ENVIRONMENT_OBJECT: Object = object(
    "an environment",
    "Its name and what it lets alpha and beta flags do.",
    &[
        required("name", Shape::Text("a name"), "Its name."),
        optional(
            "lifecycle",
            Shape::Choice(&["relaxed", "enforced"]),
            "Whether the lifecycle is enforced.",
        ),
    ],
);
static FLAGS: Union = union(
    "`{ file: PATH }`, `{ directory: PATH }` or `{ store: { sqlite: PATH } }`",
    &[
        with_key(|| &FLAGS_FILE),
        with_key(|| &FLAGS_DIRECTORY),
        with_key(|| &FLAGS_STORE),
    ],
);
static FLAGS_FILE: Object = object(
    "a flags file",
    "One document with all flags.",
    &[required("file", PATH, "Its path.")],
);
static FLAGS_DIRECTORY: Object = object(
    "a flags directory",
    "Several documents that are merged: every `*.yaml`, `*.yml` and `*.json` in it.",
    &[required(
        "directory",
        Shape::Text("a directory, relative to this document"),
        "Its path.",
    )],
);

static BREAK_GLASS: Object = object(
    "a break-glass",
    "A socket through which flags are killed on this machine, and the journal of that.",
    &[
        required(
            "socket",
            Shape::Text("a path, relative to this document"),
            "The socket; only its owner may open it.",
        ),
        required(
            "journal",
            Shape::Text("a path, relative to this document"),
            "What was done; it is read again at the next start.",
        ),
    ],
);

static FLAGS_STORE: Object = object(
    "a managed set of flags",
    "Flags that are operated through the admin listener, and kept in a store.",
    &[required(
        "store",
        Shape::Object(|| &STORE),
        "Where they are kept.",
    )],
);
static STORE: Object = object(
    "a store",
    "Where flags, tenants and the audit log are kept.",
    &[
        required(
            "sqlite",
            Shape::Text("a directory, relative to this document"),
            "The directory of an embedded database. A change needs a restart.",
        ),
        optional(
            "seed",
            Shape::Text("a file or directory, relative to this document"),
            "The flags document that an empty store begins with; left out: none. Looked at only then.",
        ),
    ],
);

static TARGET: Object = object(
    "a reading of targets",
    "How request targets are read.",
    &[optional(
        "encoded_slash",
        Shape::Choice(&["reject", "decode", "keep"]),
        "What `%2F` means; left out: reject.",
    )],
);

static ERRORS: Map = map("a status", Shape::Object(|| &BODY), 0, 200);
static ACCESS_LOG: Object = object(
    "an access log",
    "One JSON line for each request.",
    &[
        optional(
            "output",
            Shape::Union(|| &LOG_OUTPUT),
            "Where to; left out: stdout.",
        ),
        optional(
            "format",
            Shape::Choice(&["json", "human"]),
            "For machines (left out) or for people.",
        ),
        optional(
            "query",
            Shape::Boolean,
            "Whether queries are logged; left out: false.",
        ),
    ],
);
static LOG_OUTPUT: Union = union(
    "`stdout`, `stderr`, `off` or `{ file: PATH }`",
    &[
        scalar(Shape::Choice(&["stdout", "stderr", "off"])),
        mapping(Shape::Object(|| &LOG_FILE)),
    ],
);
static LOG_FILE: Object = object(
    "a log file",
    "Lines are appended to it.",
    &[required("file", PATH, "Its path.")],
);
static DRAIN: Object = object(
    "a drain",
    "What happens on SIGTERM.",
    &[
        optional(
            "delay",
            Shape::Duration,
            "How long it serves on, not ready; left out: 0s.",
        ),
        optional(
            "timeout",
            Shape::Duration,
            "How long requests in flight may take; left out: 30s.",
        ),
    ],
);
