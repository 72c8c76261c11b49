//! Path patterns of routes: literal segments, parameters, and a trailing `**`. A pattern's `Specificity`
//! decides between several that match.

use std::fmt;

use crate::{
    InvalidTarget,
    request_target::{decoded_bytes, normalise_pattern},
};

/// The path of a route: `/a/b`, `/a/{id}/b`, `/a/**`.
///
/// A literal matches by its decoded bytes, so `/v1/things:export` matches `/v1/things%3Aexport` as well. An
/// upstream that decodes paths can't tell them apart, so a gate must not either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[PathSegment]>,
    end: End,
}

/// The condition on one segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathSegment {
    /// This text, decoded.
    Literal(Box<str>),
    /// Any text but the empty one. The name is for people; routes differ by its position only.
    Parameter(Box<str>),
}

/// The end of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With its last segment.
    PathSegment,
    /// With a slash after its last segment, or right after the root.
    Slash,
    /// With `**`: here and everywhere below.
    Below,
}

/// The treatment of a trailing slash by exact paths. `/a/**` always matches both `/a` and `/a/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrailingSlash {
    /// It matches without and with one.
    #[default]
    Either,
    /// It matches as it is written.
    Exact,
}

/// The trailing slashes that a route matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slash {
    /// A path that ends in one.
    With,
    /// A path that does not.
    Without,
    /// Both.
    Any,
}

/// The specificity of a pattern; more specific patterns are less and sort first.
///
/// Exact paths come before paths with parameters, and those before `/prefix/**`. Within a kind, segments are
/// compared from the left: a literal comes before a parameter, and the longer pattern before the shorter.
/// Last, `TrailingSlash::Exact` comes before `Either`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    kind: PathKind,
    steps: Box<[SegmentRank]>,
    slash: SlashRank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PathKind {
    Exact,
    Parameters,
    Below,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SegmentRank {
    Literal,
    Parameter,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SlashRank {
    Yes,
    No,
}

/// Reasons for refusing a text as a path pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPathPattern {
    /// It does not begin with a slash.
    #[error("a path begins with `/`")]
    Relative,
    /// It has a query.
    #[error("a path pattern has no query; `?` in a path is written `%3F`")]
    Query,
    /// No request could have such a path.
    #[error("requests with such a path are rejected: {0}")]
    Target(InvalidTarget),
    /// Requests are normalised first, so none would ever have this path.
    #[error("requests are matched in normal form, which would be `{normal}`")]
    NotNormal {
        /// The normal form.
        normal: String,
    },
    /// `**` that is not the last segment.
    #[error("`**` can only be at the end, as in `/a/**`")]
    BelowNotLast,
    /// A `*` within or instead of a segment.
    #[error("`{segment}` has a `*`; one segment is `{{name}}`, everything below is `/**`, a star is `%2A`")]
    Star {
        /// The segment.
        segment: String,
    },
    /// A parameter that is not a whole segment.
    #[error(
        "`{segment}` has a brace, but a parameter is a whole segment, as in `/a/{{id}}`; a brace is `%7B` or `%7D`"
    )]
    PartialParameter {
        /// The segment.
        segment: String,
    },
    /// A parameter name with other characters than letters, digits and `_`, or with a digit first.
    #[error("the name of a parameter can only contain letters, digits and `_`, unlike `{name}`")]
    ParameterName {
        /// The name.
        name: String,
    },
    /// A parameter named twice.
    #[error("the parameter `{name}` occurs twice in the path")]
    DuplicateParameter {
        /// The name.
        name: String,
    },
}

impl PathPattern {
    /// Takes `text` as a pattern. It has to be in the normal form in which requests are matched
    /// ([`crate::normalise`]), because written otherwise it would never match.
    pub fn parse(text: &str) -> Result<Self, InvalidPathPattern> {
        if !text.starts_with('/') {
            return Err(InvalidPathPattern::Relative);
        }
        if text.contains('?') {
            return Err(InvalidPathPattern::Query);
        }
        let normal = normalise_pattern(text).map_err(InvalidPathPattern::Target)?;
        if normal != text {
            return Err(InvalidPathPattern::NotNormal {
                normal: normal.into_owned(),
            });
        }
        let (body, end) = match (text.strip_suffix("/**"), text.strip_suffix('/')) {
            (Some(body), _) => (body, End::Below),
            (None, Some(body)) => (body, End::Slash),
            (None, None) => (text, End::PathSegment),
        };
        let mut segments: Vec<PathSegment> = Vec::new();
        for text in body.split('/').skip(1) {
            let segment = PathSegment::parse(text)?;
            if let PathSegment::Parameter(name) = &segment
                && segments.contains(&segment)
            {
                return Err(InvalidPathPattern::DuplicateParameter {
                    name: name.to_string(),
                });
            }
            segments.push(segment);
        }
        Ok(Self {
            text: text.into(),
            segments: segments.into(),
            end,
        })
    }

    /// Returns its specificity.
    #[must_use]
    pub fn specificity(&self, trailing_slash: TrailingSlash) -> Specificity {
        let kind = self.kind();
        let step = |segment: &PathSegment| match segment {
            PathSegment::Literal(_) => SegmentRank::Literal,
            PathSegment::Parameter(_) => SegmentRank::Parameter,
        };
        let steps = self.segments.iter().map(step).chain([SegmentRank::End]).collect();
        let slash = if self.slash(trailing_slash) == Slash::Any {
            SlashRank::No
        } else {
            SlashRank::Yes
        };
        Specificity { kind, steps, slash }
    }

    fn kind(&self) -> PathKind {
        let is_parameter = |segment: &PathSegment| matches!(segment, PathSegment::Parameter(_));
        match (self.end, self.segments.iter().any(is_parameter)) {
            (End::Below, _) => PathKind::Below,
            (_, true) => PathKind::Parameters,
            (_, false) => PathKind::Exact,
        }
    }

    /// Returns true if the pattern is this one normalised path, byte for byte, without parameters and `**`.
    pub(crate) fn is_exactly(&self, path: &str) -> bool {
        self.kind() == PathKind::Exact && *self.text == *path
    }

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the conditions on its segments.
    pub(crate) fn segments(&self) -> &[PathSegment] {
        &self.segments
    }

    /// Returns true if it matches everything below its last segment, too.
    pub(crate) fn is_below(&self) -> bool {
        self.end == End::Below
    }

    /// Returns the trailing slashes that it matches. The root always has one.
    pub(crate) fn slash(&self, trailing_slash: TrailingSlash) -> Slash {
        match (trailing_slash, self.end) {
            _ if self.segments.is_empty() => Slash::Any,
            (TrailingSlash::Either, _) | (_, End::Below) => Slash::Any,
            (TrailingSlash::Exact, End::Slash) => Slash::With,
            (TrailingSlash::Exact, End::PathSegment) => Slash::Without,
        }
    }
}

impl Slash {
    /// Returns true if this includes everything that `other` includes.
    pub(crate) fn covers(self, other: Self) -> bool {
        self == Self::Any || self == other
    }
}

impl PathSegment {
    fn parse(text: &str) -> Result<Self, InvalidPathPattern> {
        if text == "**" {
            return Err(InvalidPathPattern::BelowNotLast);
        }
        if let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            return Self::parse_parameter(name);
        }
        if text.contains(['{', '}']) {
            return Err(InvalidPathPattern::PartialParameter {
                segment: text.to_owned(),
            });
        }
        if text.contains('*') {
            return Err(InvalidPathPattern::Star {
                segment: text.to_owned(),
            });
        }
        // Normalising has checked that the decoded bytes are UTF-8.
        let decoded = String::from_utf8(decoded_bytes(text.as_bytes()).collect());
        Ok(Self::Literal(decoded.unwrap_or_else(|_| text.to_owned()).into()))
    }

    fn parse_parameter(name: &str) -> Result<Self, InvalidPathPattern> {
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            return Err(InvalidPathPattern::ParameterName {
                name: name.to_owned(),
            });
        }
        Ok(Self::Parameter(name.into()))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
