//! A scanner for the frame heads of an HTTP/2 connection (RFC 9113 section 4.1). It is for counting frames by
//! kind and flags; payloads are skipped.

/// Length of a frame's head, in bytes.
const HEAD: usize = 9;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// Its kind, by number.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// Length of its payload, in bytes.
    pub length: u32,
}

/// The frames of one connection, in one direction.
#[derive(Debug, Clone)]
pub struct FrameScanner {
    head: [u8; HEAD],
    /// The number of bytes of the next head that have arrived.
    have: usize,
    /// The number of bytes before the next head: the rest of a payload, or of the preface.
    skip: usize,
}

impl FrameScanner {
    /// Creates a scanner that skips a preface of this many bytes.
    #[must_use]
    pub fn after(preface: usize) -> Self {
        Self {
            head: [0; HEAD],
            have: 0,
            skip: preface,
        }
    }

    /// Returns true if a head has arrived in part, so that the kind of its frame is unknown.
    #[must_use]
    pub fn is_in_head(&self) -> bool {
        self.have > 0
    }

    /// Returns true if the payload of the latest frame has not arrived completely.
    #[must_use]
    pub fn is_in_payload(&self) -> bool {
        self.skip > 0
    }

    /// Scans `bytes`, and calls `seen` for each frame whose head is now complete.
    pub fn read(&mut self, mut bytes: &[u8], mut seen: impl FnMut(FrameHead)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            // A read may end within a head, so its bytes are collected across calls.
            let taken = bytes.len().min(HEAD - self.have);
            if taken == 0 {
                return;
            }
            let (begun, rest) = bytes.split_at(taken);
            if let Some(missing) = self.head.get_mut(self.have..self.have + taken) {
                missing.copy_from_slice(begun);
            }
            (self.have, bytes) = (self.have + taken, rest);
            if self.have == HEAD {
                let [a, b, c, kind, flags, stream @ ..] = self.head;
                let length = u32::from_be_bytes([0, a, b, c]);
                seen(FrameHead {
                    kind,
                    flags,
                    // The first bit is reserved and ignored (RFC 9113 section 4.1).
                    stream: u32::from_be_bytes(stream) & (u32::MAX >> 1),
                    length,
                });
                self.have = 0;
                self.skip = usize::try_from(length).unwrap_or(usize::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests;
