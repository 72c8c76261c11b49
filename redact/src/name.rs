//! Names of fields that hold secrets, known by their words: `db_password`, `signingSecret`, `X-Api-Key`.

/// Returns the words that mark a value as secret by themselves and end with `last`. A longer word may end with one of
/// them: `clientsecret`. None ends with an `s`, which is the plural's.
fn secrets(last: u8) -> &'static [&'static str] {
    match last.to_ascii_lowercase() {
        b'c' => &["hmac"],
        b'd' => &["passwd", "password", "pwd"],
        b'e' => &["cookie", "passcode", "passphrase"],
        b'l' => &["credential"],
        b'n' => &["assertion", "token"],
        b'r' => &["bearer"],
        b't' => &["jwt", "secret"],
        b'y' => &["apikey"],
        _ => &[],
    }
}

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
    is_secret(name.as_bytes())
}

/// Returns true if a field of this name, in UTF-8, holds a secret.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    let (mut found, mut key, mut last) = (false, 0, name);
    for (at, word) in words(name).enumerate() {
        let one = singular(word);
        found |= ends_with_secret(one);
        if one.eq_ignore_ascii_case(b"key") {
            key = at;
        }
        last = word;
    }
    // Words before a `key` are compared only now: most names have no `key`.
    found |= words(name).take(key).any(is_qualifier);
    found && !describes(last)
}

/// Returns the words of a name. They end at each character that is no ASCII letter or digit, and before a capital.
fn words(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let start = rest.iter().position(u8::is_ascii_alphanumeric)?;
        let begun = rest.get(start..)?;
        let (word, next) = begun.split_at_checked(first_word_length(begun))?;
        rest = next;
        Some(word)
    })
}

/// Returns the length of the word that `text` begins with. Camel case is split: `adminToken` is `admin` and `Token`,
/// `APIKey` is `API` and `Key`.
fn first_word_length(text: &[u8]) -> usize {
    let is_upper = |at: usize| text.get(at).is_some_and(u8::is_ascii_uppercase);
    let mut at = 1;
    while let Some(byte) = text.get(at)
        && byte.is_ascii_alphanumeric()
    {
        // A capital at the end of a name begins no word.
        let after = text.get(at + 1).filter(|after| after.is_ascii_alphanumeric());
        if let Some(after) = after
            && byte.is_ascii_uppercase()
            && (!is_upper(at - 1) || after.is_ascii_lowercase())
        {
            break;
        }
        at += 1;
    }
    at
}

/// Returns true if a word in the singular ends with a word that marks a secret, or joins a qualifier and `key`:
/// `privatekey`.
fn ends_with_secret(word: &[u8]) -> bool {
    let Some(last) = word.last() else { return false };
    let ends_with = |known: &str| {
        let end = word.len().checked_sub(known.len()).and_then(|at| word.get(at..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(known.as_bytes()))
    };
    secrets(*last).iter().any(|secret| ends_with(secret))
        || (ends_with("key") && is_qualifier(word.get(..word.len() - 3).unwrap_or_default()))
}

fn is_qualifier(word: &[u8]) -> bool {
    let is_word = |known: &&str| known.as_bytes().eq_ignore_ascii_case(word);
    QUALIFIERS.iter().any(is_word)
}

/// Returns true if the last word of a name is a description or the plural of one.
fn describes(last: &[u8]) -> bool {
    let is_word = |known: &&str| {
        [last, singular(last)]
            .iter()
            .any(|word| known.as_bytes().eq_ignore_ascii_case(word))
    };
    DESCRIPTIONS.iter().any(is_word)
}

fn singular(word: &[u8]) -> &[u8] {
    match word {
        [one @ .., b's' | b'S'] => one,
        _ => word,
    }
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
