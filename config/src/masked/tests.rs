use std::path::Path;

use super::*;
use crate::form::read_document;
use crate::parse;
use crate::shape::sluice::GatewayDocument;
use crate::source::Sources;

/// Checks that a report masks the texts between `<` and `>` in a gateway document.
fn check(text: &str) {
    let written = text.replace(['<', '>'], "");
    let source = Sources::default()
        .add(Path::new("a.yaml"), written.clone())
        .unwrap();
    let mut problems = Vec::new();
    if let Some(root) = parse::parse(&source, &mut problems) {
        read_document::<GatewayDocument>(&source, &root, &mut problems);
    }
    let mut inside = false;
    let expected: String = text
        .chars()
        .filter_map(|c| match c {
            '<' | '>' => {
                inside = c == '<';
                None
            }
            '\n' => Some('\n'),
            c => Some(if inside { '*' } else { c }),
        })
        .collect();
    assert_eq!(excerpt(&source, 0..written.len()), expected, "of {written}");
}

#[test]
fn a_value_in_a_field_of_secrets_is_masked_in_any_form() {
    check("issuers: [{ keys: { secret: <abc> } }]");
    check("issuers: [{ keys: <abc>, issuer: a }]");
    check("issuers: [{ keys: { secret: [<abc>, <d>] } }]");
    check("issuers:\n  - keys:\n      secret: |\n        <abc\n        def>\n");
    check("issuers: [{ keys: { secrt: <abc> } }]");
    check("issuers: [{ keys: { jwks_url: 'https://a/b', other: <abc> } }]");
    check("issuers: [{ keys: { jwks_url: <hunter2>, refresh: 5m } }]");
    check("issuers: [{ keys: { secret_file: <3q2PXw8dRk1mZb9YaB> } }]");
    check("issuers: [{ password: <abc> }]");
    check("identity: { token: <3q2PXw8dRk1mZb9YaB> }");
    check("headers: { signature: <abc> }");
    check("admin: { operators: { tokens: <abc> } }");
    check("listeners: [{ tls: { certificates: [{ cert: a.pem, key: <MHcCAQEEIBaaaaaa> }] } }]");
}

#[test]
fn references_paths_and_harmless_texts_are_shown() {
    check("issuers: [{ keys: { secret: '${NAME}' }, issuer: 'https://a', audiences: [a] }]");
    check(
        "issuers: [{ keys: { secret_file: keys/a.pem } }, { keys: { jwks_url: 'https://a/b', refresh: x } }]",
    );
    check("identity: { token: { cookie: session }, attributes: { plan: { header: X-Plan } } }");
    check("listeners: [{ tls: { certificates: [{ cert: a.pem, key: a.key }] }, nmae: public }]");
    check("routes: [{ name: a, auth: none, gate: dispatch.v2Board }]");
}

#[test]
fn a_secret_in_a_wrong_place_is_masked() {
    check("issuers: [{ keys: { secret:<hunter2> } }]");
    check("issuers: [{ keys: { <hunter2> } }]");
    check("issuers: [{ keys: { secret: { x: <hunter2> } } }]");
    check("issuers: [{ keys: { secret: { x: { y: [<hunter2>] } } } }]");
    check("issuers: [{ keys: { jwks_url: { x: <hunter2> }, secret_file: { y: <abc> } } }]");
    check(
        "issuers: [{ algorithms: <hunter2>, leeway: <hunter2>, keys: { refresh: <hunter2>, jwks_url: 'https://a' } }]",
    );
    check("issuers: [{ algorithms: [ES265, <hunter2>], leeway: 5x }]");
    check("admin: <hunter2>");
    check(
        "issuers: [{ keys: { refresh: <summer-holiday>, keep_keys: <Zq81xkLw09TTabbcc7>, jwks_url: 'https://a' } }]",
    );
    check(
        "issuers: [{ algorithms: [<summer-holiday>], max_age: <Zq81xkLw09TTabbcc7>, keys: { jwks_file: <Zq81xkLw09TTabbcc7> } }]",
    );
    check("admin: <summer-holiday>");
    check("admin: <ops:summer@127.0.0.1:9090>");
    check("admin: { operators: { tokens: <summer-holiday> } }");
    check("issuers: [{ keys: { secret: '${<hunter2>}' } }, { keys: { secret: '${JWT_SECRET}' } }]");
    check(
        "signing_secret: <a>\nadminToken: <b>\nX-Api-Key: <c>\nlisteners: [{ db_password: <d>, cookie: <e> }]",
    );
}

#[test]
fn a_misspelling_beside_secrets_is_shown() {
    check("admin: 127.0.0.1:9090");
    check("admin: localhost:9090");
    check("admin: { operators: { tokens: operators.yaml } }");
    check("issuers: [{ keys: { refresh: 5 minutes, keep_keys: forever, jwks_url: 'https://a' } }]");
    check("notify: [{ slack: '${A}', events: [feature_flag.killed, <hunter2x.killed>] }]");
    check(
        "issuers: [{ keys: { keep_keys: 99999999999999999d, jwks_url: 'https://login.example/3q2PXw8dRk1mZb9YaB/keys ' } }]",
    );
    check(
        "issuers: [{ algorithms: [RSA-SHA256], max_age: 12 hours, leeway: thirty seconds, keys: { jwks_file: production-public-keys } }]",
    );
    check(
        "issuers: [{ keys: 'https://login.example/jwks' }, { keys: https://<o:p>@login.example/jwks }, { keys: keys/jwks.json }]",
    );
}

#[test]
fn credentials_of_a_host_are_masked_with_and_without_a_scheme() {
    check(
        "upstreams: { app: '<svc:hunter2>@127.0.0.1:28081', b: [], c: { endpoints: ['<svc:h@x>@a:1', { address: '<t>@b:1' }] } }",
    );
    check("upstreams: { app: '<svc:hun/ter2>@127.0.0.1:28081', b: <a:b>@c }");
    check("admin: { address: '<ops:abc>@127.0.0.1:1' }");
    check("listeners: [{ name: a, address: '<ops:abc>@127.0.0.1:1' }]");
    check(
        "issuers: [{ issuer: '<ops:abc>@login.example', keys: { jwks_url: '<ops:abc>@login.example/jwks' } }]",
    );
    check("routes: [{ gate: a, host: '<ops:abc>@a', otherwise: { redirect: '<ops:abc>@login.example/' } }]");
    check("trusted_proxies: ['<a:b>@10.0.0.0/8']");
    check(
        "upstreams: { app: 'http:/<ops:summer>@10.0.0.1:80', b: ['//<ops:pw>@a:1', '\\\\<ops:p@w>@a:1', ':///<:pw>@a:1'] }",
    );
    check(
        "issuers: [{ keys: { jwks_url: 'https:/<sluice:summer>@login.example/k' } }, { keys: { jwks_url: '//<u:pw>@h/k' } }]",
    );
    check("upstreams: { app: '<a:b>@c:1' }\nupstreams: [}");
    check("routes: [{ name: ann@example.com, otherwise: { redirect: 'https://app.example:8443/@me' } }]");
}

#[test]
fn names_that_the_operator_chooses_mark_no_secrets() {
    check(
        "identity: { token: Authorization, attributes: { token: { header: X-Token }, key: { cookie: api_key } } }",
    );
    check("issuers: [{ claims: { tenant: org, attributes: { key: token.id, password: hash } } }]");
    check(
        "issuers: [{ keys: { pem_file: keys/Prod2026WildcardKey1.pem } }, { keys: { secret_file: /run/Secrets/Prod2026WildcardKey1 } }]",
    );
    check("routes: [{ match: { path: /a, headers: { X-Api-Key: { present: true }, token: abc } } }]");
}

#[test]
fn secrets_are_masked_by_their_shape_in_any_field() {
    check("routes: [{ name: <sluice_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE> }]");
    check("upstreams: { a: 'https://<u:p>@host' }");
    check("environment: <eyJhbGciOiJFUzI1NiJ9.eyJvcmciOiJhY21lIn0.c2ln>");
    check("a: |\n  -----BEGIN PRIVATE KEY-----<\n  MHcCAQ\n  >-----END PRIVATE KEY-----\n");
}

#[test]
fn invalid_yaml_and_repeated_keys_are_masked_by_names() {
    check("keys: { secret: <abc>, refresh: 5m }\n\tb");
    check("secret: '<abc>'\n}");
    check("{\"secret\": \"<abc>\", \"a\": \"b\"");
    check("secret: |<\n  abc\n  def\n>a: b\n}");
    check("password : <abc def>\n}");
    check("secret: \"${NAME}\"\nsecret_file: abc\n}");
    check("issuers: [{ keys: { secret: <abc>, secret: <def >} }]");
    check("secret: <$ecret>\n}");
    check("secret: '<${hunter2}>'\nkeys: { secret: ${NAME} }\n}");
}

#[test]
fn values_of_several_lines_are_masked_in_invalid_yaml() {
    check("a:\n  secret:\n    <summer-holiday\n>  b: c\n}");
    check("secret: # why\n\n  # since\n  <summer\n  holiday\n>b: c\n}");
    check("secret: <summer\n  holiday: x\n>b: c\n}");
    check("secret:\n<summer-holiday>\nb: c\n}");
    check("secrets:\n  <- summer\n  - holiday\n>b: c\n}");
    check("secrets:\n<- summer\n- holiday\n>b: c\n}");
    check("secrets: [<\n  summer,\n  holiday >]\nb: c\n}");
    check("- secret: |<\n    abc\n>  b: c\n- secret: <d\n>- b\n}");
    check("a: { secret:\n  <summer>, b: c }\n}");
    check("a: { secret: <summer\n  holiday>, b: c }\n}");
    check("{\"secret\":\n  <\"summer\">,\n  \"b\": \"c\"");
    check("secret: <|summer>\n}");
    check("secret = <summer holiday>\ndb_password=<abc def>\nb = c\nd: {");
    // This is YAML: one text of several lines.
    check("<secret = summer\nb = c>");
    check("secret = <summer>");
    check(
        "keys:\n  jwks_url: https://a\n  refresh: 5m\ntokens:\n  - name: ann\n    role: viewer\nsecret:\nb: c\n}",
    );
}

#[test]
fn a_comment_is_masked_by_the_names_in_it() {
    check(
        "version: 1 # secret: <summer-holiday>\n#password = <abc>\nflags: { file: a.yaml } # see the wiki, b: c",
    );
}

#[test]
fn credentials_of_a_host_are_masked_in_any_key() {
    check("upstreams: { '<ops:summer>@127.0.0.1:8082': [], <a:b>@c: [], https://<token>@d: [] }");
    check("'<ops:summer>@a': 1\nroutes: [{ '<ops:summer>@a': 2 }]");
    check("issuers: [{ keys: { secret:<hunter2> }, claims: { attributes: { ann@example.com: a } } }]");
}
