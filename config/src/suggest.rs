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

#[cfg(test)]
mod tests;
