//! The form of listeners: where requests arrive, and how connections to them are encrypted.

use super::sluice::{ADDRESS, PATH};
use super::{Field, List, Object, Shape, list, object, optional, required};
use crate::tls::MAX_CERTIFICATES;

/// The most listeners.
const MAX_LISTENERS: usize = 64;
/// The most fields of a head that may be allowed: the HTTP layer takes no more.
const MAX_HEAD_FIELDS: i64 = 256;
/// The most connections that may be allowed.
const MAX_CONNECTIONS: i64 = 1_000_000;

pub(super) static LISTENERS: List = list(Shape::Object(|| &LISTENER), 1, MAX_LISTENERS);
static LISTENER: Object = object(
    "a listener",
    "An address that requests arrive at.",
    &[
        required("name", Shape::Text("a name"), "Its name, in logs."),
        required(
            "address",
            ADDRESS,
            "IP address and port; port 0: the system chooses.",
        ),
        optional(
            "tls",
            Shape::Object(|| &TLS),
            "TLS on its connections; left out: none.",
        ),
        optional(
            "h2c",
            Shape::Boolean,
            "Whether HTTP/2 without TLS is taken, by its preface; left out: false.",
        ),
        optional(
            "proxy_protocol",
            Shape::Boolean,
            "Whether connections begin with a PROXY header of a trusted proxy; left out: false.",
        ),
        optional("limits", Shape::Object(|| &LIMITS), "What connections may take."),
    ],
);
static LIMITS: Object = object(
    "a listener's limits",
    "What connections may take, in time, size and number.",
    &[
        optional(
            "head_timeout",
            Shape::Duration,
            "How long the head of a request may take; left out: 10s.",
        ),
        optional(
            "body_timeout",
            Shape::Duration,
            "How long the body of a request may take; left out: 10m.",
        ),
        optional(
            "write_timeout",
            Shape::Duration,
            "How long a client may take none of what is written to it; left out: 60s.",
        ),
        optional(
            "idle_timeout",
            Shape::Duration,
            "How long a connection may be idle; left out: 60s.",
        ),
        optional("head_size", Shape::Size, "The largest head; left out: 32KiB."),
        optional(
            "head_fields",
            Shape::Integer(1, MAX_HEAD_FIELDS),
            "The most fields of a head; left out: 100.",
        ),
        optional(
            "connections",
            Shape::Integer(1, MAX_CONNECTIONS),
            "The most connections at a time; left out: 10000.",
        ),
        optional(
            "connections_per_client",
            Shape::Integer(1, MAX_CONNECTIONS),
            "The same from one address (IPv6: one /64), trusted proxies excepted; left out: 1000.",
        ),
    ],
);
static TLS: Object = object(
    "a listener's TLS",
    "Certificates and versions. Changes need no restart.",
    &[
        CERTIFICATES_FIELD,
        MIN_VERSION,
        CLIENT_CERTIFICATES_FIELD,
        optional(
            "http2",
            Shape::Boolean,
            "Whether HTTP/2 is offered; left out: true.",
        ),
    ],
);
/// The same of the admin listener, which speaks HTTP/1.
pub(super) static ADMIN_TLS: Object = object(
    "the admin listener's TLS",
    "Certificates and versions. Changes need no restart.",
    &[CERTIFICATES_FIELD, MIN_VERSION, CLIENT_CERTIFICATES_FIELD],
);
const CERTIFICATES_FIELD: Field = required(
    "certificates",
    Shape::List(&CERTIFICATES),
    "The certificates, chosen by the name that a client asks for; the first also for any other name.",
);
const MIN_VERSION: Field = optional(
    "min_version",
    Shape::Choice(&["1.2", "1.3"]),
    "The oldest version of TLS; left out: 1.2.",
);
const CLIENT_CERTIFICATES_FIELD: Field = optional(
    "client_certificates",
    Shape::Object(|| &CLIENT_CERTIFICATES),
    "Clients are asked for certificates; left out: they aren't.",
);
static CERTIFICATES: List = list(Shape::Object(|| &CERTIFICATE), 1, MAX_CERTIFICATES);
pub(super) static CERTIFICATE: Object = object(
    "a certificate",
    "A certificate and its key, in PEM.",
    &[
        required(
            "cert",
            PATH,
            "The certificate, then those between it and its root.",
        ),
        required("key", PATH, "Its private key, not encrypted."),
    ],
);
static CLIENT_CERTIFICATES: Object = object(
    "client certificates",
    "Which certificates clients have, and whether they must.",
    &[
        required("ca", PATH, "Who has to have issued them, in PEM."),
        optional(
            "mode",
            Shape::Choice(&["required", "optional"]),
            "Whether a client without one is turned away; left out: required.",
        ),
    ],
);
