//! xxh3 (64 bits, seed 0) of a salt and an id, without putting them together in memory first.
//!
//! For 17 to 128 bytes xxh3 reads blocks of two words from both ends inwards, mixes each with a part of its secret, and
//! adds the results (xxHash 0.8.3, `XXH3_len_17to128_64b`). The blocks that lie within the salt are mixed once, when it
//! is compiled. A word across the boundary is put together in a register: copies into a buffer would cost more than
//! the hash itself, because its reads would have to wait for their writes.

use arrayvec::ArrayVec;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// Bytes of a word, and of a block.
const WORD: usize = 8;
const BLOCK: usize = 2 * WORD;
/// Lengths of salt and id together that are hashed by blocks.
const BY_BLOCKS: std::ops::RangeInclusive<usize> = 17..=128;
/// The most blocks from each end.
const MAX_BLOCKS: usize = 4;
/// The multipliers of the length and of the last step.
const PRIME64_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME_MX1: u64 = 0x1656_6791_9E37_79F9;
/// Salt and id up to this many bytes are hashed in one piece on the stack.
pub(super) const IN_ONE_PIECE: usize = 384;

/// The first 128 bytes of xxh3's default secret, as little-endian words: two for each block, first that of the front.
const SECRET: [[[u64; 2]; 2]; MAX_BLOCKS] = [
    [
        [0xbe4b_a423_396c_feb8, 0x1cad_21f7_2c81_017c],
        [0xdb97_9083_e96d_d4de, 0x1f67_b3b7_a4a4_4072],
    ],
    [
        [0x78e5_c0cc_4ee6_79cb, 0x2172_ffcc_7dd0_5a82],
        [0x8e24_43f7_7446_08b8, 0x4c26_3a81_e690_35e0],
    ],
    [
        [0xcb00_c391_bb52_283c, 0xa32e_531b_8b65_d088],
        [0x4ef9_0da2_9748_6471, 0xd8ac_dea9_46ef_1938],
    ],
    [
        [0x3f34_9ce3_3f76_faa8, 0x1d4f_0bc7_c7bb_dcf9],
        [0x3159_b4cd_4be0_518a, 0x6473_78d9_c97e_9fc8],
    ],
];

/// A salt with its separator, ready to be put before an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Salt {
    bytes: Box<[u8]>,
    /// The last bytes, at most eight, the last one most significant.
    tail: u64,
    /// The bytes after the last whole word, the first one least significant.
    rest: u64,
    /// The sum of the mixed blocks from the front that lie within the salt: of the first, of the first two, and so on.
    front: [u64; MAX_BLOCKS],
}

/// An id that is hashed.
#[derive(Clone, Copy)]
struct Id<'a> {
    bytes: &'a [u8],
    /// Its first bytes, at most eight, the first one least significant.
    head: u64,
}

impl<'a> Id<'a> {
    #[inline(always)]
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            head: head(bytes),
        }
    }
}

impl Salt {
    pub(crate) fn new(salt: &str) -> Self {
        let bytes: Box<[u8]> = salt.bytes().chain([0]).collect();
        let (words, rest) = bytes.as_chunks::<WORD>();
        let (blocks, _) = words.as_chunks::<2>();
        let mut front = [0_u64; MAX_BLOCKS];
        let mut sum = 0_u64;
        for ((total, [low, high]), [secret, _]) in front.iter_mut().zip(blocks).zip(&SECRET) {
            sum = sum.wrapping_add(mix([u64::from_le_bytes(*low), u64::from_le_bytes(*high)], secret));
            *total = sum;
        }
        let last = bytes.iter().rev().take(WORD);
        let tail = last
            .zip((0..WORD).rev())
            .fold(0, |tail, (byte, place)| tail | u64::from(*byte) << (8 * place));
        Self {
            tail,
            rest: head(rest),
            front,
            bytes,
        }
    }

    /// Returns the hash of the salt and `id`. Not inlined, and with calls at its end only: it needs no stack.
    #[inline(never)]
    pub(super) fn hash(&self, id: &[u8]) -> u64 {
        let length = self.bytes.len().wrapping_add(id.len());
        if !BY_BLOCKS.contains(&length) || id.is_empty() {
            return self.in_one_piece(id);
        }
        if length > 2 * BLOCK {
            return self.by_many_blocks(id, length);
        }
        let id = Id::new(id);
        let [[of_front, of_back], ..] = &SECRET;
        let front = match self.bytes.len() >= BLOCK {
            true => self.front.first().copied().unwrap_or_default(),
            false => mix([self.word_at(id, 0), self.word_at(id, WORD)], of_front),
        };
        let back = mix(
            [self.word_before_end(id, BLOCK), self.word_before_end(id, WORD)],
            of_back,
        );
        avalanche(
            (length as u64)
                .wrapping_mul(PRIME64_1)
                .wrapping_add(front)
                .wrapping_add(back),
        )
    }

    /// Hashes more than two blocks: each round takes the next block from the front and the next from the back.
    #[inline(never)]
    fn by_many_blocks(&self, id: &[u8], length: usize) -> u64 {
        let id = Id::new(id);
        let rounds = length.div_ceil(2 * BLOCK);
        let mut sum = (length as u64).wrapping_mul(PRIME64_1);
        for (round, [of_front, of_back]) in SECRET.iter().enumerate().take(rounds) {
            let begin = BLOCK.wrapping_mul(round);
            let end = begin.wrapping_add(BLOCK);
            if end > self.bytes.len() {
                let front = [
                    self.word_at(id, begin),
                    self.word_at(id, begin.wrapping_add(WORD)),
                ];
                sum = sum.wrapping_add(mix(front, of_front));
            }
            let back = [
                self.word_before_end(id, end),
                self.word_before_end(id, end.wrapping_sub(WORD)),
            ];
            sum = sum.wrapping_add(mix(back, of_back));
        }
        // The rounds whose blocks from the front lie within the salt.
        let whole = (self.bytes.len() / BLOCK).min(rounds);
        let mixed = whole.checked_sub(1).and_then(|last| self.front.get(last));
        avalanche(sum.wrapping_add(mixed.copied().unwrap_or_default()))
    }

    /// Returns the word at `begin`.
    #[inline(always)]
    fn word_at(&self, id: Id<'_>, begin: usize) -> u64 {
        match self.bytes.len().checked_sub(begin) {
            Some(left) if left >= WORD => word(&self.bytes, begin),
            Some(left) if left > 0 => self.rest | id.head << (8 * left),
            _ => word(id.bytes, begin.wrapping_sub(self.bytes.len())),
        }
    }

    /// Returns the word that begins `behind` bytes before the end.
    #[inline(always)]
    fn word_before_end(&self, id: Id<'_>, behind: usize) -> u64 {
        match id.bytes.len().checked_sub(behind) {
            Some(begin) => word(id.bytes, begin),
            None => {
                let of_salt = behind.wrapping_sub(id.bytes.len());
                if of_salt >= WORD {
                    return word(&self.bytes, self.bytes.len().wrapping_sub(of_salt));
                }
                id.head << (8 * of_salt) | self.tail >> (8 * WORD.wrapping_sub(of_salt))
            }
        }
    }

    #[inline(never)]
    fn in_one_piece(&self, id: &[u8]) -> u64 {
        let mut whole = ArrayVec::<u8, IN_ONE_PIECE>::new();
        if whole.try_extend_from_slice(&self.bytes).is_ok() && whole.try_extend_from_slice(id).is_ok() {
            return xxh3_64(&whole);
        }
        let mut pieces = Xxh3Default::new();
        pieces.update(&self.bytes);
        pieces.update(id);
        pieces.digest()
    }
}

/// Returns the word of `bytes` at `begin`. The caller stays within its length; zero stands for a word beyond it.
#[inline(always)]
fn word(bytes: &[u8], begin: usize) -> u64 {
    let word = bytes.get(begin..).and_then(|rest| rest.first_chunk::<WORD>());
    word.map_or(0, |word| u64::from_le_bytes(*word))
}

/// Returns the first bytes, at most eight, the first one least significant and zeros behind the last.
#[inline(always)]
fn head(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk::<WORD>() {
        return u64::from_le_bytes(*word);
    }
    bytes
        .iter()
        .rev()
        .fold(0, |all, byte| all << 8 | u64::from(*byte))
}

/// Mixes a block with two words of the secret.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves of the product are wanted"
)]
#[inline(always)]
fn mix(block: [u64; 2], secret: &[u64; 2]) -> u64 {
    let ([low, high], [of_low, of_high]) = (block, *secret);
    let product = u128::from(low ^ of_low) * u128::from(high ^ of_high);
    product as u64 ^ (product >> 64) as u64
}

/// Finishes a hash.
#[inline(always)]
fn avalanche(mut hash: u64) -> u64 {
    hash ^= hash >> 37;
    hash = hash.wrapping_mul(PRIME_MX1);
    hash ^ hash >> 32
}
