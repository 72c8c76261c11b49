//! The static tokens, by the beginning of each: a sign-in computes one keyed hash, however many tokens there are. The hash
//! of an older token does not name its beginning; such a token is found by comparing with all of them, once.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::RwLock;

use super::static_token::{StaticToken, TokenId};

/// Static tokens, indexed.
#[derive(Default)]
pub(super) struct TokenIndex {
    tokens: Vec<StaticToken>,
    by_id: HashMap<TokenId, Vec<usize>>,
    /// The tokens whose hashes have no id.
    without_id: Vec<usize>,
    /// The tokens without an id that have signed in, by their SHA-256, since the start of the process. They have 256 random
    /// bits, so the digest needs no salt.
    signed_in: RwLock<HashMap<[u8; 32], usize>>,
}

impl TokenIndex {
    /// Creates the index of at most `limit` tokens.
    pub(super) fn new(mut tokens: Vec<StaticToken>, limit: usize) -> Self {
        tokens.truncate(limit);
        let mut by_id: HashMap<TokenId, Vec<usize>> = HashMap::new();
        let mut without_id = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            match token.hash.id() {
                Some(id) => by_id.entry(id).or_default().push(index),
                None => without_id.push(index),
            }
        }
        Self {
            tokens,
            by_id,
            without_id,
            signed_in: RwLock::default(),
        }
    }

    /// Returns all tokens.
    pub(super) fn all(&self) -> &[StaticToken] {
        &self.tokens
    }

    /// Adds the tokens that have signed in with a former index and that this one still has, so that they are found without
    /// a search.
    pub(super) fn remember(&self, former: &Self) {
        let without_id = self.without_id.iter();
        let places: HashMap<_, _> = without_id
            .filter_map(|index| Some((&self.tokens.get(*index)?.hash, *index)))
            .collect();
        let mut signed_in = self.signed_in.write();
        for (digest, index) in &*former.signed_in.read() {
            let token = former.tokens.get(*index);
            if let Some(place) = token.and_then(|token| places.get(&token.hash)) {
                signed_in.insert(*digest, *place);
            }
        }
    }

    /// Returns the tokens whose hashes a list has.
    pub(super) fn present_in(&self, list: &[StaticToken]) -> Vec<StaticToken> {
        let hashes: HashSet<_> = list.iter().map(|token| &token.hash).collect();
        let tokens = self.tokens.iter().filter(|token| hashes.contains(&token.hash));
        tokens.cloned().collect()
    }

    /// Returns the entry of a token, if its hash has an id or it has signed in before.
    pub(super) fn find(&self, token: &str) -> Option<&StaticToken> {
        let same_id = TokenId::of(token).and_then(|id| self.by_id.get(&id));
        let mut same_id = same_id.into_iter().flatten();
        if let Some(found) = same_id.find_map(|index| self.matching(*index, token)) {
            return Some(found);
        }
        if self.without_id.is_empty() {
            return None;
        }
        let index = *self.signed_in.read().get(&sha256(token))?;
        self.tokens.get(index)
    }

    /// Returns the number of tokens to search among for a token; none if it is found without a search, or cannot be one of
    /// them.
    pub(super) fn searched_tokens(&self, token: &str) -> Option<NonZeroU32> {
        let number = u32::try_from(self.without_id.len())
            .ok()
            .and_then(NonZeroU32::new)?;
        let is_searched = TokenId::of(token).is_some() && self.find(token).is_none();
        is_searched.then_some(number)
    }

    /// Returns the entry of a token whose hash has no id. Compares with all of them, so that the time taken does not
    /// reveal which one matched.
    pub(super) fn search(&self, token: &str) -> Option<&StaticToken> {
        let mut found = None;
        for index in &self.without_id {
            found = self
                .matching(*index, token)
                .map(|token| (*index, token))
                .or(found);
        }
        let (index, entry) = found?;
        self.signed_in.write().insert(sha256(token), index);
        Some(entry)
    }

    fn matching(&self, index: usize, token: &str) -> Option<&StaticToken> {
        self.tokens.get(index).filter(|known| known.hash.is_of(token))
    }
}

fn sha256(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}
