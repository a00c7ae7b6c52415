//! Who is left after each stage that removed something: a bit for each token.

use crate::decode::TokenId;
use crate::decode::passes::BLOCK;

/// Tokens to a word.
const WORD: usize = u64::BITS as usize;

/// Which tokens survive, and which stage removed each of the others.
#[derive(Clone, Debug)]
pub(super) struct Fates {
    vocab_size: usize,
    /// Of the stages that removed something, in their order.
    stages: Vec<Left>,
}

/// Who is left after a stage.
#[derive(Clone, Debug)]
struct Left {
    stage: u8,
    bits: Vec<u64>,
}

impl Left {
    fn has(&self, id: TokenId) -> bool {
        self.bits.get(id as usize / WORD).is_some_and(|word| word >> (id as usize % WORD) & 1 == 1)
    }
}

impl Fates {
    /// All alive.
    pub(super) fn alive(vocab_size: usize) -> Self {
        Self { vocab_size, stages: Vec::new() }
    }

    pub(super) fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    pub(super) fn is_alive(&self, id: TokenId) -> bool {
        (id as usize) < self.vocab_size && self.stages.last().is_none_or(|left| left.has(id))
    }

    /// The stage that removed a token.
    pub(super) fn removed_by(&self, id: TokenId) -> Option<u8> {
        if self.is_alive(id) {
            return None;
        }
        self.stages.iter().find(|left| !left.has(id)).map(|left| left.stage)
    }

    /// A stage removes all but these, which survive so far.
    pub(super) fn keep(&mut self, stage: u8, kept: &[TokenId]) {
        let mut bits = vec![0; self.vocab_size.div_ceil(WORD)];
        for &id in kept {
            bits[id as usize / WORD] |= 1 << (id as usize % WORD);
        }
        // What it has removed before is not among them.
        self.stages.pop_if(|left| left.stage == stage);
        self.stages.push(Left { stage, bits });
    }

    /// A stage removes a token of the vocabulary.
    pub(super) fn remove(&mut self, stage: u8, id: TokenId) {
        if self.stages.last().is_none_or(|left| left.stage != stage) {
            let all = || vec![u64::MAX; self.vocab_size.div_ceil(WORD)];
            let bits = self.stages.last().map_or_else(all, |left| left.bits.clone());
            self.stages.push(Left { stage, bits });
        }
        if let Some(left) = self.stages.last_mut() {
            left.bits[id as usize / WORD] &= !(1 << (id as usize % WORD));
        }
    }

    /// Whether nothing is left of a block of tokens.
    pub(super) fn is_empty(&self, block: usize) -> bool {
        let words = block * BLOCK / WORD..((block + 1) * BLOCK).min(self.vocab_size).div_ceil(WORD);
        self.stages.last().is_some_and(|left| left.bits[words].iter().all(|word| *word == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_has_its_stage() {
        let mut fates = Fates::alive(600);
        fates.remove(0, 7);
        fates.remove(0, 260);
        fates.keep(2, &[3, 261, 599]);
        fates.remove(2, 261);
        fates.remove(5, 599);
        let by = [3, 7, 8, 260, 261, 599].map(|id| fates.removed_by(id));
        assert_eq!(by, [None, Some(0), Some(2), Some(0), Some(2), Some(5)]);
        assert_eq!((0..700).filter(|id| fates.is_alive(*id)).collect::<Vec<_>>(), [3]);
        assert_eq!([0, 1, 2].map(|block| fates.is_empty(block)), [false, true, true]);
    }
}
