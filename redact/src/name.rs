//! Names of fields that hold secrets, known by their words: `db_password`, `signingSecret`, `X-Api-Key`.

/// Words that mark a value as secret by themselves. A longer word may end with one: `clientsecret`.
const SECRETS: [&str; 14] = [
    "assertion",
    "bearer",
    "cookie",
    "credential",
    "hmac",
    "jwt",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
    "apikey",
];
/// Words that make a secret of a `key` behind them.
const QUALIFIERS: [&str; 12] = [
    "access",
    "account",
    "api",
    "auth",
    "client",
    "encryption",
    "master",
    "private",
    "service",
    "shared",
    "signature",
    "signing",
];
/// Last words of names that describe a secret instead of holding it: `token_path`.
const DESCRIPTIONS: [&str; 22] = [
    "age",
    "bytes",
    "count",
    "directory",
    "env",
    "error",
    "expires",
    "file",
    "header",
    "id",
    "length",
    "limit",
    "name",
    "path",
    "prefix",
    "seconds",
    "timeout",
    "total",
    "ttl",
    "type",
    "uri",
    "url",
];

/// Returns true if a field of this name holds a secret. Words are compared in any case.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let (mut found, mut qualified, mut last) = (false, false, "");
    for word in words(name) {
        let is_secret = SECRETS.iter().any(|secret| ends_with_word(word, secret));
        found |= is_secret || (is_word(word, "key") && qualified);
        found |= QUALIFIERS.iter().any(|one| is_joined(word, one));
        qualified |= is_secret || QUALIFIERS.iter().any(|one| one.eq_ignore_ascii_case(word));
        last = word;
    }
    found && !DESCRIPTIONS.iter().any(|one| is_word(last, one))
}

/// Returns the words of a name. They end at each character that is no letter or digit, and before a capital.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    parts.flat_map(camel_words).filter(|word| !word.is_empty())
}

/// Splits camel case: `adminToken` is `admin` and `Token`, `APIKey` is `API` and `Key`.
fn camel_words(part: &str) -> impl Iterator<Item = &str> {
    let mut rest = part;
    std::iter::from_fn(move || {
        let (word, next) = rest.split_at_checked(first_word_length(rest.as_bytes()))?;
        rest = next;
        (!word.is_empty()).then_some(word)
    })
}

/// Returns the length of the first word in camel case.
fn first_word_length(part: &[u8]) -> usize {
    let begins = |window: &[u8]| match window {
        [before, first, after] => {
            first.is_ascii_uppercase() && (!before.is_ascii_uppercase() || after.is_ascii_lowercase())
        }
        _ => false,
    };
    part.windows(3)
        .position(begins)
        .map_or(part.len(), |before| before + 1)
}

/// Returns true if `word` is `known` or its plural.
fn is_word(word: &str, known: &str) -> bool {
    [word, singular(word)]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(known))
}

/// Returns true if `word` ends with `known` or its plural.
fn ends_with_word(word: &str, known: &str) -> bool {
    [word, singular(word)].iter().any(|word| {
        let at = word.len().checked_sub(known.len());
        at.and_then(|at| word.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(known))
    })
}

/// Returns true if `word` is `qualifier` and `key` joined: `privatekey`.
fn is_joined(word: &str, qualifier: &str) -> bool {
    let parts = singular(word).split_at_checked(qualifier.len());
    parts.is_some_and(|(first, key)| first.eq_ignore_ascii_case(qualifier) && key.eq_ignore_ascii_case("key"))
}

fn singular(word: &str) -> &str {
    word.strip_suffix(['s', 'S']).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn names_of_secrets_are_recognised_by_their_words() {
        for name in [
            "secret",
            "Password",
            "API-KEY",
            "apikey",
            "signing_secret",
            "webhook_secret",
            "jwt_secret",
            "db_password",
            "admin_password",
            "auth_token",
            "adminToken",
            "api-token",
            "X-Api-Key",
            "hmac_key",
            "secretKey",
            "APIKey",
            "aws.access.key",
            "privatekey",
            "clientsecret",
            "secret_keys",
            "tokens",
            "bearer",
            "cookie",
            "DB_PWD",
            "secret_value",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn names_about_secrets_are_no_names_of_secrets() {
        for name in [
            "",
            "name",
            "secret_file",
            "tokenUrl",
            "token_type",
            "access_key_id",
            "key",
            "keys",
            "flag_key",
            "key_id",
            "keep_keys",
            "hash",
            "issuer",
            "flags",
            "cookie_name",
            "tokenizer",
            "monkey",
            "sluice_tokens_total",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
