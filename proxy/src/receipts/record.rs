//! The compact form of a receipt: numbers, and the bytes of its texts one after the other. Its memory is reused by the
//! next receipt in the same place.

use std::mem::size_of;
use std::sync::Arc;

use rules::{Decision, Timestamp, Truth};

use super::kept_subject::{KeptSubject, MAX_SUBJECT_BYTES};
use crate::arms::CountedArm;
use crate::outcome::RequestOutcome;
use crate::request_id::RequestId;

/// The most memory of one receipt, in bytes.
pub const MAX_RECEIPT_BYTES: usize = 4096;
/// The number of texts.
const TEXTS: usize = 8;
/// The most bytes of each text, in the order of [`ReceiptTexts`]. Tenants and users are never cut: theirs are the limits
/// of their names.
const MAX_TEXTS: [usize; TEXTS] = [
    16,
    255,
    512,
    128,
    rules::MAX_TENANT_ID,
    rules::MAX_USER_ID,
    128,
    256,
];
/// The most bytes of keys and variants of flags.
const MAX_FLAG_TEXTS: usize = 640;
/// The bytes of keys and variants that a new record has room for.
const RESERVED_FOR_FLAGS: usize = 64;
/// The most flags of a receipt.
const MAX_FLAGS: usize = 16;

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which rejects an index out of bounds"
)]
const _: () = {
    let mut texts = MAX_FLAG_TEXTS;
    let mut place = 0;
    while place < TEXTS {
        texts += MAX_TEXTS[place];
        place += 1;
    }
    let flags = MAX_FLAGS * size_of::<FlagRecord>();
    assert!(size_of::<ReceiptRecord>() + texts + flags + MAX_SUBJECT_BYTES <= MAX_RECEIPT_BYTES);
};

/// The texts of a receipt; empty for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReceiptTexts<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    /// Without the query.
    pub(crate) path: &'a str,
    pub(crate) route: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) user: &'a str,
    /// The name of the issuer of the token.
    pub(crate) issuer: &'a str,
    /// The cause of a refusal or failure, for operators.
    pub(crate) cause: &'a str,
}

/// The decision of one flag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FlagRecord {
    pub(crate) decision: Decision,
    pub(crate) bucket: Option<u32>,
    /// The arm of its rollout plan.
    pub(crate) arm: Option<CountedArm>,
    /// True if a flag of the gate requires it, and the gate does not name it.
    pub(crate) is_required: bool,
    key_bytes: u16,
    variant_bytes: u16,
}

/// A receipt in the ring.
#[derive(Debug, Default)]
pub(crate) struct ReceiptRecord {
    /// `None` while nothing is written.
    pub(crate) id: Option<RequestId>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) outcome: Option<RequestOutcome>,
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) revision: Option<Arc<str>>,
    /// The state of the gate; none if it was not decided, or there is none.
    pub(crate) truth: Option<Truth>,
    pub(crate) is_shadow: bool,
    pub(crate) is_preflight: bool,
    /// True if a text was cut, or flags or attributes were left out.
    pub(crate) is_shortened: bool,
    pub(crate) subject: Option<Box<KeptSubject>>,
    /// The flags. The first one determined the state of the gate.
    flags: Vec<FlagRecord>,
    texts: Vec<u8>,
    lengths: [u16; TEXTS],
}

impl ReceiptRecord {
    /// Empties the record, and keeps its memory.
    pub(crate) fn clear(&mut self) {
        let (mut flags, mut texts) = (std::mem::take(&mut self.flags), std::mem::take(&mut self.texts));
        flags.clear();
        texts.clear();
        *self = Self {
            flags,
            texts,
            ..Self::default()
        };
    }

    pub(crate) fn is_written(&self) -> bool {
        self.id.is_some()
    }

    /// Adds the texts, before any flag. Longer ones are cut.
    pub(crate) fn set_texts(&mut self, texts: &ReceiptTexts<'_>) {
        let texts = [
            texts.method,
            texts.host,
            texts.path,
            texts.route,
            texts.tenant,
            texts.user,
            texts.issuer,
            texts.cause,
        ];
        let total: usize = texts.iter().map(|text| text.len()).sum();
        // With those of one flag, so that a new place is allocated once.
        self.texts
            .reserve_exact(total.min(MAX_TEXTS.iter().sum()) + RESERVED_FOR_FLAGS);
        let mut lengths = [0; TEXTS];
        for ((text, max), length) in texts.into_iter().zip(MAX_TEXTS).zip(&mut lengths) {
            *length = self.add_text(text, max);
        }
        self.lengths = lengths;
    }

    /// Adds the decision of a flag, if there is room for it.
    pub(crate) fn add_flag(
        &mut self,
        (key, variant): (&str, &str),
        decision: Decision,
        (bucket, arm): (Option<u32>, Option<CountedArm>),
        is_required: bool,
    ) {
        let of_texts: usize = self.lengths.iter().map(|length| usize::from(*length)).sum();
        let of_flags = self.texts.len().saturating_sub(of_texts);
        let needed = key.len().saturating_add(variant.len());
        if self.flags.len() >= MAX_FLAGS || of_flags.saturating_add(needed) > MAX_FLAG_TEXTS {
            self.is_shortened = true;
            return;
        }
        self.flags.reserve_exact(1);
        self.texts.reserve_exact(needed);
        let key_bytes = self.add_text(key, MAX_FLAG_TEXTS);
        let variant_bytes = self.add_text(variant, MAX_FLAG_TEXTS);
        self.flags.push(FlagRecord {
            decision,
            bucket,
            arm,
            is_required,
            key_bytes,
            variant_bytes,
        });
    }

    /// Returns the texts.
    pub(crate) fn texts(&self) -> ReceiptTexts<'_> {
        let mut rest = &*self.texts;
        let [method, host, path, route, tenant, user, issuer, cause] =
            self.lengths.map(|length| split_text(&mut rest, length));
        ReceiptTexts {
            method,
            host,
            path,
            route,
            tenant,
            user,
            issuer,
            cause,
        }
    }

    /// Returns the flags, each with its key and its variant.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&FlagRecord, &str, &str)> {
        let of_texts = self.lengths.iter().map(|length| usize::from(*length)).sum();
        let mut rest = self.texts.get(of_texts..).unwrap_or_default();
        self.flags.iter().map(move |flag| {
            let key = split_text(&mut rest, flag.key_bytes);
            (flag, key, split_text(&mut rest, flag.variant_bytes))
        })
    }

    /// Returns its memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let of_flags = self.flags.capacity().saturating_mul(size_of::<FlagRecord>());
        let of_subject = self.subject.as_ref().map_or(0, |subject| subject.bytes());
        size_of::<Self>()
            .saturating_add(self.texts.capacity())
            .saturating_add(of_flags)
            .saturating_add(of_subject)
    }

    /// Adds a text, and returns its length.
    fn add_text(&mut self, text: &str, max: usize) -> u16 {
        let mut text = text;
        if text.len() > max {
            text = text.get(..text.floor_char_boundary(max)).unwrap_or_default();
            self.is_shortened = true;
        }
        self.texts.extend_from_slice(text.as_bytes());
        u16::try_from(text.len()).unwrap_or_default()
    }
}

/// Takes a text of this length from the front.
fn split_text<'a>(rest: &mut &'a [u8], length: u16) -> &'a str {
    let (text, after) = rest.split_at_checked(usize::from(length)).unwrap_or_default();
    *rest = after;
    std::str::from_utf8(text).unwrap_or_default()
}
