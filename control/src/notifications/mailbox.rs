//! The notices that one receiver has not confirmed yet, in their order.

use std::collections::{BTreeSet, VecDeque};

use rules::Timestamp;
use serde::{Deserialize, Serialize};

use super::notice::Notice;

/// The most notices that wait for one receiver.
pub const MAX_QUEUED: usize = 10_000;
/// The time after which a notice is given up, in milliseconds.
const GIVE_UP_MS: i64 = 24 * 3_600_000;
/// The shortest and the longest wait before another attempt, in milliseconds.
const WAIT_MS: (i64, i64) = (1_000, 900_000);

/// The notices of one receiver.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Mailbox {
    waiting: VecDeque<Waiting>,
    /// The notices that were confirmed, given up, and dropped by an overflow.
    pub(super) delivered: u64,
    pub(super) given_up: u64,
    pub(super) dropped: u64,
    /// The time of the first of the attempts that have failed in a row, in milliseconds, and the reason of the last.
    pub(super) failing_since_ms: Option<i64>,
    pub(super) last_failure: Option<String>,
}

/// A notice that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    notice: Notice,
    attempts: u32,
    /// The time of the next attempt, in milliseconds.
    due_ms: i64,
    /// The time from which it is given up, in milliseconds.
    until_ms: i64,
}

impl Mailbox {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a notice. On an overflow the oldest one is dropped that is neither a rollback nor a kill.
    pub(super) fn add(&mut self, notice: &Notice, now: Timestamp) {
        if self.waiting.len() >= MAX_QUEUED {
            let oldest = self
                .waiting
                .iter()
                .position(|waiting| !waiting.notice.event.is_kept());
            self.waiting.remove(oldest.unwrap_or(0));
            self.dropped = self.dropped.saturating_add(1);
        }
        self.waiting.push_back(Waiting {
            notice: notice.clone(),
            attempts: 0,
            due_ms: now.0,
            until_ms: now.0.saturating_add(GIVE_UP_MS),
        });
    }

    /// Gives up the notices that are too old.
    pub(super) fn expire(&mut self, now: Timestamp) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.until_ms > now.0);
        let expired = before.saturating_sub(self.waiting.len());
        self.given_up = self
            .given_up
            .saturating_add(u64::try_from(expired).unwrap_or(u64::MAX));
        expired
    }

    /// Returns the next notice to send: the oldest one of a flag without an earlier one that waits, so that each flag's
    /// notices arrive in order, and a receiver that rejects one flag's notice gets those of the others.
    pub(super) fn due(&self, now: Timestamp) -> Option<Notice> {
        let mut behind = BTreeSet::new();
        for waiting in &self.waiting {
            let is_first = behind.insert(waiting.notice.flag.as_str());
            if is_first && waiting.due_ms <= now.0 {
                return Some(waiting.notice.clone());
            }
        }
        None
    }

    /// Removes a notice that was confirmed.
    pub(super) fn confirm(&mut self, id: &str) {
        self.waiting.retain(|waiting| waiting.notice.id != id);
        self.delivered = self.delivered.saturating_add(1);
        self.failing_since_ms = None;
        self.last_failure = None;
    }

    /// Removes a notice that its receiver will never take.
    pub(super) fn give_up(&mut self, id: &str) {
        self.waiting.retain(|waiting| waiting.notice.id != id);
        self.given_up = self.given_up.saturating_add(1);
    }

    /// Delays a notice whose attempt failed: twice as long with each attempt, of which `chance` (0 to 1) is taken, so that
    /// many senders do not come at once; or as long as the receiver asks for.
    pub(super) fn delay(&mut self, id: &str, now: Timestamp, asked_ms: Option<i64>, chance: f64) {
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.notice.id == id) else {
            return;
        };
        waiting.attempts = waiting.attempts.saturating_add(1);
        let (shortest, longest) = WAIT_MS;
        let doubled =
            shortest.saturating_mul(1_i64.checked_shl(waiting.attempts.min(20)).unwrap_or(i64::MAX));
        let longest = doubled.min(longest);
        #[expect(clippy::cast_possible_truncation, reason = "at most 15 minutes")]
        #[expect(clippy::cast_precision_loss, reason = "at most 15 minutes")]
        let wait = shortest.max((longest as f64 * chance.clamp(0.0, 1.0)) as i64);
        // Never sooner than without being asked: a receiver that asks for no wait would be called without a pause.
        waiting.due_ms = now
            .0
            .saturating_add(asked_ms.map_or(wait, |asked| asked.max(wait)));
    }

    /// Records that an attempt failed.
    pub(super) fn failed(&mut self, now: Timestamp, reason: &str) {
        self.failing_since_ms.get_or_insert(now.0);
        self.last_failure = Some(reason.to_owned());
    }

    /// Returns the number of waiting notices of an event.
    #[cfg(test)]
    fn count(&self, event: config::NoticeEvent) -> usize {
        self.waiting
            .iter()
            .filter(|waiting| waiting.notice.event == event)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use config::NoticeEvent;

    use super::*;

    fn notice(number: usize, flag: &str, event: NoticeEvent) -> Notice {
        Notice {
            id: format!("n{number}"),
            event,
            flag: flag.into(),
            at: Timestamp(0),
            actor: "ann".into(),
            detail: "it happened".into(),
            reason: None,
            incident: None,
            urgent: None,
            ticket: None,
            request_id: None,
        }
    }

    #[test]
    fn an_overflow_drops_the_oldest_but_no_rollback() {
        let mut mailbox = Mailbox::default();
        mailbox.add(&notice(0, "a", NoticeEvent::Killed), Timestamp(0));
        mailbox.add(&notice(1, "a", NoticeEvent::RolledBack), Timestamp(0));
        for number in 2..MAX_QUEUED + 5 {
            mailbox.add(&notice(number, "a", NoticeEvent::Paused), Timestamp(0));
        }
        assert_eq!((mailbox.len(), mailbox.dropped), (MAX_QUEUED, 5));
        assert_eq!(
            (
                mailbox.count(NoticeEvent::Killed),
                mailbox.count(NoticeEvent::RolledBack)
            ),
            (1, 1)
        );
    }

    #[test]
    fn notices_of_a_flag_are_sent_in_order() {
        let mut mailbox = Mailbox::default();
        for (number, flag) in ["a", "a", "b"].into_iter().enumerate() {
            mailbox.add(&notice(number, flag, NoticeEvent::Paused), Timestamp(0));
        }
        let next = |mailbox: &Mailbox, at: i64| mailbox.due(Timestamp(at)).map(|notice| notice.id.clone());
        assert_eq!(next(&mailbox, 0).as_deref(), Some("n0"));
        // The second notice of the flag waits for the first; the other flag does not.
        mailbox.delay("n0", Timestamp(0), None, 1.0);
        assert_eq!(next(&mailbox, 0).as_deref(), Some("n2"));
        mailbox.confirm("n2");
        assert_eq!(next(&mailbox, 1_999), None);
        assert_eq!(next(&mailbox, 2_000).as_deref(), Some("n0"));
        mailbox.confirm("n0");
        assert_eq!(next(&mailbox, 2_000).as_deref(), Some("n1"));
    }

    #[test]
    fn waits_grow_to_a_quarter_of_an_hour_and_end() {
        let mut mailbox = Mailbox::default();
        mailbox.add(&notice(0, "a", NoticeEvent::Killed), Timestamp(0));
        let mut now = 0;
        let mut waits = Vec::new();
        while mailbox.len() > 0 {
            mailbox.delay("n0", Timestamp(now), None, 1.0);
            let before = now;
            while mailbox.len() > 0 && mailbox.due(Timestamp(now)).is_none() {
                now += 1_000;
                mailbox.expire(Timestamp(now));
            }
            waits.push((now - before) / 1_000);
        }
        assert_eq!(waits[..6], [2, 4, 8, 16, 32, 64]);
        assert_eq!(waits.iter().max(), Some(&900));
        assert_eq!((now, mailbox.given_up), (GIVE_UP_MS, 1));
        mailbox.add(&notice(1, "a", NoticeEvent::Killed), Timestamp(now));
        mailbox.delay("n1", Timestamp(now), Some(5_000), 0.0);
        assert!(
            mailbox.due(Timestamp(now + 4_999)).is_none() && mailbox.due(Timestamp(now + 5_000)).is_some()
        );
    }
}
