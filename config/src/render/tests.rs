use super::has_secret;

#[test]
fn a_line_with_a_secret_is_known_however_it_is_written() {
    for line in [
        "    keys: { secret: abc }",
        "secret: 'abc'",
        "{\"secret\": \"abc\"}",
        "  secret : abc",
        "  secret: \"abc",
        "keys: { secret: abc, pem_file: a.pem }",
    ] {
        assert!(has_secret(line), "{line}");
    }
}

#[test]
fn references_and_files_are_no_secrets() {
    for line in [
        "secret: ${NAME}",
        "secret: \"${NAME}\"",
        "secret_file: abc",
        "secret:",
        "# no secret here",
        "{\"secret\": \"${X}\"}",
    ] {
        assert!(!has_secret(line), "{line}");
    }
}
