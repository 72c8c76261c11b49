//! Parts of the configurations that tests write.

use testkit::Issuer;

/// A listener and an admin listener on free ports.
pub(crate) const LISTENERS: &str = "\
version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
admin: { address: '127.0.0.1:0' }
";

/// Returns the section of one issuer with its algorithm and keys. Its tokens name the tenant in the claim `tenant`.
pub(crate) fn issuers(issuer: &Issuer, algorithm: &str, keys: &str) -> String {
    let claims = issuer.claims("acme");
    format!(
        "\
issuers:
  - issuer: {name}
    audiences: [{audience}]
    algorithms: [{algorithm}]
    keys: {{ {keys} }}
    claims: {{ tenant: tenant }}
",
        name = claims["iss"].as_str().unwrap(),
        audience = claims["aud"].as_str().unwrap(),
    )
}
