//! The rules of Flagger and Argo Rollouts, as their sources have them, on the same traffic.
//!
//! Both compare a rate of the last minute with a threshold, once a minute, and count failures over the whole
//! analysis; a success does not lower the count.

/// A rule that counts failed minutes.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The failures that end the rollout.
    limit: u32,
    failures: u32,
    requests: u64,
    errors: u64,
    slots: u32,
}

impl Peer {
    /// Flagger with `interval: 1m` and `threshold: 5`: it rolls back when `FailedChecks` reaches the threshold.
    pub fn flagger() -> Self {
        Self::new(5)
    }

    /// Argo Rollouts with `interval: 1m` and `failureLimit: 3`: the fourth failed measurement is one too many.
    pub fn argo() -> Self {
        Self::new(4)
    }

    fn new(limit: u32) -> Self {
        Self {
            limit,
            failures: 0,
            requests: 0,
            errors: 0,
            slots: 0,
        }
    }

    /// Takes one slot of treatment, and returns whether the rule has ended the rollout.
    pub fn slot(&mut self, requests: u64, errors: u64, threshold: f64) -> bool {
        self.requests += requests;
        self.errors += errors;
        self.slots += 1;
        if self.slots == 12 {
            #[expect(clippy::cast_precision_loss, reason = "requests of a minute")]
            let is_failure = self.errors as f64 > threshold * self.requests as f64;
            self.failures += u32::from(is_failure);
            (self.slots, self.requests, self.errors) = (0, 0, 0);
        }
        self.failures >= self.limit
    }
}
