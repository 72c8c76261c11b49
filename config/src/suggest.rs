//! Suggestions for unknown names.

/// Returns the known name that is closest to `written`, if one is close enough to be a likely misspelling.
#[must_use]
pub fn closest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = written.to_lowercase();
    let most = (written.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .filter(|candidate| *candidate != written)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|&(distance, candidate)| distance <= most && distance < candidate.chars().count())
        // Of two equally close names the first in the alphabet is taken, so that reports are deterministic.
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns the known name at the end of a longer one, after a separator: `killed` of `feature_flag.killed`. Of several the
/// longest is taken.
pub(crate) fn qualified<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = written.to_lowercase();
    let is_end = |name: &&str| {
        let rest = lower.strip_suffix(name);
        rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with(['.', '_', '-', ':', '/']))
    };
    known.into_iter().filter(is_end).max_by_key(|name| name.len())
}

#[cfg(test)]
mod tests;
