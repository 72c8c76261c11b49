//! The form of listeners: where requests arrive, and how connections to them are encrypted.

use super::sluice::{ADDRESS, PATH};
use super::{List, Object, Shape, list, object, optional, required};
use crate::tls::MAX_CERTIFICATES;

/// The most listeners.
const MAX_LISTENERS: usize = 64;

pub(super) static LISTENERS: List = list(Shape::Object(&LISTENER), 1, MAX_LISTENERS);
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
            Shape::Object(&TLS),
            "TLS on its connections; left out: none.",
        ),
        optional(
            "h2c",
            Shape::Boolean,
            "Whether HTTP/2 without TLS is taken, by its preface; left out: false.",
        ),
    ],
);
static TLS: Object = object(
    "a listener's TLS",
    "Certificates and versions. Changes need no restart.",
    &[
        required(
            "certificates",
            Shape::List(&CERTIFICATES),
            "The certificates, chosen by the name that a client asks for; the first also for any other name.",
        ),
        optional(
            "min_version",
            Shape::Choice(&["1.2", "1.3"]),
            "The oldest version of TLS; left out: 1.2.",
        ),
        optional(
            "client_certificates",
            Shape::Object(&CLIENT_CERTIFICATES),
            "Clients are asked for certificates; left out: they aren't.",
        ),
        optional(
            "http2",
            Shape::Boolean,
            "Whether HTTP/2 is offered; left out: true.",
        ),
    ],
);
static CERTIFICATES: List = list(Shape::Object(&CERTIFICATE), 1, MAX_CERTIFICATES);
static CERTIFICATE: Object = object(
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
