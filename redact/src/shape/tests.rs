//! Tests that each shape is found in every context, and that similar text is left alone.

use crate::masked;

const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJvcmciOiJhY21lIn0.c2lnbmF0dXJl-_";

/// Checks that the text between `<` and `>` is the only secret of `text`.
fn check(text: &str) {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{ab}' | '\u{bb}'))
        .collect();
    let mut expected = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '\u{ab}' => inside = true,
            '\u{bb}' => inside = false,
            c if inside && c != '\n' => expected.push_str(&"*".repeat(c.len_utf8())),
            c => expected.push(c),
        }
    }
    assert_eq!(masked(&plain), expected, "of {plain}");
}

#[test]
fn a_jwt_is_masked_whole_and_in_parts() {
    check(&format!("the token \u{ab}{JWT}\u{bb} is refused"));
    check(&format!("a=\u{ab}{JWT}\u{bb}&b=1"));
    check(&format!("%20\u{ab}{JWT}\u{bb}"));
    check(&format!("\\n\u{ab}{JWT}\u{bb}\\n"));
    check(&format!("`\u{ab}{}...\u{bb}`", &JWT[..30]));
    check("eyJ is how it begins");
    check("the flag eyJumping");
}

#[test]
fn credentials_after_an_auth_scheme_are_masked() {
    check("Bearer \u{ab}s3cret\u{bb}");
    check("bearer \u{ab}aaaaaaaaaaaaaaaaaaaa\u{bb}");
    check("BEARER%20\u{ab}a.b-c\u{bb}");
    check("Basic \u{ab}dTpw\u{bb}");
    check("basic \u{ab}b3BzOmh1bnRlcjI=\u{bb},");
    check("WWW-Authenticate: Bearer realm=\"sluice\"");
    check("bearer tokens are refused");
    check("the basic tier2 and the basic authentication");
}

#[test]
fn token_placeholders_are_not_masked() {
    check("send `authorization: Bearer TOKEN`");
    check("authorization is not `Bearer TOKEN`");
    check("curl -H \"Authorization: Bearer ACCESS_TOKEN\"");
    check("Bearer \u{ab}TOKEN1\u{bb} and Bearer \u{ab}HUNTER\u{bb}");
    check("authorization: \u{ab}Bearer HUNTER\u{bb}");
}

#[test]
fn a_private_key_is_masked_and_a_public_one_is_not() {
    check(
        "a\n-----BEGIN EC PRIVATE KEY-----\u{ab}\nMHcCAQEEIB\nAwEHoUQD==\n\u{bb}-----END EC PRIVATE KEY-----\nb",
    );
    check("-----BEGIN PRIVATE KEY-----\u{ab}\\nMHcCAQ\u{bb}");
    check("{\"key\":\"-----BEGIN PRIVATE KEY-----\u{ab}\\nMHcCAQ\u{bb}\",\"a\":\"b\"}");
    check("a key begins with `-----BEGIN PRIVATE KEY-----` and a line");
    check("-----BEGIN PUBLIC KEY-----\nMHcCAQEEIB\n-----END PUBLIC KEY-----\n");
    check("-----BEGIN CERTIFICATE-----\nMHcCAQEEIB\n-----END CERTIFICATE-----\n");
}

#[test]
fn the_user_of_a_url_is_masked() {
    check("https://\u{ab}ops:hunter2\u{bb}@login.example/jwks");
    check("`https://\u{ab}t0ken\u{bb}@login.example`");
    check("redis://\u{ab}:p@ss\u{bb}@cache:6379");
    check("https://\u{ab}\u{fc}:\u{e9}\u{bb}@host");
    check("https://login.example/users/@me?to=a@b");
}

#[test]
fn tokens_with_a_known_prefix_are_masked() {
    check("\u{ab}sluice_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE\u{bb}");
    check("\u{ab}AKIAIOSFODNN7EXAMPLE\u{bb}");
    check("(\u{ab}ghp_16C7e42F292c6912E7710c838347Ae178B4a\u{bb})");
    check("\u{ab}xoxb-2048-abcdef\u{bb} \u{ab}sk_live_4eC39HqLyjWDarjtT1zdp7dc\u{bb}");
    check("\u{ab}glpat-AbCdEfGhIjKlMnOpQrSt\u{bb}");
}

#[test]
fn named_values_are_masked() {
    check("/jwks?access_token=\u{ab}abc\u{bb}&kid=1");
    check("password=\u{ab}hunter2\u{bb} user=ops");
    check("token=\"\u{ab}a b\u{bb}\" x");
    check("{\"client_secret\": \"\u{ab}a\\\"b\u{bb}\", \"n\": 1}");
    check("{\\\"token\\\":\\\"\u{ab}abc\u{bb}\\\"}");
    check("authorization: \u{ab}whatever comes\u{bb}\nhost: a");
    check("{\"authorization\": \"\u{ab}Custom a b\u{bb}\"}");
    check("\"cookie\": \"\u{ab}sid=1; t=2\u{bb}\"");
    check("secret: \"${NAME}\" secret=${NAME}");
    check("identity: { token: { cookie: session } }");
    check("no token: the route asks for one");
}

#[test]
fn values_are_masked_by_the_words_of_their_name() {
    check("hmac_key=\u{ab}abc\u{bb} secretKey=\u{ab}d\u{bb} X-Api-Key=\u{ab}e\u{bb}");
    check(
        "{\"adminToken\": \"\u{ab}abc\u{bb}\", \"db.password\":\"\u{ab}d\u{bb}\", \"cookie\":\"\u{ab}e\u{bb}\"}",
    );
    check("key=dispatch.core keys=3 hash=xxh3 secret_file=a token_type=bearer \"access_key_id\": \"a\"");
}

#[test]
fn ordinary_output_is_not_masked() {
    check("sluice_reload_last_success_timestamp_seconds{issuer=\"https://login.example\"} 1");
    check("revision=118-22d3f87f96c6 request_id=496e926b97474be697f0942b9ad61a2f");
    check(
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    );
    check("flag `dispatch.v2Board` tenant acme user u-1 sk_live_migration npm_cache AKIA xoxo-");
    check("listening listener=\"public\" address=127.0.0.1:18100");
    check("./sluice-demo/flags.yaml:15:16 /etc/sluice/keys/Production2026/issuer.pem");
    check("the claim email is ops@example.com");
}
