//! Versions (Semantic Versioning 2.0.0) and requirements of versions (with the syntax of Cargo), each with or without
//! the `v` of release tags: `v1.4.0`.

use semver::{Error, Version, VersionReq};

/// Parses a complete version. Returns none for another text. Allocates only for identifiers of prereleases and builds.
pub(crate) fn version(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix(['v', 'V']).unwrap_or(text)).ok()
}

/// Parses a requirement.
///
/// # Errors
/// The text is none.
pub(crate) fn requirement(text: &str) -> Result<VersionReq, Error> {
    let mut plain = String::with_capacity(text.len());
    // The character before, spaces left out. A number begins after a comparator or a comma.
    let mut before = ',';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let is_tag = matches!(c, 'v' | 'V') && matches!(before, ',' | '<' | '>' | '=' | '^' | '~');
        if is_tag && characters.peek().is_some_and(char::is_ascii_digit) {
            continue;
        }
        if c != ' ' {
            before = c;
        }
        plain.push(c);
    }
    VersionReq::parse(&plain)
}

/// Returns the reason why a text does not meet a requirement, if it is not its number.
pub(crate) fn mismatch(required: &VersionReq, text: &str) -> Option<&'static str> {
    let Some(version) = version(text) else {
        return Some("not a complete version such as 1.4.0");
    };
    let released = Version::new(version.major, version.minor, version.patch);
    let is_excluded = !required.matches(&version) && required.matches(&released);
    is_excluded.then_some("a prerelease, which matches only if the requirement names one of the same version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_requirements_may_begin_with_a_v() {
        for text in ["1.5.0", "v1.5.0", "V1.5.0", "v1.5.0+build.1"] {
            assert!(version(text).is_some(), "{text}");
        }
        for text in [
            "",
            "v",
            "1.5",
            "v1.5",
            "vv1.5.0",
            " v1.5.0",
            "v 1.5.0",
            "version1.5.0",
        ] {
            assert_eq!(version(text), None, "{text}");
        }
        for (tagged, plain) in [
            (">=v1.4, <v2", ">=1.4, <2"),
            (">= v1.4,v1.*", ">= 1.4,1.*"),
            ("V1.4.0-v1", "1.4.0-v1"),
        ] {
            assert_eq!(requirement(tagged).unwrap(), VersionReq::parse(plain).unwrap());
        }
        for text in ["v", ">=vv1", "1.4 v2", ">=1.v4"] {
            assert!(requirement(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_incomplete_version_and_a_prerelease_have_a_reason() {
        let required = requirement(">=1.4, <2").unwrap();
        let reason = |text| mismatch(&required, text);
        assert_eq!(reason("1.5"), Some("not a complete version such as 1.4.0"));
        assert!(reason("1.5.0-rc.1").unwrap().starts_with("a prerelease"));
        assert_eq!(reason("1.5.0"), None);
        assert_eq!(reason("2.0.0-rc.1"), None);
        assert_eq!(reason("3.0.0"), None);
        let named = requirement(">=1.5.0-rc.1").unwrap();
        assert_eq!(mismatch(&named, "1.5.0-rc.2"), None);
    }
}
