//! The form of issuers and of identity in `sluice.yaml`.

use super::sluice::PATH;
use super::{Field, List, Map, Object, Shape, Union, list, map, object, optional, required, union, with_key};

pub(super) const CLAIM: Shape = Shape::Text("a path into the claims such as `org.id`");
/// The most issuers.
const MAX_ISSUERS: usize = 64;

/// The issuers.
pub(super) static ISSUERS: List = list(Shape::Object(|| &ISSUER), 0, MAX_ISSUERS);
static ISSUER: Object = object(
    "an issuer",
    "Whose tokens are believed, and how they are checked.",
    &[
        NAME,
        AUDIENCES,
        ALGORITHMS,
        KEYS,
        required(
            "claims",
            Shape::Object(|| &CLAIMS),
            "Where in the claims the tenant and the rest are.",
        ),
        LEEWAY,
        MAX_AGE,
        TYP,
    ],
);

// The fields that issuers of tenants' tokens and of operators' tokens have alike.
pub(super) const NAME: Field = required(
    "issuer",
    Shape::Text("the issuer's name"),
    "The `iss` of its tokens.",
);
pub(super) const AUDIENCES: Field = required(
    "audiences",
    Shape::List(&AUDIENCE_LIST),
    "At least one of them is in the `aud` of a token.",
);
pub(super) const ALGORITHMS: Field = required(
    "algorithms",
    Shape::List(&ALGORITHM_LIST),
    "What its tokens are signed with.",
);
pub(super) const KEYS: Field = required("keys", Shape::Union(|| &KEY_SOURCE), "Where its keys are.");
pub(super) const LEEWAY: Field = optional(
    "leeway",
    Shape::Duration,
    "How far clocks may be apart; left out: 30s.",
);
pub(super) const MAX_AGE: Field =
    optional("max_age", Shape::Duration, "How old a token may be by its `iat`.");
pub(super) const TYP: Field = optional(
    "typ",
    Shape::Text("a token type such as `at+jwt`"),
    "The `typ` that its tokens must have.",
);
static AUDIENCE_LIST: List = list(Shape::Text("an audience"), 1, tokens::MAX_AUDIENCES);
static ALGORITHM_LIST: List = list(Shape::Choice(&ALGORITHM_NAMES), 1, ALGORITHM_NAMES.len());
/// The names of every [`tokens::Algorithm`].
pub(crate) static ALGORITHM_NAMES: [&str; 12] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "EdDSA",
];
static KEY_SOURCE: Union = union(
    "a source of keys",
    &[
        with_key(|| &JWKS_URL),
        with_key(|| &JWKS_FILE),
        with_key(|| &PEM_FILE),
        with_key(|| &SECRET),
        with_key(|| &SECRET_FILE),
    ],
);
static JWKS_URL: Object = object(
    "a JWKS URL",
    "Keys that are fetched.",
    &[
        required(
            "jwks_url",
            Shape::Text("an http or https URL"),
            "Where the JWKS is.",
        ),
        optional(
            "refresh",
            Shape::Duration,
            "How often it is fetched again; left out: 5m.",
        ),
        optional(
            "keep_keys",
            Shape::Duration,
            "How long the last good keys are used after fetches began to fail; left out: without limit.",
        ),
    ],
);
static JWKS_FILE: Object = object(
    "a JWKS file",
    "Keys in a JWKS.",
    &[required("jwks_file", PATH, "The JWKS.")],
);
static PEM_FILE: Object = object(
    "a PEM file",
    "One public key.",
    &[required("pem_file", PATH, "The public key.")],
);
static SECRET: Object = object(
    "a secret from the environment",
    "A shared secret.",
    &[required(
        "secret",
        Shape::Secret,
        "The environment variable that holds it: `${NAME}`.",
    )],
);
static SECRET_FILE: Object = object(
    "a secret from a file",
    "A shared secret.",
    &[required("secret_file", PATH, "The file that holds it.")],
);
static CLAIMS: Object = object(
    "a mapping of claims",
    "Where in the claims the subject is: names joined by dots, or a JSON pointer.",
    &[
        required("tenant", CLAIM, "The tenant's id."),
        optional("user", CLAIM, "The user's id; left out: sub."),
        optional("groups", CLAIM, "The user's groups."),
        optional(
            "attributes",
            Shape::Map(&CLAIM_ATTRIBUTES),
            "Attributes, by name.",
        ),
    ],
);
static CLAIM_ATTRIBUTES: Map = map(super::ATTRIBUTE_NAME, CLAIM, 0, tokens::MAX_ATTRIBUTES);

/// Where in a request identity is.
pub(super) static IDENTITY: Object = object(
    "an identity",
    "Where in a request the token and attributes are.",
    &[
        optional(
            "token",
            Shape::Union(|| &REQUEST_VALUE),
            "Where the token is; left out: authorization.",
        ),
        optional(
            "tenant",
            Shape::Object(|| &CERTIFICATE_TENANT),
            "Who is asking where there is no token.",
        ),
        optional(
            "attributes",
            Shape::Map(&REQUEST_ATTRIBUTES),
            "Attributes from the request: only as true as whoever sets them.",
        ),
        optional(
            "realm",
            Shape::Text("a name"),
            "For WWW-Authenticate; left out: sluice.",
        ),
    ],
);
static CERTIFICATE_TENANT: Object = object(
    "a tenant from a certificate",
    "The tenant that a client's certificate names.",
    &[required(
        "client_cert",
        Shape::Choice(&["san_dns", "san_uri", "cn"]),
        "Where in the certificate it is.",
    )],
);
static REQUEST_ATTRIBUTES: Map = map(super::ATTRIBUTE_NAME, Shape::Union(|| &ATTRIBUTE_VALUE), 0, 32);
static ATTRIBUTE_VALUE: Union = union(
    "`{ header: NAME }`, `{ cookie: NAME }` or `{ client: address }`",
    &[
        with_key(|| &FROM_HEADER),
        with_key(|| &FROM_COOKIE),
        with_key(|| &FROM_CLIENT),
    ],
);
static FROM_CLIENT: Object = object(
    "a value of the client",
    "What is known of the client's connection.",
    &[required(
        "client",
        Shape::Choice(&["address"]),
        "Its address, as trusted proxies tell it.",
    )],
);
static REQUEST_VALUE: Union = union(
    "`{ header: NAME }` or `{ cookie: NAME }`",
    &[with_key(|| &FROM_HEADER), with_key(|| &FROM_COOKIE)],
);
static FROM_HEADER: Object = object(
    "a value from a header",
    "A request header.",
    &[required(
        "header",
        Shape::Text("the name of a header"),
        "Its name.",
    )],
);
static FROM_COOKIE: Object = object(
    "a value from a cookie",
    "A cookie.",
    &[required(
        "cookie",
        Shape::Text("the name of a cookie"),
        "Its name.",
    )],
);
