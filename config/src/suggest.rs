//! What somebody may have meant by a name that nothing has.

/// The known name that is closest to `written`, where one is close enough to be meant.
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
        // Of two that are as close the first by name: the same document is always reported alike.
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
