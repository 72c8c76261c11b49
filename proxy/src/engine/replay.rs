//! The part of a request's body that is kept, so that it can be sent again on another connection.

/// Maximum of bytes that are kept.
const MAX: usize = 64 * 1024;

/// The data of a body that was sent, as far as it is kept.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    bytes: Vec<u8>,
    /// The number of bytes that the current attempt has sent again.
    sent_again: usize,
    keeping: Keeping,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Keeping {
    /// Nothing of the body was taken yet.
    #[default]
    Nothing,
    /// All that was taken.
    All,
    /// A part is lost, so the body can't be sent again.
    Lost,
}

impl Replay {
    /// Begins an attempt. It keeps the body only if it may be repeated.
    pub(crate) fn begin(&mut self, may_repeat: bool) {
        self.sent_again = 0;
        if may_repeat && self.keeping == Keeping::Nothing {
            self.keeping = Keeping::All;
        }
    }

    /// Returns the data of former attempts, once for each attempt.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        let again = self
            .bytes
            .get(self.sent_again..)
            .filter(|again| !again.is_empty())?;
        self.sent_again = self.bytes.len();
        Some(again)
    }

    /// Keeps data that is sent for the first time.
    pub(crate) fn keep(&mut self, data: &[u8]) {
        if self.keeping == Keeping::All && self.bytes.len() + data.len() <= MAX {
            self.bytes.extend_from_slice(data);
            self.sent_again = self.bytes.len();
        } else {
            self.keeping = Keeping::Lost;
        }
    }

    /// Returns true if everything that was taken can be sent again.
    pub(crate) fn is_whole(&self) -> bool {
        self.keeping != Keeping::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX, Replay};

    #[test]
    fn kept_data_is_sent_once_for_each_attempt() {
        let mut replay = Replay::default();
        replay.begin(true);
        assert_eq!(replay.next(), None);
        replay.keep(b"ab");
        replay.keep(b"c");
        assert_eq!(replay.next(), None);
        for _ in 0..2 {
            replay.begin(true);
            assert_eq!(replay.next(), Some(&b"abc"[..]));
            assert_eq!(replay.next(), None);
        }
        assert!(replay.is_whole());
    }

    #[test]
    fn data_that_was_not_kept_can_not_be_sent_again() {
        let mut replay = Replay::default();
        replay.begin(false);
        assert!(replay.is_whole());
        replay.keep(b"a");
        assert!(!replay.is_whole());
        let mut replay = Replay::default();
        replay.begin(true);
        replay.keep(&[0; MAX]);
        assert!(replay.is_whole());
        replay.keep(b"a");
        assert!(!replay.is_whole());
    }
}
